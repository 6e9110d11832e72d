"""Submit the rejected entries of a task again, each at its original version (contract 8.12)."""

import orjson

from garner import limits
from garner.domain import operations
from garner.domain.principals import Caller
from garner.domain.tasks import NewTask, Outcome, Task, TaskKind
from garner.domain.versions import version
from garner.errors import Conflict, JsonObject, TooLarge
from garner.ports.indexes import IndexStore
from garner.ports.payloads import PayloadDamaged, PayloadStore
from garner.services import access
from garner.services.outcomes import Place, rows
from garner.services.submit import AcceptPorts, RequestIdentity, submit
from garner.services.tasks import find_task


def replay_task(
    task_id: str,
    caller: Caller,
    *,
    skip_errors: bool,
    request: RequestIdentity | None,
    indexes: IndexStore,
    accept: AcceptPorts,
) -> str:
    """The id of the new task. An entry whose subject was written since stays superseded.

    Raises `NotFound`, `Forbidden`, `Conflict` for a task that still runs, has nothing to replay or
    ended too long ago, `TooLarge`, and what `submit` raises.
    """
    index_id, task = find_task(
        task_id,
        caller,
        access.TASK_REPLAY,
        indexes=indexes,
        log=accept.log,
        task_ids=accept.task_ids,
    )
    lines = _rejected(index_id, task, accept.payloads)
    _require_recent(task, accept)
    header = _declared(task, accept.payloads)
    again = NewTask(
        kind=TaskKind.REPLAY,
        payload=operations.encode(lines, header),
        operations=len(lines),
        skip_errors=skip_errors,
    )
    return submit(index_id, caller, again, request=request, ports=accept)


def _rejected(index_id: str, task: Task, payloads: PayloadStore) -> list[JsonObject]:
    lines: list[JsonObject] = []
    size = 0
    for row in rows(index_id, task, payloads, Place()):
        if row.line is None or row.outcome.outcome is not Outcome.REJECTED:
            continue
        size += len(row.line)
        if size > limits.MAX_EXPANDED_BODY_BYTES:
            most = f"{limits.MAX_EXPANDED_BODY_BYTES:,}"
            raise TooLarge(
                f"The rejected entries have more than {most} bytes; send them again as an upload",
                {"upload_route": "/v1/index/{index_id}/upload"},
            )
        line = orjson.loads(row.line)
        lines.append({"at": version(task.n, row.outcome.position), **line})
    if not lines:
        raise Conflict("No entry of this task was rejected: there is nothing to replay")
    return lines


def _require_recent(task: Task, accept: AcceptPorts) -> None:
    """The index forgets what was deleted after a day. An older entry could bring a subject back
    that was deleted since, so half a day is left for the replay to wait in the log."""
    ended = task.completed_at or task.created_at
    if accept.clock.seconds() - ended > accept.settings.purge_after / 2:
        hours = accept.settings.purge_after / 2 / 3_600
        raise Conflict(
            f"A task can be replayed within {hours:g} hours; send its entries again instead"
        )


def _declared(task: Task, payloads: PayloadStore) -> JsonObject:
    """The types that the task declared, which its entries may need."""
    try:
        declared = operations.header(payloads.get(task.payload)).get("declared")
    except PayloadDamaged:
        declared = None
    return {"declared": declared} if declared else {}
