"""Delete tombstones that nothing can contradict any more (ingest protocol 3, purge)."""

from garner import limits
from garner.domain.tasks import Task
from garner.domain.versions import slot_of
from garner.errors import GarnerError, NoSuchIndex
from garner.ports.clock import Clock
from garner.ports.engine_writer import AliasMissing, EngineWriter, ItemResult, Write
from garner.ports.metrics import Metrics
from garner.ports.task_log import TaskLog

_AGAIN_SECONDS = 3_600.0


def purge_due(
    *,
    log: TaskLog,
    writer: EngineWriter,
    clock: Clock,
    metrics: Metrics,
    purge_after: float,
    until: float,
) -> None:
    """Purges each index that has tombstones which may be old enough, while there is time."""
    for index_id in log.tombstones_due(clock.seconds()):
        if clock.seconds() >= until:
            return
        try:
            more = purge_tombstones(
                index_id, log=log, writer=writer, clock=clock, metrics=metrics, after=purge_after
            )
        except (NoSuchIndex, AliasMissing):  # deleted; its tombstones go with it or come back
            more = log.head(index_id) is not None
        except GarnerError:
            continue
        log.put_off_tombstones(index_id, clock.seconds() + _AGAIN_SECONDS if more else None)


def purge_tombstones(
    index_id: str,
    *,
    log: TaskLog,
    writer: EngineWriter,
    clock: Clock,
    metrics: Metrics,
    after: float,
) -> bool:
    """Deletes tombstones of tasks that ended `after` seconds ago or earlier: no older write can
    arrive any more. Whether there are tombstones left.

    Each is deleted at its own version: a subject that was written since conflicts and stays.
    Raises `Unavailable`, `QueryTimeout`, `NoSuchIndex`, `AliasMissing`.
    """
    ended_by = clock.seconds() - after
    while page := writer.tombstones(index_id, limits.BULK_OPERATIONS):
        slots = sorted({slot_of(at) for _, at in page})
        tasks = log.tasks(index_id, slots)
        old = {n for n in slots if _ended(tasks.get(n), ended_by)}
        writes = [Write(each, at, None) for each, at in page if slot_of(at) in old]
        if not writes:
            return True
        results = writer.bulk(index_id, writes)
        metrics.count("tombstones_purged", results.count(ItemResult.APPLIED))
        writer.refresh(index_id)
        if len(writes) < len(page) or ItemResult.RETRYABLE in results:
            return True
    return False


def _ended(task: Task | None, by: float) -> bool:
    """A task that is not in the log any more ended a month ago."""
    return task is None or (task.completed_at is not None and task.completed_at <= by)
