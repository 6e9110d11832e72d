"""A run: the resumable job behind a process request, and the phases it goes through."""

from dataclasses import dataclass, field, fields
from enum import StrEnum

from garner.domain.harvest.requests import AUTO_RUN_USER, Parameters, RequestType
from garner.domain.harvest.source import masked_descriptor
from garner.errors import JsonObject


class Phase(StrEnum):
    BEGIN = "begin"  # prior errors, index name
    FETCH = "fetch"  # the only phase of the function that may reach the internet
    PARSE = "parse"  # raw objects to segments of records
    CLASSIFY = "classify"  # against the base
    SELECT = "select"  # from the base, where nothing is crawled
    TRANSFORM = "transform"
    REBASE = "rebase"  # the next base
    DECIDE = "decide"
    JOIN = "join"  # with the ledger
    ORPHANS = "orphans"
    BUILD = "build"  # parts
    PUBLISH = "publish"
    WAIT = "wait"
    REMOVE = "remove"  # deletions, after everything else is in the index
    WAIT_REMOVED = "wait_removed"
    SETTLE = "settle"  # the next ledger
    CLOSE = "close"
    DONE = "done"


_CRAWL = (Phase.FETCH, Phase.PARSE, Phase.CLASSIFY)
_PIPELINE = (Phase.TRANSFORM, Phase.REBASE, Phase.DECIDE)
_PUBLISH = (
    Phase.JOIN,
    Phase.ORPHANS,
    Phase.BUILD,
    Phase.PUBLISH,
    Phase.WAIT,
    Phase.REMOVE,
    Phase.WAIT_REMOVED,
    Phase.SETTLE,
)
_END = (Phase.CLOSE, Phase.DONE)

PHASES: dict[RequestType, tuple[Phase, ...]] = {
    RequestType.UPDATE: (Phase.BEGIN, *_CRAWL, *_PIPELINE, *_PUBLISH, *_END),
    RequestType.INGEST: (Phase.BEGIN, *_CRAWL, *_PIPELINE, *_END),
    RequestType.RUN: (Phase.BEGIN, Phase.SELECT, *_PIPELINE, *_END),
    RequestType.REPROCESS: (Phase.BEGIN, Phase.SELECT, *_PIPELINE, *_PUBLISH, *_END),
    RequestType.INDEX: (Phase.BEGIN, Phase.SELECT, *_PIPELINE, *_PUBLISH, *_END),
}


def next_phase(kind: RequestType, phase: Phase) -> Phase:
    phases = PHASES[kind]
    return phases[phases.index(phase) + 1]


@dataclass(slots=True, kw_only=True)
class Run:
    """The state that survives a worker. Changed only by the holder of the lease, whose `fence` it
    carries; a reset raises the fence, and the next save of the old holder fails.

    `cursor` belongs to the phase and starts empty in each. `generation` rises when a crawl is
    parsed again, so that markers of the earlier pass are void. `facts` is what phases hand on.
    """

    run_id: str
    source_id: str
    type: RequestType
    created_at: float
    descriptor: JsonObject
    user_id: int = AUTO_RUN_USER
    parameters: Parameters = field(default_factory=Parameters)
    phase: Phase = Phase.BEGIN
    cursor: JsonObject = field(default_factory=dict)
    facts: JsonObject = field(default_factory=dict)
    generation: int = 0
    cycle: int = 0
    slices: int = 0
    stalls: int = 0
    fence: int = 0
    lease_until: float = 0.0
    resume_at: float = 0.0

    def enter(self, phase: Phase) -> None:
        self.phase, self.cursor = phase, {}

    def enter_next(self) -> None:
        self.enter(next_phase(self.type, self.phase))

    def end(self) -> None:
        """Nobody works on it again, so the credentials of its source are left to the registry."""
        self.enter(Phase.DONE)
        self.lease_until = 0.0
        self.descriptor = masked_descriptor(self.descriptor)

    @property
    def due_at(self) -> float:
        """When somebody has to look after the run, if nobody does."""
        return max(self.lease_until, self.resume_at)

    def to_json(self) -> JsonObject:
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "parameters": self.parameters.to_json(),
        }

    @classmethod
    def from_json(cls, document: JsonObject) -> "Run":
        return cls(
            **{
                **document,
                "type": RequestType(document["type"]),
                "phase": Phase(document["phase"]),
                "parameters": Parameters.from_json(document["parameters"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run ends without success: the label of controller contract 1.3, and more words."""

    label: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}" if self.reason else self.label


@dataclass(frozen=True, slots=True)
class RecordError:
    """A record in error: its key and place, or the place alone where it can't be read."""

    record: str
    reason: str


PRIOR_ERRORS = "Unable to Ingest"
INGEST_FAILED = "Errors in Ingestion"
INGEST_TIMEOUT = "Ingest Timeout"
INDEX_NAME_ERROR = "Index name Error"
INDEXING_ERRORS = "Errors in Indexing"
STUCK = "Ingestion STUCK"
RESET = "Reset"
