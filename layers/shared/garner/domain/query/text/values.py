"""What a word means to a field that is not text: numbers and booleans (contract 3.4).

Everything here answers `None` where the text is no such value; nothing raises.
"""

import math
import re
from decimal import Decimal

from garner.limits import INT64_MAX, INT64_MIN

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?\Z")
_EXPONENT = re.compile(r"e([+-]?)0*")
_PLAIN_DIGITS = 17  # up to here a number is written without an exponent


def parse_boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def parse_number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.match(text) else None


def as_integer(number: Decimal) -> int | None:
    """The number as a value of an integer field: `2.0` is 2, `2.5` is none."""
    if not _is_integer(number):
        return None
    return int(number) if INT64_MIN <= number <= INT64_MAX else None


def integer_bounds(
    lower: Decimal | None, upper: Decimal | None, include_lower: bool, include_upper: bool
) -> tuple[int, int] | None:
    """The smallest and the largest integer in a range; `None` if there is none."""
    first, last = INT64_MIN, INT64_MAX
    if lower is not None:
        if lower > INT64_MAX:
            return None
        if lower >= INT64_MIN:
            excluded = not include_lower and _is_integer(lower)
            first = math.ceil(lower) + excluded
    if upper is not None:
        if upper < INT64_MIN:
            return None
        if upper <= INT64_MAX:
            excluded = not include_upper and _is_integer(upper)
            last = math.floor(upper) - excluded
    return (first, last) if first <= last else None


def number_spellings(text: str) -> list[str]:
    """How else the number in `text` may stand in a document: `1` as `1.0`, `1e3` as `1000`."""
    number = parse_number(text)
    if number is None or number.adjusted() > _PLAIN_DIGITS:
        return []
    spellings = {_EXPONENT.sub(r"e\1", repr(float(number))).replace("e+", "e")}
    if _is_integer(number):
        spellings.add(str(int(number)))
    return sorted(s for s in spellings if s != text and "-" not in s)


def _is_integer(number: Decimal) -> bool:
    return number.adjusted() > _PLAIN_DIGITS + 2 or number == number.to_integral_value()
