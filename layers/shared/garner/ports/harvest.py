"""What the workflow needs besides the table: staged objects, publishing, alerts, bells, time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from garner.domain.fields import Schema
from garner.errors import JsonObject
from garner.ports.sources import RawFile, RawMeta


class Stage(Protocol):
    """Objects of runs. Keys are paths; bodies written once are never changed, except by the
    repetition of the step that wrote them. Raises `Unavailable`."""

    def put(self, key: str, body: bytes) -> None: ...

    def get(self, key: str) -> bytes: ...

    def get_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Parts of objects, each (key, first byte, length)."""
        ...

    def put_raw(self, key: str, body: BinaryIO) -> None: ...

    def raw(self, key: str, meta: RawMeta) -> RawFile: ...

    def delete_prefix(self, prefix: str) -> None: ...


class RawStage(Protocol):
    """The half of the stage that the fetching function may use."""

    def put_raw(self, key: str, body: BinaryIO) -> None: ...

    def raw(self, key: str, meta: RawMeta) -> RawFile: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An ordinary task to be: upserts (`content` there) or deletions of one source's entries.

    `key` is its idempotency key: submitted twice, there is one task.
    """

    key: str
    origin: str
    index_id: str
    entry_id: str | None
    visible_to: tuple[str, ...]
    subjects: tuple[str, ...]
    contents: tuple[JsonObject, ...] | None


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """`rejected` are positions in the part. `complete` False: nobody can say which."""

    state: Literal["waiting", "applied", "failed"]
    rejected: tuple[int, ...] = ()
    complete: bool = True
    reason: str = ""


class Publisher(Protocol):
    """The same door as everybody's ingest: parts become tasks in the index's log."""

    def submit(self, part: Part) -> str:
        """The task's id. Raises `TooManyRequests` (come back later), `Unavailable`, `NoSuchIndex`,
        `WrongIndexStatus`; a part that can't be taken at all raises another `GarnerError`."""
        ...

    def outcomes(self, index_id: str, task_ids: Sequence[str]) -> list[PartOutcome]: ...

    def schema(self, index_id: str) -> Schema: ...


class Alerts(Protocol):
    def send(self, subject: str, message: str) -> None:
        """Tells the curators. Never raises: the log has it anyway."""
        ...


class JobBell(Protocol):
    def ring(self, run_id: str, *, fetch: bool, delay: float = 0.0) -> None:
        """Asks a worker to look at a run. May get lost: the sweeper rings again."""
        ...


class Schedules(Protocol):
    def put(self, source_id: str, *, hours: int, request: JsonObject) -> None: ...

    def delete(self, source_id: str) -> None: ...


class Sampler(Protocol):
    def sample(self, descriptor: JsonObject, size: int) -> JsonObject:
        """The first records of a source, raw, transformed and checked, from the function that may
        reach the internet. Raises `Unavailable`, `BadRequest`."""
        ...
