"""Look after what nobody looks after any more (ingest protocol 3, sweeper)."""

from garner.errors import GarnerError, Unavailable
from garner.ports.clock import Clock
from garner.ports.doorbell import Doorbell
from garner.ports.engine_indexes import EngineIndexes
from garner.ports.indexes import IndexStore
from garner.ports.metrics import Metrics
from garner.ports.task_log import TaskLog
from garner.services.tend_index import tend_index


def ring_for_lagging(
    *, log: TaskLog, doorbell: Doorbell, clock: Clock, metrics: Metrics, ring_after: float
) -> int:
    """Rings for each index whose work has waited, without a worker at it. How many were rung for.

    `oldest_wait_seconds` is the metric whose alarm must never be silent; `tasks_waiting` counts
    those of all indexes, however short they have waited.
    """
    now, rung, waiting, oldest = clock.seconds(), 0, 0, 0.0
    for due in log.lagging(now):
        oldest = max(oldest, now - due.since)
        waiting += log.backlog(due.index_id).tasks
        if due.since > now - ring_after:
            continue
        cursor = log.cursor(due.index_id)
        if cursor.lease_until > now or cursor.backoff_until > now:
            continue
        try:
            doorbell.ring(due.index_id)
        except Unavailable:
            metrics.count("doorbells_failed")
        else:
            rung += 1
    metrics.seconds("oldest_wait_seconds", oldest)
    metrics.count("tasks_waiting", waiting)
    metrics.count("doorbells_swept", rung)
    return rung


def tend_indexes(
    *,
    indexes: IndexStore,
    engine: EngineIndexes,
    clock: Clock,
    metrics: Metrics,
    unfinished_after: float,
) -> None:
    """Finishes creations, deletions and reopenings that stopped half way."""
    for index_id in indexes.needing_attention(clock.seconds()):
        try:
            tend_index(
                index_id,
                indexes=indexes,
                engine=engine,
                clock=clock,
                unfinished_after=unfinished_after,
            )
        except GarnerError:  # the next minute tries again
            metrics.count("indexes_untended")
