"""End a task that will not be tried again: WORKER_CRASH and CANCELLED (ingest protocol 3, step 4).

The verdict records what a reading of the engine finds, never what a dead worker believed.
"""

from garner.domain.tasks import Counts, EntryOutcome, Task, TaskError, TaskKind, TaskState, Verdict
from garner.ports.payloads import PayloadDamaged
from garner.ports.task_log import Head
from garner.services.drain.deletes import what_is_left
from garner.services.drain.judge import Judged, Step
from garner.services.drain.large import load_read_back
from garner.services.drain.pack import read_base, refused_before
from garner.services.drain.verdicts import ended_early
from garner.services.drain.worker import Worker


def end_early(worker: Worker, task: Task, error: TaskError, head: Head) -> None:
    """Waits until nothing of the task can arrive any more, reads back, and decides.

    Reads the build itself: a deleted index has no aliases.
    """
    maybe_sent = task.n <= worker.sent
    worker.outlive(_quiet_at(worker, task, error, maybe_sent))
    verdict = ended_early(task, error)
    if maybe_sent:
        verdict = _read_back(worker, task, error, head.build)
    worker.finish(task.n, {task.n: verdict}, [task])


def _quiet_at(worker: Worker, task: Task, error: TaskError, maybe_sent: bool) -> float:
    if error is TaskError.WORKER_CRASH:
        return task.dead_by
    if not maybe_sent:
        return 0.0
    if worker.begun.get(task.n) == task.dead_by:
        return max(task.dead_before, worker.sender.quiet_at)
    return max(task.dead_before, task.dead_by)


def _read_back(worker: Worker, task: Task, error: TaskError, build: int) -> Verdict:
    try:
        if task.kind is TaskKind.DELETE_BY_QUERY:
            return _deletes_read_back(worker, task, error, build)
        if task.kind is TaskKind.UPLOAD:
            return load_read_back(worker, task, error, build) or ended_early(task, error)
        judged = worker.judge.judge(
            task, worker.ports.payloads.get(task.payload), worker.unmapped()
        )
    except PayloadDamaged:
        return ended_early(task, error)
    if judged.error or judged.new_fields or judged.used_unmapped:
        return ended_early(task, error)  # it never came to sending
    worker.refresh(build)  # what the verdict says is what searches show
    return ended_early(task, error, judged, _missing(worker, judged, build))


def _missing(worker: Worker, judged: Judged, build: int) -> list[Step]:
    """The operations that are not in the index."""
    refused = refused_before(judged.task)
    base = read_base(worker, [judged], build)
    return [
        step
        for step in judged.steps
        if step.position in refused or base[step.subject].version < step.version
    ]


def _deletes_read_back(worker: Worker, task: Task, error: TaskError, build: int) -> Verdict:
    deleted, left = what_is_left(worker, task, build)
    state = TaskState.CANCELLED if error is TaskError.CANCELLED else TaskState.FAILED
    message = f"It ended early; {deleted:,} subjects were deleted and {len(left):,} were not"
    return Verdict(
        state=state,
        error=error,
        message=message,
        counts=Counts(applied=deleted, rejected=len(left)),
        partial=deleted > 0,
        outcomes=tuple(
            EntryOutcome(position, subject=subject, code=error.value, reason=message)
            for position, subject in enumerate(left)
        ),
    )
