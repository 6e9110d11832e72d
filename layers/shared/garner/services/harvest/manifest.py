"""The manifest of a base: which objects hold it, and what it was made with."""

from dataclasses import asdict, dataclass, field
from hashlib import blake2b

from garner.domain.harvest.rows import Row
from garner.domain.harvest.source import Source
from garner.errors import JsonObject
from garner.ports.harvest import Stage
from garner.services.harvest.objects import Ref, get_json, get_section, get_sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """`partitions` by key hash, each with sections by subject; `segments` hold the records that
    the rows point into; `runs` are the runs whose objects these are; `unnamed` finished records
    have no subject."""

    partitions: dict[str, Ref] = field(default_factory=dict)
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


def base_rows(stage: Stage, base: Base, partition: int) -> list[Row]:
    return list(get_sections(stage, Row, base.partitions.get(str(partition), {})))


def base_rows_of_subjects(stage: Stage, base: Base, partition: int) -> list[Row]:
    return list(get_section(stage, Row, base.partitions.values(), partition))


def transform_fingerprint(source: Source) -> str:
    """What decides how a record comes out, apart from its id: with another one, every record is
    worked on again."""
    parts = (source.transform, source.qc_rules, source.visible_to)
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()
