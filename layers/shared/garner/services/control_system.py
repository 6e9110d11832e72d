"""Pause, resume and recover the whole system (controller contract 2.6).

`reboot` has no use case: there is no long-lived consumer to restart, workers end by themselves.
"""

from garner.domain.harvest.control import PAUSED, Refused, SystemStatus
from garner.domain.harvest.requests import (
    SYSTEM_SOURCE,
    ProcessRequest,
    RequestState,
    RequestType,
)
from garner.ports.clock import Clock, Ids
from garner.ports.registry import SystemStore
from garner.ports.runs import RequestLog

_FAILURES = frozenset(status for status in SystemStatus if status.is_failure)


def pause_system(*, system: SystemStore, requests: RequestLog, clock: Clock, ids: Ids) -> None:
    """Nothing may start from now on; what runs may finish. Raises `Refused` if paused already."""
    _refuse_if_paused(system)
    system.enter(SystemStatus.PAUSED, clock.seconds())
    _record(RequestType.PAUSE, requests=requests, clock=clock, ids=ids)


def resume_system(*, system: SystemStore, requests: RequestLog, clock: Clock, ids: Ids) -> bool:
    """False if the system was not paused."""
    paused = frozenset((SystemStatus.PAUSED,))
    if not system.leave(paused, SystemStatus.ALL_CLEAR, clock.seconds()):
        return False
    _record(RequestType.RESUME, requests=requests, clock=clock, ids=ids)
    return True


def recover_system(*, system: SystemStore, requests: RequestLog, clock: Clock, ids: Ids) -> None:
    """A system failure becomes RECOVERED; any other status stays. Raises `Refused` if paused."""
    _refuse_if_paused(system)
    system.leave(_FAILURES, SystemStatus.RECOVERED, clock.seconds())
    _record(RequestType.RECOVER, requests=requests, clock=clock, ids=ids)


def _refuse_if_paused(system: SystemStore) -> None:
    if system.status() is SystemStatus.PAUSED:
        raise Refused.because(PAUSED)


def _record(kind: RequestType, *, requests: RequestLog, clock: Clock, ids: Ids) -> None:
    now = clock.seconds()
    requests.put(
        ProcessRequest(
            request_id=ids.uuid(),
            source_id=SYSTEM_SOURCE,
            type=kind,
            created_at=now,
            state=RequestState.SUCCESS,
            completed_at=now,
        )
    )
