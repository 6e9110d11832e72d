"""Functions that transforms may call besides JSONata's own (controller contract 5.2)."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Letters of Java's SimpleDateFormat, which Foundry's formats are written in.
_JAVA = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "dd": "%d",
    "d": "%d",
    "HH": "%H",
    "H": "%H",
    "hh": "%I",
    "h": "%I",
    "mm": "%M",
    "m": "%M",
    "ss": "%S",
    "s": "%S",
    "SSS": "%f",
    "a": "%p",
    "EEEE": "%A",
    "EEE": "%a",
    "Z": "%z",
    "XXX": "%z",
}
_JAVA_TOKEN = re.compile(r"'([^']*)'|([A-Za-z])\2*|[^A-Za-z']+")

_FREE_FORMS = (
    "%Y",
    "%Y-%m",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y %b %d",
    "%Y %B %d",
    "%Y %b",
    "%Y %B",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%b %Y",
    "%B %Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%b-%Y",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
)


def stable_uuid(namespace: str = "", separator: str = "", *values: object) -> str:
    """Fully determined by its arguments: `$uuid("SCR_005400", "-", ["value1", "value2"])`."""
    parts = [part for value in values for part in (value if isinstance(value, list) else [value])]
    base = uuid.uuid5(uuid.NAMESPACE_URL, str(namespace))
    return str(uuid.uuid5(base, str(separator).join(str(part) for part in parts)))


def standard_date_time(value: object = None, form: str = "") -> str:
    return _written(value, form, "%Y%m%dT%H%M%S%z")


def standard_date(value: object = None, form: str = "") -> str:
    return _written(value, form, "%Y%m%d")


def standard_time(value: object = None, form: str = "") -> str:
    return _written(value, form, "%H%M%S%z")


def standard_year(value: object = None, form: str = "") -> str:
    return _written(value, form, "%Y")


def nothing(*_: object) -> None:
    """Stands for a function that transforms may not use."""


FUNCTIONS: dict[str, Callable[..., object]] = {
    "uuid": stable_uuid,
    "toStandardDateTime": standard_date_time,
    "toStandardDate": standard_date,
    "toStandardTime": standard_time,
    "toStandardYear": standard_year,
    "eval": nothing,  # it would make checking a script at registration worthless
}


def _written(value: object, form: str, target: str) -> str:
    """Unparsable → `""`; a time without zone is UTC."""
    text = "" if value is None else str(value).strip()
    moment = _exact(text, form) if form else None
    moment = moment or _free(text)
    if moment is None:
        return ""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # `%Y` of a year below 1000 is not padded on every platform.
    return moment.strftime(target.replace("%Y", f"{moment.year:04}"))


def _exact(text: str, form: str) -> datetime | None:
    parts = []
    for token in _JAVA_TOKEN.finditer(form):
        quoted, letter = token.group(1), token.group(2)
        if letter and token.group() not in _JAVA:
            return None
        literal = quoted if quoted is not None else token.group()
        parts.append(_JAVA[token.group()] if letter else literal.replace("%", "%%"))
    return _parsed(text, "".join(parts))


def _free(text: str) -> datetime | None:
    if not text or len(text) > 100:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        found = (_parsed(text, form) for form in _FREE_FORMS)
    return next((moment for moment in found if moment), None) or _mail_date(text)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds the zone
    except (ValueError, re.error):
        return None


def _mail_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
