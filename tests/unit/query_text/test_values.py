"""Numbers, dates and booleans in queries."""

from decimal import Decimal

import pytest

from garner.domain.query.text.values import (
    as_integer,
    integer_bounds,
    number_spellings,
    parse_boolean,
    parse_number,
)
from garner.limits import INT64_MAX, INT64_MIN


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
