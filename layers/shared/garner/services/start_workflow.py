"""Accept a workflow: checks in the contract's order, then one write that is also the lock.

Controller contract 2.5 (order: resource, paused, parameters, control, busy) and 1.3, step 4.
"""

from collections.abc import Callable
from dataclasses import replace

from garner.domain.harvest.control import (
    PAUSED,
    IngestHeld,
    Refused,
    RegisteredSource,
    SystemStatus,
    check_start,
)
from garner.domain.harvest.requests import Parameters, ProcessRequest, RequestState, RequestType
from garner.domain.harvest.run import Phase, Run
from garner.errors import Unavailable
from garner.ports.clock import Clock, Ids
from garner.ports.harvest import JobBell
from garner.ports.registry import SourceRegistry, SystemStore
from garner.ports.runs import RequestLog
from garner.services.known_source import known_source

_TRIES = 5
Asked = tuple[Parameters, int]
"""Parameters and user id."""


def start_workflow(
    kind: RequestType,
    source_id: str | None,
    asked: Callable[[], Asked],
    *,
    sources: SourceRegistry,
    system: SystemStore,
    requests: RequestLog,
    bell: JobBell,
    clock: Clock,
    ids: Ids,
) -> str:
    """The id of the process request. `asked` reads the parameters when it is their turn.

    Raises `Refused`, and `IngestHeld` for the one refusal that is on record.
    """
    for _ in range(_TRIES):
        source = known_source(source_id, sources=sources)
        if system.status() is SystemStatus.PAUSED:
            raise Refused.because(PAUSED)
        parameters, user_id = asked()
        now = clock.seconds()
        request = ProcessRequest(
            request_id=ids.uuid(),
            source_id=source.source_id,
            type=kind,
            created_at=now,
            user_id=user_id,
            parameters=parameters,
        )
        try:
            check_start(source, kind)
        except IngestHeld as held:
            _record_refusal(request, held, sources=sources, requests=requests)
            raise
        run = _run_of(request, source)
        if sources.start(_started(source, request), request, run):
            bell.ring(run.run_id, fetch=False)
            return request.request_id
    raise Unavailable("The source is being changed by others; try again.")


def _run_of(request: ProcessRequest, source: RegisteredSource) -> Run:
    return Run(
        run_id=request.request_id,
        source_id=source.source_id,
        type=request.type,
        created_at=request.created_at,
        descriptor=source.descriptor,
        user_id=request.user_id,
        parameters=request.parameters,
        phase=Phase.BEGIN,
        resume_at=request.created_at,
    )


def _started(source: RegisteredSource, request: ProcessRequest) -> RegisteredSource:
    return replace(
        source,
        active_run=request.request_id,
        last_run_at=request.created_at,
        latest={**source.latest, request.type.value: request.request_id},
    )


def _record_refusal(
    request: ProcessRequest, held: IngestHeld, *, sources: SourceRegistry, requests: RequestLog
) -> None:
    requests.put(
        replace(
            request,
            state=RequestState.FAILED,
            completed_at=request.created_at,
            message=held.message.strip(),
        )
    )
    sources.change(
        request.source_id,
        lambda row: replace(row, latest={**row.latest, request.type.value: request.request_id}),
    )
