"""Which strings are dates (contract 4.5), and the same forms as the engine's `format`.

`is_date` decides alone: it never accepts what the engine's format refuses, and of what it refuses
nothing is ever sent to a date field. So what matters is one direction of agreement, which
`tests/engine` checks on both engines.
"""

import re
from calendar import monthrange

# Java's time patterns. `XX` reads +0000 and Z, `XXX` reads +00:00; fractions have 1 to 9 digits
# (contract 7.7). The commonest forms come first: the engine tries them in this order.
ENGINE_DATE_FORMAT = "||".join(
    (
        "uuuu-MM-dd",
        "uuuu-MM-dd HH:mm:ss",
        "uuuu-MM-dd'T'HH:mm:ss[.SSSSSSSSS][.SSSSSSSS][.SSSSSSS][.SSSSSS]"
        "[.SSSSS][.SSSS][.SSS][.SS][.S][XXX][XX]",
        "uuuu/MM/dd HH:mm:ss [XXX][XX]",
    )
)

_DAY = r"(?:0[1-9]|1[0-2]){0}(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-7]):?[0-5][0-9]|18:?00))"
_FORMS = re.compile(
    rf"(?!0000)[0-9]{{4}}(?:"
    rf"-{_DAY.format('-')}(?: {_TIME}|T{_TIME}(?:\.[0-9]{{1,9}})?{_ZONE})?"
    rf"|/{_DAY.format('/')} {_TIME} {_ZONE}"
    rf")\Z"
)


def is_date(text: str) -> bool:
    """One of the five forms, and a day of the calendar (years 0001 to 9999)."""
    if not _FORMS.match(text):
        return False
    day = int(text[8:10])
    return day <= 28 or day <= monthrange(int(text[:4]), int(text[5:7]))[1]
