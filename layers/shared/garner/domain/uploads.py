"""What was uploaded for a large load (ingest protocol 7)."""

from dataclasses import asdict, dataclass

from garner.errors import JsonObject


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of an uploaded object."""

    key: str
    version: str | None
    size: int

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "Upload":
        return cls(**document)
