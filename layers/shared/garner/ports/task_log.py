"""The numbered log of an index: its slots, its cursor and its field registry (ingest protocol 1).

Every method raises `Unavailable` when the table does not answer. Writes of a worker carry the
epoch of its lease and raise `LeaseLost` when it is no longer the current one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from garner.domain.fields import Schema
from garner.domain.tasks import Task, Verdict
from garner.errors import JsonObject
from garner.ports.indexes import IndexStatus


class LeaseLost(Exception):
    """The lease is somebody else's: nothing more may be sent or decided."""


class TaskMoved(Exception):
    """A slot is not in the state it was read in: look at the log again."""


@dataclass(frozen=True, slots=True)
class Head:
    """What accept and drain need of HEAD. `lag_since` is when work began to wait."""

    index_id: str
    head: int
    status: IndexStatus
    cancel_upto: int = 0
    lag_since: float | None = None
    date_detection: bool = True
    build: int = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the log is applied, and who is at it. `sent`: highest slot that may have sent."""

    applied: int = 0
    epoch: int = 0
    lease_until: float = 0.0
    backoff_until: float = 0.0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a log."""

    tasks: int
    size: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """The first answer to an idempotency key."""

    request_hash: str
    n: int
    expires_at: float


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key with whose it is and what it was sent with (contract 8.7)."""

    identity: str
    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class TakenSlot:
    """A slot of ours. `ring`: nobody rang for this index yet."""

    n: int
    ring: bool


@dataclass(frozen=True, slots=True)
class Begin:
    """The start of an attempt at a task that was read as `task`."""

    task: Task
    dead_by: float


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The end of an attempt that decided nothing. `pending`: nothing of it was ever sent."""

    task: Task
    dead_by: float
    pending: bool


@dataclass(frozen=True, slots=True)
class Due:
    """An index whose log has waited since `since`."""

    index_id: str
    since: float


class TaskLog(Protocol):
    # --- accept ----------------------------------------------------------------------------------

    def head(self, index_id: str) -> Head | None: ...

    def head_by_key(self, key: str) -> Head | None:
        """The index with this key (`garner.domain.slots.index_key`)."""
        ...

    def cursor(self, index_id: str) -> Cursor: ...

    def backlog(self, index_id: str) -> Backlog: ...

    def take_slot(self, index_id: str, now: float, size: int) -> TakenSlot:
        """Hands out the next slot, for `size` bytes. Raises `NoSuchIndex`, `WrongIndexStatus`."""
        ...

    def put(self, index_id: str, task: Task) -> bool:
        """Fills the slot `task.n`; False if it is decided already, and not by this request."""
        ...

    def put_once(self, index_id: str, task: Task, request: RequestKey, expires_at: float) -> bool:
        """`put`, and remembers the request, in one step; False if either was there before us."""
        ...

    def remembered(self, index_id: str, identity: str, key: str, now: float) -> Remembered | None:
        """The first answer to a key, if it is not over."""
        ...

    def void(self, index_id: str, n: int) -> None:
        """Decides that an empty slot stays empty; does nothing to one that is filled."""
        ...

    # --- show and cancel -------------------------------------------------------------------------

    def tasks(self, index_id: str, slots: Sequence[int]) -> dict[int, Task]:
        """The filled slots among these, VOID included, as they are now."""
        ...

    def cancel(self, index_id: str, n: int, verdict: Verdict, now: float) -> Task | None:
        """PENDING → CANCELLED with `verdict`, PROGRESS → marked to stop; the task afterwards."""
        ...

    # --- drain -----------------------------------------------------------------------------------

    def lease(self, index_id: str, now: float, until: float) -> Cursor | None:
        """Takes the lease with a new epoch if it is free or over; None if it is not."""
        ...

    def renew(self, index_id: str, epoch: int, until: float) -> None:
        """Raises `LeaseLost`."""
        ...

    def begin(self, index_id: str, epoch: int, begins: Sequence[Begin]) -> None:
        """PENDING or PROGRESS → PROGRESS with one more attempt. At most 99, all or none.

        Raises `LeaseLost`, `TaskMoved`.
        """
        ...

    def raise_sent(self, index_id: str, epoch: int, n: int) -> None:
        """From here on something of every slot up to `n` may be sent. Raises `LeaseLost`."""
        ...

    def save_progress(self, index_id: str, epoch: int, n: int, progress: JsonObject) -> None:
        """Raises `LeaseLost`."""
        ...

    def give_back(self, index_id: str, epoch: int, attempts: Sequence[GiveBack]) -> None:
        """Takes attempts back. Raises `LeaseLost`, `TaskMoved`."""
        ...

    def finish(
        self,
        index_id: str,
        epoch: int,
        applied: tuple[int, int],
        *,
        verdicts: Mapping[int, Verdict],
        now: float,
        size: int,
    ) -> None:
        """Writes verdicts and moves the cursor `(from, to)` in one step. At most 99 verdicts.

        `size` is how many bytes of payload wait no longer.

        Raises `LeaseLost` if the epoch or the cursor is not ours, `TaskMoved` if a task is not in
        PROGRESS (or PENDING, for CANCELLED).
        """
        ...

    def release(self, index_id: str, epoch: int, applied: int) -> bool:
        """Drops the lease and the mark that work waits; False if more was accepted meanwhile.

        Raises `LeaseLost`.
        """
        ...

    def let_go(self, index_id: str, epoch: int, backoff_until: float | None = None) -> None:
        """Drops the lease while work still waits. Raises `LeaseLost`."""
        ...

    def schema(self, index_id: str) -> Schema: ...

    def save_schema(self, index_id: str, epoch: int, schema: Schema) -> None:
        """Raises `LeaseLost`."""
        ...

    # --- upkeep ----------------------------------------------------------------------------------

    def set_build(self, index_id: str, epoch: int, build: int) -> None:
        """Which build of the engine's index is the one in use. Raises `LeaseLost`."""
        ...

    def raise_head(self, index_id: str, n: int, now: float) -> int:
        """No slot up to `n` is handed out from here on; the head as it is then. The slots between
        are empty: the drain voids them."""
        ...

    # --- sweep -----------------------------------------------------------------------------------

    def mark_tombstones(self, index_id: str, at: float) -> None:
        """There will be tombstones to purge at `at`; an earlier mark stays."""
        ...

    def tombstones_due(self, until: float) -> list[str]:
        """Indexes whose mark is due."""
        ...

    def put_off_tombstones(self, index_id: str, at: float | None) -> None:
        """Moves the mark, or takes it away."""
        ...

    def lagging(self, until: float) -> list[Due]:
        """Indexes with work that waits since `until` or longer; may be a moment out of date."""
        ...
