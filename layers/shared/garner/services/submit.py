"""Accept a task: record it in its index's log, ring, answer (ingest protocol, section 2)."""

from dataclasses import dataclass, field, replace

from garner.domain.principals import Caller
from garner.domain.protocol import ProtocolSettings
from garner.domain.slots import TaskIds
from garner.domain.tasks import NewTask, PayloadRef, Task
from garner.errors import TooManyRequests, Unavailable, Unprocessable
from garner.ports.clock import Clock, Ids
from garner.ports.doorbell import Doorbell
from garner.ports.metrics import Metrics
from garner.ports.payloads import PayloadStore
from garner.ports.task_log import Remembered, RequestKey, TaskLog

_SLOT_TRIES = 10  # each lost one was voided because we took longer than the grace time
_RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class RequestIdentity:
    """An Idempotency-Key and the hash of method, path, query and body it came with."""

    key: str
    request_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptPorts:
    """What accepting a task needs; the same for every function that submits."""

    log: TaskLog
    payloads: PayloadStore
    doorbell: Doorbell
    clock: Clock
    ids: Ids
    task_ids: TaskIds
    metrics: Metrics
    settings: ProtocolSettings = field(default_factory=ProtocolSettings)


def submit(
    index_id: str,
    caller: Caller,
    task: NewTask,
    *,
    request: RequestIdentity | None = None,
    ports: AcceptPorts,
) -> str:
    """The task id. When this returns, the task is in the log and will be applied in its order.

    `caller` is authorised and `task` checked in shape before. With `request`, a repetition gets
    the first answer again.

    Raises `NoSuchIndex`, `WrongIndexStatus`, `TooManyRequests` above the backlog limit,
    `Unprocessable` for an Idempotency-Key that was used for another request, and `Unavailable`
    if it is not known to be recorded.
    """
    owner = caller.identity or ""
    key = RequestKey(owner, request.key, request.request_hash) if request else None
    if key and (known := _known(index_id, key, ports)):
        return _same_answer(index_id, key, known, ports)
    _require_room(index_id, ports)
    stored = ports.payloads.put(index_id, task.payload)
    stored = replace(stored, size=stored.size + task.file_bytes)  # as much as waits
    ring = False
    for _ in range(_SLOT_TRIES):
        slot = ports.log.take_slot(index_id, ports.clock.seconds(), stored.size)
        ring = ring or slot.ring
        record = _record(slot.n, owner, task, stored, ports)
        if _put(index_id, record, key, ports):
            _ring(index_id, ring, ports)
            ports.metrics.count("tasks_accepted")
            return ports.task_ids.encode(index_id, slot.n)
        if key and (known := _known(index_id, key, ports)):
            ports.log.void(index_id, slot.n)
            _ring(index_id, ring, ports)
            return _same_answer(index_id, key, known, ports)
    raise Unavailable("The task could not be recorded; try again.")


def _known(index_id: str, key: RequestKey, ports: AcceptPorts) -> Remembered | None:
    return ports.log.remembered(index_id, key.identity, key.key, ports.clock.seconds())


def _same_answer(index_id: str, key: RequestKey, known: Remembered, ports: AcceptPorts) -> str:
    if known.request_hash != key.request_hash:
        raise Unprocessable(
            "This Idempotency-Key was used for another request",
            {
                "cause": "Method, path, query and body together belong to a key",
                "recommended_resolution": "Use a new key, or repeat the first request unchanged",
            },
        )
    return ports.task_ids.encode(index_id, known.n)


def _require_room(index_id: str, ports: AcceptPorts) -> None:
    waiting, most = ports.log.backlog(index_id), ports.settings
    if waiting.tasks >= most.backlog_tasks or waiting.size >= most.backlog_bytes:
        raise TooManyRequests(
            f"{waiting.tasks:,} tasks wait in this index; try again later.", _RETRY_AFTER_SECONDS
        )


def _record(n: int, owner: str, task: NewTask, stored: PayloadRef, ports: AcceptPorts) -> Task:
    return Task(
        n=n,
        kind=task.kind,
        caller=owner,
        request_id=ports.ids.uuid(),
        payload=stored,
        operations=task.operations,
        created_at=ports.clock.seconds(),
        skip_errors=task.skip_errors,
    )


def _put(index_id: str, record: Task, key: RequestKey | None, ports: AcceptPorts) -> bool:
    if key is None:
        return ports.log.put(index_id, record)
    over = ports.clock.seconds() + ports.settings.idempotency
    return ports.log.put_once(index_id, record, key, over)


def _ring(index_id: str, ring: bool, ports: AcceptPorts) -> None:
    """Only whoever made work wait rings: a long backlog is one message. The log is the promise;
    if ringing fails, the sweeper rings."""
    if not ring:
        return
    try:
        ports.doorbell.ring(index_id)
    except Unavailable:
        ports.metrics.count("doorbells_failed")
