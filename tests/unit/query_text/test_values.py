"""Numbers, dates and booleans in queries."""

from decimal import Decimal

import pytest

from garner.domain.query.text.values import (
    as_integer,
    integer_bounds,
    number_spellings,
    parse_boolean,
    parse_number,
    parse_period,
)
from garner.limits import INT64_MAX, INT64_MIN


def period(text):
    found = parse_period(text)
    return found and tuple(
        moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
        for moment in (found.first, found.last)
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
     "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2020-05-01\n"],
)  # fmt: skip
def test_what_is_no_date(text):
    assert period(text) is None


@pytest.mark.parametrize(
    ("text", "spellings"),
    [
        ("1", ["1.0"]), ("1.0", ["1"]), ("1.50", ["1.5"]), ("1e3", ["1000", "1000.0"]),
        ("1E3", ["1000", "1000.0"]), ("007", ["7", "7.0"]), (".5", ["0.5"]), ("0.5", []),
        ("-5", []), ("1e300", []), ("9007199254740993", ["9007199254740992.0"]), ("abc", []),
        ("12345678901234567", ["1.2345678901234568e16"]), ("1e-7", []), ("٣", []), ("1\n", []),
    ],
)  # fmt: skip
def test_other_spellings_of_a_number(text, spellings):
    assert number_spellings(text) == spellings


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("5.0", 5), ("-5", -5), ("5e2", 500), ("5.5", None), ("1e999999", None),
     ("1e-999999", None), (str(2**63), None), (str(2**63 - 1), 2**63 - 1), ("9" * 9000, None)],
)  # fmt: skip
def test_a_number_as_an_integer(text, value):
    assert as_integer(parse_number(text)) == value


@pytest.mark.parametrize(
    ("lower", "upper", "inclusive", "bounds"),
    [
        ("1", "5", True, (1, 5)),
        ("1", "5", False, (2, 4)),
        ("1.5", "4.5", True, (2, 4)),
        ("1.5", "4.5", False, (2, 4)),
        ("5", "1", True, None),
        ("1", "2", False, None),
        ("1e30", None, True, None),
        (None, "-1e30", True, None),
        ("-1e30", "1e30", False, (INT64_MIN, INT64_MAX)),
        (None, None, True, (INT64_MIN, INT64_MAX)),
    ],
)
def test_a_range_of_integers(lower, upper, inclusive, bounds):
    ends = [None if end is None else Decimal(end) for end in (lower, upper)]
    assert integer_bounds(*ends, inclusive, inclusive) == bounds


def test_booleans_have_two_names_in_any_case():
    assert [parse_boolean(text) for text in ("true", "FALSE", "yes", "1")] == [
        True, False, None, None,
    ]  # fmt: skip
