"""Process requests: what was asked for, by whom, and the states it goes through.

Controller contract 1.2, 6.4 and 8.2. A process request is never a task of an index; its children
are.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fractions import Fraction

from garner.errors import JsonObject

AUTO_RUN_USER = 4
SYSTEM_SOURCE = "system_state"


class RequestType(StrEnum):
    """The values of `processType`."""

    UPDATE = "update"
    INGEST = "ingest"
    INDEX = "index"
    RUN = "run"
    REPROCESS = "reprocess"
    HOLD = "hold_source"
    CLEAR = "clear_source"
    INACTIVATE = "inactivate_source"
    PAUSE = "pause"
    RESUME = "resume"
    RECOVER = "recover"

    @property
    def crawls(self) -> bool:
        return self in (RequestType.UPDATE, RequestType.INGEST)

    @property
    def publishes(self) -> bool:
        return self in (RequestType.UPDATE, RequestType.INDEX, RequestType.REPROCESS)


class RequestState(StrEnum):
    PENDING = "PENDING"
    PROGRESS = "PROGRESS"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        return self in (RequestState.SUCCESS, RequestState.FAILED)


SOURCE_TYPES = ("rin", "literature", "mentions", "ks")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a workflow, checked (controller contract 2.4). Percentages are decimal
    text, so that no border moves by a rounding."""

    index_name: str = ""
    json_path: str = ""
    crawl_offset: int | None = None
    dup_perc: str | None = None
    err_perc: str | None = None
    force: bool = False
    skip_check: bool = False
    source_type: str = "rin"

    @property
    def allowed_duplicates(self) -> Fraction:
        return Fraction(self.dup_perc or 0)

    @property
    def allowed_errors(self) -> Fraction:
        return Fraction(self.err_perc or 0)

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "Parameters":
        return cls(**document)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRequest:
    """Times are epoch seconds. `message` says why it failed, or what to know about its success."""

    request_id: str
    source_id: str
    type: RequestType
    created_at: float
    user_id: int = AUTO_RUN_USER
    parameters: Parameters = field(default_factory=Parameters)
    state: RequestState = RequestState.PENDING
    completed_at: float | None = None
    message: str = ""
    counts: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "ProcessRequest":
        return cls(
            **{
                **document,
                "type": RequestType(document["type"]),
                "state": RequestState(document["state"]),
                "parameters": Parameters.from_json(document["parameters"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One line of a process request's log (`ingestion_logs`). `number` orders the rows of a
    request and makes a repeated write overwrite itself."""

    request_id: str
    number: int
    source_id: str
    user_id: int
    status: str
    type: str
    started_at: float
    ended_at: float
    message: str = ""
    counts: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "LogRow":
        return cls(**document)
