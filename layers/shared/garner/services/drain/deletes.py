"""Delete by query: a barrier in the log (ingest protocol 7, contract 2.11)."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from garner import limits
from garner.domain import documents as doc
from garner.domain.operations import header
from garner.domain.tasks import Counts, Task, TaskError, TaskState, Verdict
from garner.domain.versions import version
from garner.errors import JsonObject
from garner.ports.engine_writer import Write
from garner.ports.payloads import PayloadDamaged
from garner.services.drain.merge import document
from garner.services.drain.verdicts import failed
from garner.services.drain.worker import Worker


def delete_by_query(worker: Worker, task: Task) -> None:
    """Everything before the task is finished and refreshed; every subject that matches goes whole.

    After a crash the same query is asked again: it finds what is left, and the tombstones that
    this task made, which are sent again.
    """
    (task,) = worker.begin([task])
    try:
        query = _query(worker, task)
    except PayloadDamaged:
        worker.finish(task.n, {task.n: failed(task, TaskError.PAYLOAD_DAMAGED)}, [task])
        return
    worker.raise_sent(task.n)
    done = Verdict(state=TaskState.SUCCESS, counts=Counts(applied=_delete(worker, task.n, query)))
    worker.finish(task.n, {task.n: done}, [task])


def delete_again(worker: Worker, task: Task, kept: AbstractSet[str]) -> None:
    """What a decided task did, over an index that stands where the task found it; without the
    subjects that it did not come to."""
    _delete(worker, task.n, _query(worker, task), kept)


def _delete(worker: Worker, n: int, query: JsonObject, kept: AbstractSet[str] = frozenset()) -> int:
    """How many subjects were deleted. Searches see it when this returns."""
    worker.refresh()
    deleted, after = 0, None
    while subjects := _page(worker, query, n, after):
        sent = worker.sender.send(
            Write(doc.document_id(subject), at, document(subject, at, {}), tombstone=True)
            for at, subject in enumerate(subjects, version(n, deleted))
            if subject not in kept
        )
        assert not sent.refused, "the engine refused a tombstone"
        deleted += len(subjects)
        after = subjects[-1]
    worker.refresh()
    return deleted


def what_is_left(worker: Worker, task: Task, build: int) -> tuple[int, list[str]]:
    """`(deleted, left)`: how many subjects this task has deleted, and those it has not."""
    query = _query(worker, task)
    worker.refresh(build)
    nothing: JsonObject = {"match_none": {}}
    deleted = sum(1 for _ in _subjects(worker, nothing, task.n, build))
    return deleted, list(_subjects(worker, query, 0, build))  # slot 0 made no tombstone


def _subjects(worker: Worker, query: JsonObject, slot: int, build: int) -> Iterator[str]:
    after = None
    while subjects := _page(worker, query, slot, after, build):
        yield from subjects
        after = subjects[-1]


def _query(worker: Worker, task: Task) -> JsonObject:
    head = header(worker.ports.payloads.get(task.payload))
    return worker.ports.compile_matches(head, worker.schema)


def _page(
    worker: Worker, query: JsonObject, slot: int, after: str | None, build: int | None = None
) -> list[str]:
    size = limits.BULK_OPERATIONS
    return worker.engine(
        lambda: worker.ports.writer.matching(
            worker.index_id, query, slot=slot, after=after, size=size, build=build
        )
    )
