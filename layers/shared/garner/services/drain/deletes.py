"""Delete by query: a barrier in the log (ingest protocol 7, contract 2.11)."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from garner import limits
from garner.domain import documents as doc
from garner.domain.operations import header
from garner.domain.tasks import Counts, Task, TaskError, TaskState, Verdict
from garner.domain.versions import version
from garner.errors import BadRequest, JsonObject, ValidationFailed
from garner.ports.engine_writer import Write
from garner.ports.payloads import PayloadDamaged
from garner.services.drain.merge import document
from garner.services.drain.verdicts import failed
from garner.services.drain.worker import Worker


def delete_by_query(worker: Worker, task: Task) -> None:
    """Everything before the task is finished and refreshed; every subject that matches goes whole.

    How far it is is saved behind each page, whose tombstones are acknowledged: the next turn goes
    on there. What a dead worker sent beyond that is found as its tombstones and sent again. Raises
    `TaskMoved` behind a page if the task is to be cancelled. A query that its fields can't take
    ends the task: they may have been bound since it was accepted.
    """
    (task,) = worker.begin([task])
    try:
        query = _query(worker, task)
    except PayloadDamaged:
        worker.finish(task.n, {task.n: failed(task, TaskError.PAYLOAD_DAMAGED)}, [task])
        return
    except (BadRequest, ValidationFailed) as refused:
        worker.finish(task.n, {task.n: failed(task, TaskError.VALIDATION, _why(refused))}, [task])
        return
    worker.raise_sent(task.n)
    deleted, after = _saved(task)
    for page in _delete(worker, task.n, query, after):
        deleted += len(page)
        worker.require_wanted(task.n)
        worker.save_progress(task.n, {"applied_entries": deleted, "after": page[-1]})
    done = Verdict(state=TaskState.SUCCESS, counts=Counts(applied=deleted))
    worker.finish(task.n, {task.n: done}, [task])


def delete_again(worker: Worker, task: Task, kept: AbstractSet[str]) -> None:
    """What a decided task did, over an index that stands where the task found it; without the
    subjects that it did not come to."""
    for _ in _delete(worker, task.n, _query(worker, task, decided=True), None, kept):
        worker.lease.check()


def _saved(task: Task) -> tuple[int, str | None]:
    """How many subjects are deleted, and the last of them in the order of the pages."""
    saved = task.progress or {}
    return saved.get("applied_entries", 0), saved.get("after")


def _delete(
    worker: Worker,
    n: int,
    query: JsonObject,
    after: str | None,
    kept: AbstractSet[str] = frozenset(),
) -> Iterator[list[str]]:
    """The subjects behind `after` page by page, each when its tombstones are acknowledged.
    Searches see all of them at the end."""
    worker.refresh()
    at = version(n)  # one for all: each subject is written once
    while subjects := _page(worker, query, n, after):
        sent = worker.sender.send(
            Write(doc.document_id(subject), at, document(subject, at, {}), tombstone=True)
            for subject in subjects
            if subject not in kept
        )
        assert not sent.refused, "the engine refused a tombstone"
        yield subjects
        after = subjects[-1]
    worker.refresh()


def what_is_left(worker: Worker, task: Task, build: int) -> tuple[int, list[str]]:
    """`(deleted, left)`: how many subjects this task has deleted, and those it has not."""
    query = _query(worker, task, decided=True)
    worker.refresh(build)
    nothing: JsonObject = {"match_none": {}}
    deleted = sum(1 for _ in _subjects(worker, nothing, task.n, build))
    return deleted, list(_subjects(worker, query, 0, build))  # slot 0 made no tombstone


def _subjects(worker: Worker, query: JsonObject, slot: int, build: int) -> Iterator[str]:
    after = None
    while subjects := _page(worker, query, slot, after, build):
        yield from subjects
        after = subjects[-1]


def _query(worker: Worker, task: Task, *, decided: bool = False) -> JsonObject:
    head = header(worker.ports.payloads.get(task.payload))
    return worker.ports.compile_matches(head, worker.schema, decided=decided)


def _why(refused: BadRequest | ValidationFailed) -> str:
    """The first of its reasons."""
    messages = (refused.details or {}).get("messages", {}).get("json", {})
    reasons = [text for texts in messages.values() for text in texts]
    return f"{[*reasons, refused.message][0].rstrip('.')}; nothing was deleted"


def _page(
    worker: Worker, query: JsonObject, slot: int, after: str | None, build: int | None = None
) -> list[str]:
    size = limits.PACK_OPERATIONS
    return worker.engine(
        lambda: worker.ports.writer.matching(
            worker.index_id, query, slot=slot, after=after, size=size, build=build
        )
    )
