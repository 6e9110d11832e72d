"""Bring an index whose engine side was put back from a snapshot up to its log (ingest protocol 7).

Recorded verdicts stand. What a task applied is applied again, at the same versions; what was
refused then is left out; no task changes its state. Until it is through, workers are kept away by
the lease, while writes are accepted and wait.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from garner import limits
from garner.domain.tasks import EntryOutcome, Outcome, Task, TaskKind, TaskState
from garner.errors import Conflict
from garner.services.drain.deletes import delete_again
from garner.services.drain.judge import Judged
from garner.services.drain.large import judge_parts
from garner.services.drain.merge import merge
from garner.services.drain.pack import leave_out, read_base
from garner.services.drain.ports import DrainPorts
from garner.services.drain.upkeep import at_work
from garner.services.drain.worker import Worker

Report = Callable[[int, int], None]
"""Called with `(slot, last slot)` whenever everything up to `slot` is in the engine."""


def restore_index(index_id: str, *, ports: DrainPorts, report: Report) -> tuple[int, int]:
    """Applies what the engine's cursor document says is missing; `(first, last)` slot, `first`
    above `last` if nothing was. Broken off, it goes on there when it is called again.

    Raises `Conflict` if the log does not reach back that far or a worker is at the index,
    `Unavailable`, `NoSuchIndex`.
    """
    with at_work(index_id, ports) as worker:
        worker.read_schema()
        _map_what_is_bound(worker)
        first, last = worker.engine(lambda: ports.indexes.cursor(index_id)) + 1, worker.applied
        for start in range(first, last + 1, limits.LOOK_AHEAD_SLOTS):
            end = min(last, start + limits.LOOK_AHEAD_SLOTS - 1)
            _apply_again(worker, _decided(worker, range(start, end + 1)))
            _note(worker, end)
            report(end, last)
        worker.refresh()
    return first, last


def _map_what_is_bound(worker: Worker) -> None:
    """The registry knows fields that the snapshot does not."""
    unmapped = worker.unmapped()
    if unmapped or worker.schema.multi_entry != worker.mapped().multi_entry:
        fields = {path: worker.schema.fields[path] for path in unmapped}
        if not worker.map_fields(fields):
            raise Conflict("The engine refuses fields that it had before; is it the same version?")


def _decided(worker: Worker, slots: Sequence[int]) -> list[Task]:
    found = worker.ports.log.tasks(worker.index_id, slots)
    if missing := [n for n in slots if n not in found]:
        raise Conflict(
            f"Slot {missing[0]} is not in the log any more: it keeps {limits.RETENTION_DAYS} days. "
            "Put back a later snapshot, or ingest again"
        )
    return [found[n] for n in slots]


def _note(worker: Worker, n: int) -> None:
    worker.engine(lambda: worker.ports.indexes.write_cursor(worker.index_id, n))


def _apply_again(worker: Worker, tasks: Sequence[Task]) -> None:
    """In the order of the log; deletes by query see everything before them."""
    pack: list[Judged] = []
    for task in tasks:
        if not _has_applied(task):
            continue
        if task.kind is TaskKind.DELETE_BY_QUERY:
            _send(worker, pack)
            delete_again(worker, task, _subjects(_rejected(worker, task).values()))
            pack = []
            continue
        for judged in _judged(worker, task):
            if pack and _operations(pack) + len(judged.steps) > limits.PACK_OPERATIONS:
                _send(worker, pack)
                pack = []
            pack.append(judged)
    _send(worker, pack)


def _has_applied(task: Task) -> bool:
    verdict = task.verdict
    return verdict is not None and (verdict.state is TaskState.SUCCESS or verdict.partial)


def _judged(worker: Worker, task: Task) -> Iterator[Judged]:
    """The operations of a task, in parts where it has parts, without those that were refused."""
    refused = _rejected(worker, task)
    if task.kind is TaskKind.UPLOAD:
        parts = judge_parts(worker, task)
    else:
        payload = worker.ports.payloads.get(task.payload)
        parts = iter([worker.judge.judge(task, payload)])
    for judged in parts:
        leave_out(judged, refused)
        yield judged


def _rejected(worker: Worker, task: Task) -> Mapping[int, EntryOutcome]:
    assert task.verdict
    outcomes = [each for page in task.verdict.pages for each in worker.get_outcomes(page)]
    return {
        each.position: each
        for each in outcomes or task.verdict.outcomes
        if each.outcome is Outcome.REJECTED
    }


def _subjects(outcomes: Iterable[EntryOutcome]) -> set[str]:
    return {each.subject for each in outcomes if each.subject is not None}


def _operations(pack: Sequence[Judged]) -> int:
    return sum(len(judged.steps) for judged in pack)


def _send(worker: Worker, pack: Sequence[Judged]) -> None:
    base = read_base(worker, pack) if worker.schema.multi_entry else None
    sent = worker.sender.send(merge(pack, base).writes())
    if sent.refused:
        raise Conflict("The engine refuses documents that it had before; is it the same version?")
