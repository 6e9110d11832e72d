"""The manifest of a base: which objects hold it, and what it was made with."""

from dataclasses import asdict, dataclass, field
from hashlib import blake2b

from garner.domain.harvest.rows import Row, partition_of_key
from garner.domain.harvest.source import Source
from garner.errors import JsonObject
from garner.ports.harvest import Stage
from garner.services.harvest.objects import Ref, get_group, get_json, get_sections
from garner.services.harvest.partitions import refs_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """`partitions` by key hash, in groups of `width`, each with sections by subject; `segments`
    hold the records that the rows point into; `runs` are the runs whose objects these are;
    `unnamed` finished records of all `records` have no subject."""

    partitions: dict[str, Ref] = field(default_factory=dict)
    width: int = 1
    records: int = 0
    segments: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    transform: str = ""
    rule: str = ""
    unnamed: int = 0

    def to_json(self) -> JsonObject:
        return asdict(self)


def load_base(stage: Stage, key: str) -> Base:
    """The base behind a manifest's key; an empty one without a key."""
    return Base(**get_json(stage, key)) if key else Base()


def base_rows(stage: Stage, base: Base, group: range) -> list[Row]:
    """The rows whose keys are of these partitions."""
    refs = refs_of(base.partitions, base.width, group)
    rows = (row for ref in refs for row in get_sections(stage, Row, ref))
    if base.width <= len(group):
        return list(rows)
    return [row for row in rows if partition_of_key(row.key) in group]


def base_rows_of_subjects(stage: Stage, base: Base, group: range) -> list[Row]:
    """The rows whose subjects are of these partitions."""
    return list(get_group(stage, Row, base.partitions.values(), group))


def transform_fingerprint(source: Source) -> str:
    """What decides how a record comes out, apart from its id: with another one, every record is
    worked on again."""
    parts = (source.transform, source.qc_rules, source.visible_to)
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()
