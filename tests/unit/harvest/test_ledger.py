"""What the index lacks, what it has too much of, and what can be vouched for."""

import pytest

from garner.domain.harvest.ledger import Orphan, join, judge_orphan, settled
from garner.domain.harvest.rows import FAILED, FINISHED, UNKNOWN_DOCUMENT, Published, Row


def row(key: str, subject: str, document: str = "d", at: float = 10.0, offset: int = 0) -> Row:
    return Row(key, "c", 0, offset, at, FINISHED, subject, document)


def ledger(*rows: Published) -> dict[str, Published]:
    return {each.subject: each for each in rows}


def test_only_what_differs_is_wanted() -> None:
    known = ledger(Published("s1", "d", "k1"), Published("s2", "old", "k2"))
    joined = join([row("k1", "s1"), row("k2", "s2"), row("k3", "s3")], known)
    assert [each.key for each in joined.wanted] == ["k2", "k3"]
    assert joined.rows == [Published(f"s{n}", "d", f"k{n}") for n in (1, 2, 3)]
    assert joined.orphans == []


def test_everything_is_wanted_where_the_ledger_is_ignored() -> None:
    joined = join([row("k1", "s1")], ledger(Published("s1", "d", "k1")), everything=True)
    assert len(joined.wanted) == 1


def test_an_unknown_document_is_published_again() -> None:
    joined = join([row("k1", "s1")], ledger(Published("s1", UNKNOWN_DOCUMENT, "k1")))
    assert len(joined.wanted) == 1


def test_records_in_error_or_without_subject_claim_nothing() -> None:
    bad = Row("k1", "c", 0, 0, 1.0, FAILED, "s1")
    unnamed = Row("k2", "c", 0, 1, 1.0, FINISHED, "")
    joined = join([bad, unnamed], ledger(Published("s1", "d", "k1")))
    assert joined.wanted == joined.rows == []
    assert joined.orphans == [Published("s1", "d", "k1")]


def test_of_two_records_with_one_subject_the_last_wins() -> None:
    joined = join([row("k2", "s", "late", offset=9), row("k1", "s", "early", offset=3)], {})
    assert joined.duplicates == 1
    assert joined.rows == [Published("s", "late", "k2")]


def test_the_date_filter_leaves_older_records_and_their_entries_alone() -> None:
    known = ledger(Published("s1", "old", "k1"))
    joined = join([row("k1", "s1", at=9.9), row("k2", "s2", at=10.0)], known, crawled_since=10.0)
    assert [each.key for each in joined.wanted] == ["k2"]
    assert Published("s1", "old", "k1") in joined.rows


MOVED = row("k", "new subject")
ENTRY = Published("old subject", "d", "k")


@pytest.mark.parametrize(
    ("owner", "removes", "since", "verdict"),
    [
        (None, False, 0.0, Orphan.KEEP),
        (None, True, 0.0, Orphan.DELETE),
        (MOVED, False, 0.0, Orphan.DELETE),
        (MOVED, False, 10.0, Orphan.DELETE),
        (MOVED, False, 10.1, Orphan.KEEP),
        (Row("k", "c", 0, 0, 1.0, FAILED), True, 0.0, Orphan.KEEP),
        (Row("k", "c", 0, 0, 1.0, FINISHED, ""), True, 0.0, Orphan.KEEP),
    ],
)
def test_an_entry_that_no_record_claims(
    owner: Row | None, removes: bool, since: float, verdict: Orphan
) -> None:
    assert judge_orphan(ENTRY, owner, removes=removes, crawled_since=since) is verdict


def test_what_no_task_confirmed_is_unknown() -> None:
    rows = [Published("a", "d", "ka"), Published("b", "d", "kb")]
    unconfirmed = ledger(Published("b", "x", "old"), Published("gone", "d", "kg"))
    assert settled(rows, unconfirmed) == [
        Published("a", "d", "ka"),
        Published("b", UNKNOWN_DOCUMENT, "kb"),
        Published("gone", UNKNOWN_DOCUMENT, "kg"),
    ]
