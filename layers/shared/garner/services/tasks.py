"""Tasks as their owners see them: Show, List, Cancel (contract 2.12, 2.13, 4.2 and 8.6)."""

from datetime import UTC, datetime

from garner import limits
from garner.domain.principals import Caller
from garner.domain.progress import entries_of
from garner.domain.slots import TaskIds
from garner.domain.tasks import Counts, Task, TaskError, TaskState, Verdict
from garner.errors import JsonObject, NotFound
from garner.ports.clock import Clock
from garner.ports.doorbell import Doorbell
from garner.ports.indexes import IndexStore
from garner.ports.task_log import TaskLog
from garner.services import access

_DESCRIPTIONS = {
    TaskState.PENDING: "Task is waiting to start",
    TaskState.PROGRESS: "Task is in progress",
    TaskState.SUCCESS: "Task succeeded",
    TaskState.FAILED: "Task failed",
    TaskState.CANCELLED: "Task was cancelled",
}
_ERRORS_IN_LIST = 1  # of each task: a thousand times all of them would be too large an answer


def show_task(
    task_id: str, caller: Caller, *, indexes: IndexStore, log: TaskLog, task_ids: TaskIds
) -> JsonObject:
    """The task document. Raises `NotFound`, and `Forbidden` without a role on its index."""
    index_id, task = find_task(
        task_id, caller, access.TASK_SHOW, indexes=indexes, log=log, task_ids=task_ids
    )
    waiting = 0 if task.state.is_terminal else task.n - log.cursor(index_id).applied
    return task_document(index_id, task, task_ids, waiting=waiting)


def list_tasks(
    index_id: str, caller: Caller, *, indexes: IndexStore, log: TaskLog, task_ids: TaskIds
) -> JsonObject:
    """`{index_id, tasks}`: the latest thousand, newest first."""
    record = access.admit(index_id, caller, access.TASK_LIST, indexes=indexes).index
    head = log.head(record.index_id)
    tasks: list[Task] = []
    newest = head.head if head else 0
    while newest > 0 and len(tasks) < limits.MAX_TASK_LIST:
        slots = range(newest, max(newest - limits.LOOK_AHEAD_SLOTS, 0), -1)
        found = log.tasks(record.index_id, slots)
        if not found:
            break  # older ones are expired
        tasks += [found[n] for n in slots if n in found and found[n].state is not TaskState.VOID]
        newest -= len(slots)
    documents = [
        task_document(record.index_id, task, task_ids, most_errors=_ERRORS_IN_LIST)
        for task in tasks[: limits.MAX_TASK_LIST]
    ]
    return {"index_id": record.index_id, "tasks": documents}


def cancel_task(
    task_id: str,
    caller: Caller,
    *,
    indexes: IndexStore,
    log: TaskLog,
    task_ids: TaskIds,
    doorbell: Doorbell,
    clock: Clock,
) -> JsonObject:
    """The task document. A waiting task ends at once; one in progress stops at its next border;
    one that is over stays as it is. Takes no slot in the log."""
    index_id, task = find_task(
        task_id, caller, access.TASK_CANCEL, indexes=indexes, log=log, task_ids=task_ids
    )
    verdict = Verdict(
        state=TaskState.CANCELLED,
        error=TaskError.CANCELLED,
        message="The task was cancelled before it started",
        counts=Counts(rejected=entries_of(task)),
    )
    after = log.cancel(index_id, task.n, verdict, clock.seconds()) or task
    if after.state is TaskState.PROGRESS:
        doorbell.ring(index_id)
    return task_document(index_id, after, task_ids)


def find_task(
    task_id: str,
    caller: Caller,
    operation: access.Operation,
    *,
    indexes: IndexStore,
    log: TaskLog,
    task_ids: TaskIds,
) -> tuple[str, Task]:
    """`(index id, task)` of a task on whose index the caller may do `operation`."""
    access.require_token(caller)
    place = task_ids.decode(task_id)
    head = log.head_by_key(place[0]) if place else None
    task = log.tasks(head.index_id, [place[1]]).get(place[1]) if head and place else None
    if head is None or task is None or task.state is TaskState.VOID:
        raise NotFound(f'There is no task named "{task_id}"')
    access.admit(head.index_id, caller, operation, indexes=indexes)
    return head.index_id, task


def task_document(
    index_id: str,
    task: Task,
    task_ids: TaskIds,
    *,
    waiting: int = 0,
    most_errors: int = limits.MAX_REPORTED_FAILURES,
) -> JsonObject:
    """The document of contract 2.12. `waiting` is its place in the queue, 1 for the next."""
    verdict = task.verdict
    return {
        "task_id": task_ids.encode(index_id, task.n),
        "index_id": index_id,
        "task_type": task.kind.task_type,
        "state": task.state.value,
        "state_description": _DESCRIPTIONS[task.state],
        "creation_date": _date(task.created_at),
        "completion_date": _date(task.completed_at),
        "message": verdict.message if verdict else None,
        "additional_details": _details(task, waiting, most_errors),
    }


def _details(task: Task, waiting: int, most_errors: int) -> JsonObject | None:
    """`{counts, progress, partial, errors}` from PROGRESS on, null before (contract 8.6)."""
    if task.state is TaskState.PENDING:
        return None
    verdict = task.verdict or Verdict(state=task.state)
    progress = task.progress or {}
    return {
        "counts": verdict.counts.to_json(),
        "progress": {
            "bytes": progress.get("bytes", task.payload.expanded),
            "entries": entries_of(task),
            "applied_entries": verdict.counts.applied or progress.get("applied_entries", 0),
            "queue_position": waiting,
        },
        "partial": verdict.partial,
        "errors": [
            {name: value for name, value in each.to_json().items() if name != "outcome"}
            for each in verdict.outcomes[:most_errors]
            if each.code
        ],
    }


def _date(seconds: float | None) -> str | None:
    """UTC with microseconds and without a zone (contract 0.10)."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
