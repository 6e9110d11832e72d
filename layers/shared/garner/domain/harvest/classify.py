"""New, same, changed, not seen, duplicate: one partition of a crawl against the base.

Controller contract 3.13; harvest 3, step 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from garner.domain.harvest.rows import FAILED, FINISHED, Row, Seen


@dataclass(slots=True)
class Classified:
    """`rows` is every record of the partition; those without a state have to be worked on."""

    rows: list[Row] = field(default_factory=list)
    new: int = 0
    same: int = 0
    changed: int = 0
    duplicates: int = 0
    not_seen: int = 0

    @property
    def work(self) -> list[Row]:
        return [row for row in self.rows if not row.state]


def classify(
    seen: Iterable[Seen],
    base: Mapping[str, Row],
    *,
    now: float,
    transform_changed: bool,
    rule_changed: bool,
) -> Classified:
    """The last record of a key wins. An equal record that is not finished, or whose transform
    changed, is worked on again and counts as changed; one that only needs its subject again counts
    as the same."""
    result = Classified()
    for record in _last_of_each_key(seen, result).values():
        known = base.get(record.key)
        row = Row(record.key, record.content, record.segment, record.offset, now)
        if known is None:
            result.new += 1
        elif known.content != record.content or known.state != FINISHED:
            result.changed += 1
        else:
            row = replace(
                known,
                segment=record.segment,
                offset=record.offset,
                state="" if transform_changed or rule_changed else FINISHED,
            )
            result.changed += transform_changed
            result.same += not transform_changed
        result.rows.append(row)
    found = {row.key for row in result.rows}
    result.not_seen = sum(key not in found for key in base)
    return result


def _last_of_each_key(seen: Iterable[Seen], result: Classified) -> dict[str, Seen]:
    last: dict[str, Seen] = {}
    for record in seen:
        other = last.get(record.key)
        if other is not None:
            result.duplicates += 1
        if other is None or record.order > other.order:
            last[record.key] = record
    return last


def select(rows: Iterable[Row], states: frozenset[str]) -> list[Row]:
    """The base again, with the records in one of `states` to be worked on (run, reprocess)."""
    return [replace(row, state="") if row.state in states else row for row in rows]


ERRORS_ONLY = frozenset((FAILED,))
FINISHED_ONLY = frozenset((FINISHED,))
