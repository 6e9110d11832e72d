"""Update, delete and reopen an index (contract 2.16 to 2.18; ingest protocol 7).

The table decides; the engine follows. What a crash leaves between the two, `tend_index` mends.
"""

from collections.abc import Callable

from garner.contracts.index import IndexUpdate
from garner.domain.principals import Caller
from garner.errors import Unavailable, WrongIndexStatus
from garner.ports.clock import Clock
from garner.ports.engine_indexes import EngineIndexes
from garner.ports.indexes import IndexRecord, IndexStatus, IndexStore
from garner.services import access
from garner.services.tend_index import settle_index

_CANCEL_WAIT_SECONDS = 10.0
_CANCEL_LOOK_SECONDS = 0.2


def update_index(
    index_id: str, changes: Callable[[], IndexUpdate], caller: Caller, *, indexes: IndexStore
) -> IndexRecord:
    """The index with its new texts. `changes` is read when the caller is known to be allowed,
    since input is checked last."""
    record = access.admit(index_id, caller, access.INDEX_UPDATE, indexes=indexes).index
    wanted = changes()
    changed = indexes.change(
        record.index_id,
        record.display_name if wanted.display_name is None else wanted.display_name,
        record.description if wanted.description is None else wanted.description,
    )
    return changed or _other_status(record.index_id, "open", indexes)


def delete_index(
    index_id: str,
    caller: Caller,
    *,
    indexes: IndexStore,
    engine: EngineIndexes,
    ring: Callable[[str], None],
    clock: Clock,
) -> str:
    """The id of the index, which nothing reads or writes from here on; its tasks end CANCELLED."""
    record = access.admit(index_id, caller, access.INDEX_DELETE, indexes=indexes).index
    if not indexes.mark_deleted(record.index_id, clock.seconds()):
        _other_status(record.index_id, "open", indexes)
    settle_index(record.index_id, indexes=indexes, engine=engine, clock=clock)
    if indexes.cancelling(record.index_id):
        ring(record.index_id)
    return record.index_id


def reopen_index(
    index_id: str,
    caller: Caller,
    *,
    indexes: IndexStore,
    engine: EngineIndexes,
    ring: Callable[[str], None],
    clock: Clock,
) -> str:
    """The id of the index, which is as it was before the delete. Waits until every task from back
    then has its verdict; raises `Unavailable` if that takes too long."""
    record = access.admit(index_id, caller, access.INDEX_REOPEN, indexes=indexes).index
    _await_cancellation(record.index_id, indexes, ring, clock)
    if not indexes.mark_reopened(record.index_id, clock.seconds()):
        _other_status(record.index_id, "delete-pending", indexes)
    settle_index(record.index_id, indexes=indexes, engine=engine, clock=clock)
    return record.index_id


def _await_cancellation(
    index_id: str, indexes: IndexStore, ring: Callable[[str], None], clock: Clock
) -> None:
    deadline = clock.seconds() + _CANCEL_WAIT_SECONDS
    if indexes.cancelling(index_id):
        ring(index_id)
    while indexes.cancelling(index_id):
        if clock.seconds() > deadline:
            raise Unavailable("Tasks of this index are still being cancelled; try again.")
        clock.sleep(_CANCEL_LOOK_SECONDS)


def _other_status(index_id: str, required: IndexStatus, indexes: IndexStore) -> IndexRecord:
    """Somebody else was quicker: say what the status is now."""
    record = access.existing(index_id, indexes=indexes)
    access.require_status(record, required)
    raise WrongIndexStatus(record.status, required)
