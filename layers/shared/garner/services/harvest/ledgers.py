"""The manifest of a ledger: which objects say what an index has of a source."""

from dataclasses import asdict, dataclass, field

from garner.domain.harvest.rows import Published
from garner.errors import JsonObject
from garner.ports.harvest import Stage
from garner.services.harvest.objects import Ref, get_json, get_sections


@dataclass(frozen=True, slots=True)
class Ledger:
    """`partitions` by subject; `runs` are the runs whose objects these are."""

    partitions: dict[str, Ref] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        return asdict(self)


def load_ledger(stage: Stage, key: str) -> Ledger:
    """The ledger behind a manifest's key; an empty one without a key."""
    return Ledger(**get_json(stage, key)) if key else Ledger()


def ledger_rows(stage: Stage, ledger: Ledger, partition: int) -> dict[str, Published]:
    """By subject."""
    ref = ledger.partitions.get(str(partition), {})
    return {row.subject: row for row in get_sections(stage, Published, ref)}
