"""Delete tombstones that nothing can contradict any more (ingest protocol 3, purge)."""

from garner import limits
from garner.domain.versions import version
from garner.ports.engine_writer import EngineWriter, ItemResult, Write


def purge_tombstones(index_id: str, applied_then: int, *, writer: EngineWriter) -> int:
    """How many tombstones were deleted, of slots up to `applied_then`: those that were applied so
    long ago that no older write can arrive any more.

    Each is deleted at its own version: a subject that was written since conflicts and stays.
    Raises `Unavailable`, `QueryTimeout`, `NoSuchIndex`, `AliasMissing`.
    """
    newest = version(applied_then + 1) - 1
    old = writer.tombstones(index_id, newest, limits.BULK_OPERATIONS)
    if not old:
        return 0
    writes = [Write(document_id, at, None) for document_id, at in old]
    return writer.bulk(index_id, writes).count(ItemResult.APPLIED)
