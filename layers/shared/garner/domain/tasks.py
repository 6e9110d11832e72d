"""Tasks: what a log slot holds, the states it goes through, and the verdict that ends it."""

from dataclasses import dataclass, field
from enum import StrEnum

from garner.errors import JsonObject


class TaskState(StrEnum):
    """Contract 4.2; VOID marks a slot that nobody will ever fill and is never shown."""

    PENDING = "PENDING"
    PROGRESS = "PROGRESS"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    VOID = "VOID"

    @property
    def is_terminal(self) -> bool:
        return self not in (TaskState.PENDING, TaskState.PROGRESS)


class TaskKind(StrEnum):
    """What a task does; the payload's form follows from it (`garner.domain.operations`)."""

    INGEST = "ingest"
    UPLOAD = "upload"
    DECLARE = "declare_fields"
    REPLAY = "replay"
    DELETE_ENTRY = "delete_entry"
    DELETE_SUBJECTS = "delete_by_subject"
    DELETE_BY_QUERY = "delete_by_query"

    @property
    def task_type(self) -> str:
        """The word on the wire (contract 2.12)."""
        writes = (TaskKind.UPLOAD, TaskKind.REPLAY, TaskKind.DECLARE)
        return "ingest" if self in writes else self.value


class TaskError(StrEnum):
    """Why a task did not end in SUCCESS."""

    VALIDATION = "VALIDATION"  # entries break a rule; nothing applied
    MAPPING = "MAPPING"  # the engine refuses a new field; nothing applied
    LIMIT = "LIMIT"  # too many or too much for a subject; nothing applied
    SKIPPED = "SKIPPED"  # on_error=skip left entries out
    ITEM_FAILURES = "ITEM_FAILURES"  # the engine refused documents; the others are applied
    WORKER_CRASH = "WORKER_CRASH"  # its worker died each time
    PAYLOAD_DAMAGED = "PAYLOAD_DAMAGED"  # what is stored is not what was accepted
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    CANCELLED = "CANCELLED"


class Outcome(StrEnum):
    """What became of one entry."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"  # a newer write, or a later entry of the task, stands in its place
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """One entry that is not simply applied (contract 4.3). `position` counts from 0."""

    position: int
    outcome: Outcome = Outcome.REJECTED
    subject: str | None = None
    entry_id: str | None = None
    code: str | None = None
    field: str | None = None
    expected: str | None = None
    found: str | None = None
    reason: str | None = None

    def to_json(self) -> JsonObject:
        return {
            "position": self.position,
            "subject": self.subject,
            "entry_id": self.entry_id,
            "outcome": self.outcome.value,
            "code": self.code,
            "field": self.field,
            "expected": self.expected,
            "found": self.found,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, document: JsonObject) -> "EntryOutcome":
        return cls(**{**document, "outcome": Outcome(document["outcome"])})


@dataclass(frozen=True, slots=True)
class Counts:
    applied: int = 0
    superseded: int = 0
    rejected: int = 0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(
            self.applied + other.applied,
            self.superseded + other.superseded,
            self.rejected + other.rejected,
        )

    def to_json(self) -> JsonObject:
        return {
            "applied": self.applied,
            "superseded": self.superseded,
            "rejected": self.rejected,
        }


@dataclass(frozen=True, slots=True)
class PayloadRef:
    """Where a payload is and what it must be. `size` is the stored, `expanded` the full length."""

    key: str
    sha256: str
    size: int
    expanded: int
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What a caller wants done, checked in shape (contract 2.4 to 2.11).

    `payload` is made by `garner.domain.operations`; `operations` is how many there are, 0 where
    only the worker can tell. `file_bytes` are those of an uploaded file.
    """

    kind: TaskKind
    payload: bytes
    operations: int
    skip_errors: bool = False  # on_error=skip
    file_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a task ended. `outcomes` are the entries that were not simply applied, at most as many
    as fit in the log; `pages` are the stored objects with all of them."""

    state: TaskState
    error: TaskError | None = None
    message: str | None = None
    counts: Counts = field(default_factory=Counts)
    partial: bool = False
    outcomes: tuple[EntryOutcome, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A log slot. Times are epoch seconds.

    `dead_by` is when the last write of the current attempt can have arrived at the latest,
    `dead_before` the same for all earlier attempts. `progress` is `garner.domain.progress` for an
    upload, else what the drain keeps of a task over a limit.
    """

    n: int
    kind: TaskKind
    caller: str
    request_id: str
    payload: PayloadRef
    operations: int
    created_at: float
    skip_errors: bool = False
    state: TaskState = TaskState.PENDING
    attempts: int = 0
    dead_by: float = 0.0
    dead_before: float = 0.0
    cancel: bool = False
    progress: JsonObject | None = None
    verdict: Verdict | None = None
    completed_at: float | None = None
