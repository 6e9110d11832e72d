"""What every parser gives, and what it may not exceed."""

from dataclasses import dataclass
from typing import BinaryIO

from garner.errors import JsonObject, SourceFailed
from garner.limits import MAX_RECORD_BYTES
from garner.sources.expand import CHUNK


@dataclass(frozen=True, slots=True)
class Parsed:
    """One record of a member. `offset` is where its parser goes on after it: bytes where a format
    has a place between records (CSV, NDJSON), else the number of records that are done."""

    offset: int
    value: JsonObject | None = None
    error: str = ""
    deleted: bool = False


class RecordBudget:
    """A stream that fails when one record takes more bytes than it may. The parser says with
    `reset` where a record, or anything else that isn't kept, has ended."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._taken = 0

    def read(self, count: int = CHUNK) -> bytes:
        # Parsers read ahead: what they took before may belong to earlier records.
        if self._taken > MAX_RECORD_BYTES + 2 * CHUNK:
            raise too_large_record()
        data = self._stream.read(count)
        self._taken += len(data)
        return data

    def reset(self) -> None:
        self._taken = 0


def too_large_record() -> SourceFailed:
    return SourceFailed(
        f"One record is larger than {MAX_RECORD_BYTES:,} bytes: is the descriptor right about"
        " where a record ends (an unclosed quote, a line without an end)?"
    )
