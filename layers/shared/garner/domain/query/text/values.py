"""What a word means to a field that is not text: numbers, dates and booleans (contract 3.4).

Everything here answers `None` where the text is no such value; nothing raises.
"""

import calendar
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from garner.limits import INT64_MAX, INT64_MIN

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?\Z")
_EXPONENT = re.compile(r"e([+-]?)0*")
_PLAIN_DIGITS = 17  # up to here a number is written without an exponent
_MOMENT = re.compile(
    r"""
    (?P<year>[0-9]{4}) (?: (?P<mark>[-/]) (?P<month>[0-9]{2}) (?: (?P=mark) (?P<day>[0-9]{2})
      (?: [T\ ] (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})
        (?: :(?P<second>[0-9]{2}) (?: \.(?P<fraction>[0-9]{1,9}))? )?
        \ ? (?P<zone>Z | (?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))?
      )? )? )? \Z
    """,
    re.VERBOSE,
)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """The milliseconds that a date stands for, `last` included: `2020-05` is a whole month."""

    first: datetime
    last: datetime


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


def parse_period(text: str) -> Period | None:
    """Any of the five date forms (contract 4.5), shorter ones, and times without a zone (UTC)."""
    match = _MOMENT.match(text)
    if not match:
        return None
    part = {name: int(value) for name, value in match.groupdict().items() if _is_count(value)}
    try:
        first = datetime(
            part["year"], part.get("month", 1), part.get("day", 1),
            part.get("hour", 0), part.get("minute", 0), part.get("second", 0),
            int((match["fraction"] or "").ljust(3, "0")[:3]) * 1000, tzinfo=UTC,
        )  # fmt: skip
        last = first + (_length(match, first) - _MILLISECOND)
        if match["sign"]:
            offset = timedelta(hours=part["hours"], minutes=part["minutes"])
            offset = -offset if match["sign"] == "-" else offset
            first, last = first - offset, last - offset
    except (ValueError, OverflowError):
        return None
    return Period(first, last)


def _length(match: re.Match[str], first: datetime) -> timedelta:
    if match["fraction"]:
        return _MILLISECOND
    if match["second"]:
        return timedelta(seconds=1)
    if match["hour"]:
        return timedelta(minutes=1)
    if match["day"]:
        return timedelta(days=1)
    if match["month"]:
        return timedelta(days=calendar.monthrange(first.year, first.month)[1])
    return timedelta(days=366 if calendar.isleap(first.year) else 365)


def _is_count(value: str | None) -> bool:
    return value is not None and value.isdigit()


def _is_integer(number: Decimal) -> bool:
    return number.adjusted() > _PLAIN_DIGITS + 2 or number == number.to_integral_value()
