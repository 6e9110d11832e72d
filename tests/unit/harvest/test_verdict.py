"""The rules that decide whether a crawl is trusted, at their borders."""

from fractions import Fraction

import pytest

from garner.domain.harvest.control import ResourceStatus
from garner.domain.harvest.requests import Parameters
from garner.domain.harvest.verdict import (
    Totals,
    accounting_passes,
    decide_crawl,
    decide_rerun,
    duplicates_pass,
    errors_pass,
)


@pytest.mark.parametrize(
    ("current", "previous", "passes"),
    [
        (120, 100, True),
        (121, 100, False),
        (90, 100, True),
        (89, 100, False),
        (12, 10, True),
        (13, 10, False),
        (9, 10, True),
        (8, 10, False),
        (1_200_000, 1_000_000, True),
        (1_200_001, 1_000_000, False),
        (900_000, 1_000_000, True),
        (899_999, 1_000_000, False),
        (3, 3, True),
        (4, 3, False),
        (1_000_000, 0, True),
    ],
)
def test_accounting(current: int, previous: int, passes: bool) -> None:
    assert accounting_passes(current, previous) is passes


@pytest.mark.parametrize(
    ("duplicates", "allowed", "passes"),
    [
        (0, "0", True),
        (1, "0", False),
        (10, "1", True),
        (11, "1", False),
        (1, "0.1", True),
        (2, "0.1", False),
        (1000, "100", True),
    ],
)
def test_duplicates(duplicates: int, allowed: str, passes: bool) -> None:
    totals = Totals(new=1000 - duplicates, duplicates=duplicates)
    assert duplicates_pass(totals, Fraction(allowed)) is passes


@pytest.mark.parametrize(
    ("errors", "seen", "allowed", "passes"),
    [
        (0, 1000, "0", True),
        (1, 1000, "0", False),
        (19, 1000, "2", True),
        (20, 1000, "2", False),
        (1, 1000, "0.1", False),
        (1, 1001, "0.1", True),
        (10, 10, "100", False),
        (9, 10, "100", True),
    ],
)
def test_errors_are_strictly_below(errors: int, seen: int, allowed: str, passes: bool) -> None:
    assert errors_pass(errors, seen, Fraction(allowed)) is passes


def test_stuck_comes_before_errors_and_errors_before_accounting() -> None:
    totals = Totals(new=10, duplicates=1, unreadable=1)
    stuck = decide_crawl(totals, Parameters(), previous=1000, allow_empty=False)
    assert stuck.status is ResourceStatus.STUCK
    errors = decide_crawl(totals, Parameters(dup_perc="50"), previous=1000, allow_empty=False)
    assert errors.message.startswith("Errors in Ingestion")
    tolerant = Parameters(dup_perc="50", err_perc="50")
    accounting = decide_crawl(totals, tolerant, previous=1000, allow_empty=False)
    assert accounting.message.startswith("Accounting Error")
    assert accounting.reference is None
    skipped = Parameters(dup_perc="50", err_perc="50", skip_check=True)
    accepted = decide_crawl(totals, skipped, previous=1000, allow_empty=False)
    assert accepted.accepted
    assert accepted.notify
    assert accepted.reference == 10
    assert accepted.message == "1 duplicates; 1 records in error, let through by -errPerc"


@pytest.mark.parametrize(
    ("totals", "allow_empty", "accepted"),
    [
        (Totals(), False, False),
        (Totals(), True, True),
        (Totals(unreadable=5), True, False),
        (Totals(same=1), False, True),
    ],
)
def test_an_empty_crawl(totals: Totals, allow_empty: bool, accepted: bool) -> None:
    parameters = Parameters(skip_check=True, err_perc="100", dup_perc="100")
    verdict = decide_crawl(totals, parameters, previous=0, allow_empty=allow_empty)
    assert verdict.accepted is accepted


def test_quality_failures_count_in_accounting_and_unreadable_records_do_not() -> None:
    totals = Totals(new=5, same=4, changed=3, failed=2, unreadable=7, duplicates=6)
    assert (totals.distinct, totals.seen, totals.errors) == (12, 25, 9)
    assert (totals.ingested, totals.finished) == (8, 6)


def test_a_rerun_takes_no_error_at_all() -> None:
    assert decide_rerun(0, 10, "run").accepted
    refused = decide_rerun(1, 10, "run")
    assert refused.message == "Errors in run: 1 of 10 records are in error"
