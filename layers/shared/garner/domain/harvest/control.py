"""What a source may do now: its control (what people decided) and its outcome (how work ended).

The two are kept apart, so that HOLD and INACTIVE survive a run that finishes (harvest 1). The
texts are those of controller contract 2.5.
"""

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from garner.domain.harvest.requests import RequestType
from garner.errors import BadRequest, JsonObject


class Control(StrEnum):
    FREE = ""
    HOLD = "HOLD"
    INACTIVE = "INACTIVE"


class ResourceStatus(StrEnum):
    """`resourceStatus`, as far as this service sets it (controller contract 1.2)."""

    NEVER_RAN = ""
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    STUCK = "STUCK"
    HOLD = "HOLD"
    INACTIVE = "INACTIVE"
    CLEAR = "CLEAR"


class SystemStatus(StrEnum):
    ALL_CLEAR = "ALL_CLEAR"
    PAUSED = "PAUSED"
    QUEUE_FAILURE = "SYSTEM_QUEUE_FAILURE"
    ERROR = "SYSTEM_ERROR"
    NETWORK_FAILURE = "NETWORK_FAILURE"
    RECOVERED = "RECOVERED"

    @property
    def is_failure(self) -> bool:
        return self in (
            SystemStatus.QUEUE_FAILURE,
            SystemStatus.ERROR,
            SystemStatus.NETWORK_FAILURE,
        )


class Refused(BadRequest):
    """A refusal of the controller; `message` is the whole text on the wire."""

    code = "BadRequest.ControllerRefusal"

    @classmethod
    def because(cls, reason: str) -> "Refused":
        return cls(f"Failed Request : {reason}")

    @classmethod
    def value(cls, parameter: str) -> "Refused":
        return cls.because(f"Invalid value for {parameter}")


class IngestHeld(Exception):
    """The one refusal that is recorded as a process request, and answered with 201."""

    message = "Failed request - Specified resource is on HOLD. "


NO_RESOURCE = "Specify ResourceID"
UNKNOWN_RESOURCE = "Invalid Resource"
PAUSED = "System is PAUSED."


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSource:
    """A source's row. `revision` rises with every change; a change names the one it read.

    `base` is the stored manifest of the last complete crawl, `reference` what accounting compares
    with, `errors_left` latches prior errors, `epoch` rises with each reset, `latest` maps request
    type → id of the newest request.
    """

    source_id: str
    descriptor: JsonObject
    created_at: float
    changed_at: float
    revision: int = 0
    descriptor_version: int = 1
    control: Control = Control.FREE
    outcome: ResourceStatus = ResourceStatus.NEVER_RAN
    active_run: str = ""
    epoch: int = 0
    errors_left: int = 0
    base: str = ""
    reference: int = 0
    last_run_at: float | None = None
    last_refusal: str = ""
    latest: JsonObject = field(default_factory=dict)
    schedule: JsonObject = field(default_factory=dict)

    @property
    def status(self) -> ResourceStatus:
        """What curators see: a control hides the outcome."""
        if self.control:
            return ResourceStatus(self.control.value)
        return ResourceStatus.RUNNING if self.active_run else self.outcome

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "RegisteredSource":
        return cls(
            **{
                **document,
                "control": Control(document["control"]),
                "outcome": ResourceStatus(document["outcome"]),
            }
        )


def check_start(source: RegisteredSource, kind: RequestType) -> None:
    """Raises `Refused`, or `IngestHeld`, where no workflow may start (rows 5 to 8)."""
    if source.control is Control.HOLD:
        if kind is RequestType.INGEST:
            raise IngestHeld
        raise Refused.because("Specified resource is on HOLD.")
    if source.control is Control.INACTIVE:
        raise Refused.because("Specified resource is INACTIVE.")
    if source.active_run:
        raise Refused.because(
            f"Cannot start ingesting: Source '{source.source_id}' is already ingesting/processing!"
        )


def held(source: RegisteredSource) -> RegisteredSource:
    return replace(source, control=Control.HOLD)


def inactivated(source: RegisteredSource) -> RegisteredSource:
    return replace(source, control=Control.INACTIVE)


def cleared(source: RegisteredSource) -> RegisteredSource:
    """HOLD and INACTIVE are lifted; any other state stays as it is (2.6)."""
    if not source.control:
        return source
    return replace(source, control=Control.FREE, outcome=ResourceStatus.CLEAR)


def freed(source: RegisteredSource) -> RegisteredSource:
    """`reset`: whatever runs is disowned; its worker finds the epoch raised."""
    return (
        replace(source, active_run="", epoch=source.epoch + 1, outcome=ResourceStatus.NEVER_RAN)
        if source.active_run
        else replace(source, epoch=source.epoch + 1)
    )
