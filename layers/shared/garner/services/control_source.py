"""Hold, clear, inactivate and reset a source (controller contract 2.6)."""

from collections.abc import Callable
from dataclasses import replace

from garner.domain.harvest.control import (
    PAUSED,
    Refused,
    RegisteredSource,
    SystemStatus,
    cleared,
    freed,
    held,
    inactivated,
)
from garner.domain.harvest.requests import ProcessRequest, RequestState, RequestType
from garner.domain.harvest.run import RESET
from garner.ports.clock import Clock, Ids
from garner.ports.registry import SourceRegistry, SystemStore
from garner.ports.runs import RequestLog, RunStore
from garner.services.known_source import known_source

_CHANGES: dict[RequestType, Callable[[RegisteredSource], RegisteredSource]] = {
    RequestType.HOLD: held,
    RequestType.CLEAR: cleared,
    RequestType.INACTIVATE: inactivated,
}


def control_source(
    kind: RequestType,
    source_id: str | None,
    user_id: Callable[[], int],
    *,
    sources: SourceRegistry,
    system: SystemStore,
    requests: RequestLog,
    clock: Clock,
    ids: Ids,
) -> None:
    """Hold, clear or inactivate, and put it on record. Raises `Refused`."""
    source = known_source(source_id, sources=sources)
    if system.status() is SystemStatus.PAUSED:
        raise Refused.because(PAUSED)
    now = clock.seconds()
    request = ProcessRequest(
        request_id=ids.uuid(),
        source_id=source.source_id,
        type=kind,
        created_at=now,
        user_id=user_id(),
        state=RequestState.SUCCESS,
        completed_at=now,
    )
    sources.change(source.source_id, _CHANGES[kind])
    requests.put(request)


def reset_source(
    source_id: str | None,
    *,
    sources: SourceRegistry,
    system: SystemStore,
    requests: RequestLog,
    runs: RunStore,
    clock: Clock,
) -> None:
    """Free the source: its run is revoked, whatever its worker does now. Leaves no request of its
    own; the one it ended says so. Raises `Refused`."""
    source = known_source(source_id, sources=sources)
    if system.status() is SystemStatus.PAUSED:
        raise Refused.because(PAUSED)
    if source.active_run:
        runs.revoke(source.active_run)
        request = requests.get(source.active_run)
        if request and not request.state.is_terminal:
            requests.put(
                replace(
                    request,
                    state=RequestState.FAILED,
                    completed_at=clock.seconds(),
                    message=RESET,
                )
            )
    sources.change(source.source_id, freed)
