"""Dates in queries and facet buckets. An instant is milliseconds since the epoch, as the engine
keeps it; finer fractions are cut off on both sides.

Queries take more than ingest does (contract 3.5): partial dates and years stand for their start,
and a time without zone is UTC.
"""

import re
from calendar import isleap, monthrange, timegm
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

Interval = Literal["year", "quarter", "month", "week", "day", "hour", "minute", "second"]

_FORMS = re.compile(
    r"([0-9]{4})(?:([-/])([0-9]{2})(?:\2([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r" ?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?\Z"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = timegm((1, 1, 1, 0, 0, 0)) * 1000
_LAST = timegm((9999, 12, 31, 23, 59, 59)) * 1000 + 999

_FORMATS: dict[str, str] = {
    "year": "%Y",
    "quarter": "%Y-%m",
    "month": "%Y-%m",
    "week": "%Y-%m-%d",
    "day": "%Y-%m-%d",
}
_LONG_FORM = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Period:
    """All instants that a date stands for, `last` included: `2020-05` is a whole month."""

    first: int
    last: int


def parse_period(text: str) -> Period | None:
    """Any of the five date forms (contract 4.5), shorter ones, and times without a zone (UTC)."""
    match = _FORMS.match(text)
    if match is None:
        return None
    year, _, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
            int(second or 0), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None
    first = (timegm(start.timetuple()) - _offset_seconds(zone)) * 1000
    if fraction:
        first += int((fraction + "00")[:3])
        return Period(first, first)
    given = sum(part is not None for part in (month, day, hour, second))
    return Period(first, first + _length(start, given) - 1)


def _length(start: datetime, given: int) -> int:
    """Milliseconds from `start` to the next year, month, day, minute or second: the last of them
    that was given."""
    year = 366 if isleap(start.year) else 365
    days = (year, monthrange(start.year, start.month)[1], 1)
    return days[given] * 86_400_000 if given < len(days) else (60_000, 1_000)[given - len(days)]


def parse_instant(value: object) -> int | None:
    """The instant a date string or a year (1000 to 9999) stands for; None where it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 1000 <= value <= 9999 else None
    period = parse_period(value) if isinstance(value, str) else None
    return period.first if period else None


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def canonical(instant: int) -> str:
    """`YYYY-MM-DD HH:MM:SS`, with a fraction only where there is one: so that two buckets never
    look alike, and a bucket's value finds its subjects again."""
    moment = _moment(instant)
    text = _format(moment, _LONG_FORM)
    return f"{text}.{moment.microsecond // 1000:03d}" if moment.microsecond else text


def interval_label(instant: int, interval: Interval) -> str:
    """The start of a histogram's interval, in the form of its kind (contract 3.7)."""
    return _format(_moment(instant), _FORMATS.get(interval, _LONG_FORM))


def interval_start(instant: int, interval: Interval) -> int:
    """The start of the interval that holds `instant`, in UTC; weeks start on Monday."""
    moment = _moment(instant)
    day = moment.date()
    match interval:
        case "year":
            day = date(day.year, 1, 1)
        case "quarter":
            day = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        case "month":
            day = date(day.year, day.month, 1)
        case "week":
            return _floor(instant + _MONDAY, 7 * 86_400_000) - _MONDAY
        case "day":
            return _floor(instant, 86_400_000)
        case "hour":
            return _floor(instant, 3_600_000)
        case "minute":
            return _floor(instant, 60_000)
        case "second":
            return _floor(instant, 1_000)
    return timegm(day.timetuple()) * 1000


_LONGEST_DAYS = {"year": 366, "quarter": 92, "month": 31, "week": 7, "day": 1}
_SECONDS = {"hour": 3_600, "minute": 60, "second": 1}


def next_interval(instant: int, interval: Interval) -> int:
    """The start of the interval after the one that holds `instant`."""
    days = _LONGEST_DAYS.get(interval)
    length = _SECONDS[interval] if days is None else days * 86_400
    return interval_start(interval_start(instant, interval) + length * 1000, interval)


_MONDAY = 3 * 86_400_000  # the epoch was a Thursday


def _floor(instant: int, step: int) -> int:
    return instant - instant % step


def _moment(instant: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(max(instant, _FIRST), _LAST))


def _format(moment: datetime, form: str) -> str:
    # strftime leaves the zeros of years before 1000 out on some platforms.
    return moment.strftime(form.replace("%Y", f"{moment.year:04d}"))
