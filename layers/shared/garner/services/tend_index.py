"""Bring the engine's side of an index in line with its status in the table.

Every change of status marks the index for attention in the same write; whoever made the change
settles it at once, and the sweeper does so where that did not come to an end. Each step may be
repeated.
"""

from garner import limits
from garner.errors import GarnerError
from garner.ports.clock import Clock
from garner.ports.engine_indexes import EngineIndexes
from garner.ports.indexes import IndexRecord, IndexStore

_RETENTION_SECONDS = limits.RETENTION_DAYS * 86_400


def settle_index(
    index_id: str, *, indexes: IndexStore, engine: EngineIndexes, clock: Clock
) -> None:
    """`tend_index` for whoever just changed the status: a failure is left to the sweeper."""
    try:
        tend_index(index_id, indexes=indexes, engine=engine, clock=clock)
    except GarnerError:
        return  # the mark stays


def tend_index(
    index_id: str,
    *,
    indexes: IndexStore,
    engine: EngineIndexes,
    clock: Clock,
    unfinished_after: float = 900.0,
) -> None:
    """Aliases as the status wants them; indexes whose time is over are removed with their data.

    `unfinished_after` is how long a creation may take, in seconds. Raises `Unavailable`.
    """
    record = indexes.get(index_id)
    if record is not None:
        over_at = _over_at(record, unfinished_after)
        if over_at is None:
            engine.restore_aliases(index_id, record.build)
            indexes.attend(index_id, None)
            return
        if record.status == "delete-pending":
            engine.remove_aliases(index_id)
        if clock.seconds() < over_at or not indexes.remove(record):
            indexes.attend(index_id, max(over_at, clock.seconds() + 1))
            return
    engine.drop(index_id)
    indexes.forget(index_id)


def _over_at(record: IndexRecord, unfinished_after: float) -> float | None:
    """When the index is to be removed, None for never."""
    match record.status:
        case "creating":
            return record.created_at + unfinished_after
        case "delete-pending":
            return (record.deleted_at or record.created_at) + _RETENTION_SECONDS
    return None
