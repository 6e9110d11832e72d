"""Dates in queries and buckets (contract 3.5, 3.7)."""

from datetime import UTC, datetime, timedelta

import pytest

from garner.domain.query.dates import (
    canonical,
    interval_label,
    interval_start,
    next_interval,
    parse_instant,
    parse_period,
)


def instant(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-05-01", instant(2020, 5, 1)),
        ("2020-05-01 10:20:30", instant(2020, 5, 1, 10, 20, 30)),
        ("2020/05/01 10:20:30 -0600", instant(2020, 5, 1, 16, 20, 30)),
        ("2020-05-01T10:20:30Z", instant(2020, 5, 1, 10, 20, 30)),
        ("2020-05-01T10:20:30.1+02:00", instant(2020, 5, 1, 8, 20, 30) + 100),
        ("2020-05-01T10:20:30.123456789Z", instant(2020, 5, 1, 10, 20, 30) + 123),
        ("2020-05-01T10:20:30", instant(2020, 5, 1, 10, 20, 30)),
        ("2020-05-01T10:20", instant(2020, 5, 1, 10, 20)),
        ("2020-05", instant(2020, 5, 1)),
        ("2020", instant(2020, 1, 1)),
        (2020, instant(2020, 1, 1)),
        ("0001-01-01T00:00:00+01:00", -62135596800000 - 3_600_000),
    ],
)
def test_every_form_means_its_start_in_utc(text, expected):
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "value",
    ["", "spring", "2020-13", "2020-02-30", "2020-05/01", "20200501", "2020-05-01T24:00:00Z",
     "0000", "\uff12\uff10\uff12\uff10", 999, 10_000, 1.5, True, None, [2020]],
)  # fmt: skip
def test_what_is_no_date_is_none(value):
    assert parse_instant(value) is None


def test_canonical_has_a_fraction_only_where_there_is_one():
    assert canonical(instant(2020, 5, 1, 10)) == "2020-05-01 10:00:00"
    assert canonical(instant(2020, 5, 1, 10) + 7) == "2020-05-01 10:00:00.007"
    assert canonical(instant(77, 1, 1)) == "0077-01-01 00:00:00"
    assert canonical(10**17) == "9999-12-31 23:59:59.999"


def test_a_canonical_date_is_read_back_as_the_same_instant():
    for moment in (instant(2020, 5, 1) + 7, instant(77, 1, 1), -1, 0):
        assert parse_instant(canonical(moment)) == moment


@pytest.mark.parametrize(
    ("interval", "start", "following", "label"),
    [
        ("year", (2020, 1, 1), (2021, 1, 1), "2020"),
        ("quarter", (2020, 10, 1), (2021, 1, 1), "2020-10"),
        ("month", (2020, 12, 1), (2021, 1, 1), "2020-12"),
        ("week", (2020, 12, 28), (2021, 1, 4), "2020-12-28"),
        ("day", (2020, 12, 31), (2021, 1, 1), "2020-12-31"),
        ("hour", (2020, 12, 31, 23), (2021, 1, 1), "2020-12-31 23:00:00"),
        ("minute", (2020, 12, 31, 23, 59), (2021, 1, 1), "2020-12-31 23:59:00"),
        ("second", (2020, 12, 31, 23, 59, 58), (2020, 12, 31, 23, 59, 59), "2020-12-31 23:59:58"),
    ],
)
def test_intervals_start_and_follow_each_other(interval, start, following, label):
    moment = instant(2020, 12, 31, 23, 59, 58) + 999
    assert interval_start(moment, interval) == instant(*start)
    assert next_interval(moment, interval) == instant(*following)
    assert interval_label(instant(*start), interval) == label


def test_intervals_before_the_epoch_start_before_their_instants():
    assert interval_start(-1, "second") == -1000
    assert interval_start(-1, "week") == instant(1969, 12, 29)
    assert next_interval(instant(1969, 2, 28), "month") == instant(1969, 3, 1)


def period(text):
    found = parse_period(text)
    return found and tuple(
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant))
        .replace(tzinfo=None)
        .isoformat(timespec="milliseconds")
        for instant in (found.first, found.last)
    )


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020", "2020-01-01T00:00:00.000", "2020-12-31T23:59:59.999"),
        ("2021", "2021-01-01T00:00:00.000", "2021-12-31T23:59:59.999"),
        ("9999", "9999-01-01T00:00:00.000", "9999-12-31T23:59:59.999"),
        ("2020-02", "2020-02-01T00:00:00.000", "2020-02-29T23:59:59.999"),
        ("2020-05-01", "2020-05-01T00:00:00.000", "2020-05-01T23:59:59.999"),
        ("2020/05/01", "2020-05-01T00:00:00.000", "2020-05-01T23:59:59.999"),
        ("2020-05-01 10:30", "2020-05-01T10:30:00.000", "2020-05-01T10:30:59.999"),
        ("2020-05-01T10:30:05", "2020-05-01T10:30:05.000", "2020-05-01T10:30:05.999"),
        ("2020-05-01T10:30:05.1234Z", "2020-05-01T10:30:05.123", "2020-05-01T10:30:05.123"),
        ("2020/05/01 10:30:05 +0200", "2020-05-01T08:30:05.000", "2020-05-01T08:30:05.999"),
        ("2020-05-01T23:30:05-06:00", "2020-05-02T05:30:05.000", "2020-05-02T05:30:05.999"),
    ],
)
def test_a_date_is_all_the_time_that_it_covers(text, first, last):
    assert period(text) == (first, last)


@pytest.mark.parametrize(
    "text",
    ["", "20", "0000", "2020-13", "2020-02-30", "2020-05/01", "2020-05-01T25:00", "now", "٢٠٢٠",
     "2020-05-01\n"],
)  # fmt: skip
def test_what_covers_no_time(text):
    assert period(text) is None
