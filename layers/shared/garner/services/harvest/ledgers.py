"""The manifest of a ledger: which objects say what an index has of a source."""

from dataclasses import asdict, dataclass, field

from garner.domain.harvest.rows import Published, partition_of_subject
from garner.errors import JsonObject
from garner.ports.harvest import Stage
from garner.services.harvest.objects import Ref, get_json, get_sections
from garner.services.harvest.partitions import refs_of


@dataclass(frozen=True, slots=True)
class Ledger:
    """`partitions` by subject, in groups of `width`; `runs` are the runs whose objects these
    are."""

    partitions: dict[str, Ref] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    width: int = 1
    records: int = 0

    def to_json(self) -> JsonObject:
        return asdict(self)


def load_ledger(stage: Stage, key: str) -> Ledger:
    """The ledger behind a manifest's key; an empty one without a key."""
    return Ledger(**get_json(stage, key)) if key else Ledger()


def ledger_rows(stage: Stage, ledger: Ledger, group: range) -> dict[str, Published]:
    """By subject, those of these partitions."""
    refs = refs_of(ledger.partitions, ledger.width, group)
    rows = (row for ref in refs for row in get_sections(stage, Published, ref))
    narrow = ledger.width <= len(group)
    return {
        row.subject: row for row in rows if narrow or partition_of_subject(row.subject) in group
    }
