"""What an index has of a source, against what it should have: one partition by subject.

Harvest 3, step 6. Nothing here deletes: `orphans` are judged by their owners' partition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from garner.domain.harvest.rows import FINISHED, UNKNOWN_DOCUMENT, Published, Row


@dataclass(slots=True)
class Joined:
    """`wanted` has to be published; `rows` is the ledger if all of it is. `orphans` are rows of
    the old ledger that no record claims. `unnamed` records are finished but have no subject."""

    wanted: list[Row] = field(default_factory=list)
    rows: list[Published] = field(default_factory=list)
    orphans: list[Published] = field(default_factory=list)
    duplicates: int = 0


def join(
    records: Iterable[Row],
    ledger: Mapping[str, Published],
    *,
    crawled_since: float = 0.0,
    everything: bool = False,
) -> Joined:
    """`crawled_since` is the date filter of `crawlOffset`; `everything` ignores what the index is
    known to have (reprocess, a rebuilt index)."""
    result = Joined()
    winners: dict[str, Row] = {}
    for row in records:
        if row.state != FINISHED or not row.subject:
            continue
        other = winners.get(row.subject)
        result.duplicates += other is not None
        if other is None or row.order > other.order:
            winners[row.subject] = row
    for subject, row in winners.items():
        known = ledger.get(subject)
        if row.crawled_at < crawled_since:
            if known:
                result.rows.append(known)
            continue
        result.rows.append(Published(subject, row.document, row.key))
        if everything or known is None or known.document != row.document:
            result.wanted.append(row)
    result.orphans = [row for subject, row in ledger.items() if subject not in winners]
    return result


class Orphan(Enum):
    KEEP = "keep"
    DELETE = "delete"


def judge_orphan(
    orphan: Published, owner: Row | None, *, removes: bool, crawled_since: float
) -> Orphan:
    """An entry goes when its record is published under another subject now, or, where the
    descriptor says so, when its record is gone. A record in error keeps its entry."""
    if owner is None:
        return Orphan.DELETE if removes else Orphan.KEEP
    moved = owner.state == FINISHED and owner.subject and owner.subject != orphan.subject
    return Orphan.DELETE if moved and owner.crawled_at >= crawled_since else Orphan.KEEP


def settled(rows: Iterable[Published], unconfirmed: Mapping[str, Published]) -> list[Published]:
    """The ledger as it can be vouched for: what no task confirmed must be published again, and a
    deletion that no task confirmed may still be there."""
    result = {row.subject: row for row in rows}
    for subject, row in unconfirmed.items():
        key = result[subject].key if subject in result else row.key
        result[subject] = Published(subject, UNKNOWN_DOCUMENT, key)
    return list(result.values())
