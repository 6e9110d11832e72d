"""Many small tasks in one go: judge, bind, read, merge, send, refresh, finish."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import dataclass, replace

from garner.domain import documents as doc
from garner.domain.fields import FieldType
from garner.domain.tasks import EntryOutcome, Task, TaskError, Verdict
from garner.errors import JsonObject
from garner.ports.payloads import PayloadDamaged
from garner.services.drain.judge import Judged, Step
from garner.services.drain.merge import NOTHING, Stored, blind_writes, merge, stored
from garner.services.drain.send import Flight, Sent
from garner.services.drain.verdicts import judged_verdict
from garner.services.drain.worker import Worker


def apply_pack(worker: Worker, tasks: Sequence[Task], passed: Sequence[Task]) -> None:
    """Begins `tasks` and brings them to their verdicts.

    `passed` are the same tasks and those between and behind them that are decided already.
    """
    apply_begun(worker, worker.begin(tasks), passed)


def apply_begun(worker: Worker, tasks: Sequence[Task], passed: Sequence[Task]) -> None:
    if worker.schema.multi_entry:
        _apply_merged(worker, tasks, passed)
    else:
        _apply_blind(worker, tasks, passed)


def _apply_blind(worker: Worker, tasks: Sequence[Task], passed: Sequence[Task]) -> None:
    """Where each subject has one entry a write depends on no other, so that a task is sent while
    the next ones are judged."""
    pack: list[Judged] = []
    flight = worker.sender.open(
        lambda: worker.raise_sent(pack[-1].task.n), hurry=not worker.landed.in_the_air
    )
    try:
        rest = _judge_and_send(worker, tasks, pack, flight)
        worker.landed.land()
    except BaseException:
        flight.wait()  # whatever is done next, nothing of this is in the air
        raise
    if not pack:
        _apply_merged(worker, tasks, passed)
        return
    if rest:
        flight.wait()
        worker.give_back(task.n for task in rest)
        passed = [task for task in passed if task.n < rest[0].n]
    worker.landed.follow(_Aloft(worker, pack, passed, flight))


@dataclass(frozen=True, slots=True)
class _Aloft:
    """Implements `garner.services.drain.landed.Aloft`."""

    worker: Worker
    pack: Sequence[Judged]
    passed: Sequence[Task]
    flight: Flight

    def conclude(self) -> None:
        _conclude(self.worker, self.pack, self.passed, self.flight.land())

    def wait(self) -> None:
        self.flight.wait()


def _judge_and_send(
    worker: Worker, tasks: Sequence[Task], pack: list[Judged], flight: Flight
) -> Sequence[Task]:
    """Fills `pack`. The tasks that are left from the first that binds several entries for each
    subject: from there on subjects have to be merged."""
    payloads = worker.payloads_of(tasks)
    for place, task in enumerate(tasks):
        worker.landed.settle(wait=False)
        judged = judge_task(worker, task, payloads[task.n])
        if worker.schema.multi_entry:
            flight.launch()
            return tasks[place:]
        pack.append(judged)
        flight.add(blind_writes(judged))
    flight.launch()
    return ()


def _apply_merged(worker: Worker, tasks: Sequence[Task], passed: Sequence[Task]) -> None:
    worker.landed.settle(wait=True)
    payloads = worker.payloads_of(tasks)
    pack = [judge_task(worker, task, payloads[task.n]) for task in tasks]
    base = read_base(worker, pack)
    merged = merge(pack, base)
    if merged.cut:
        worker.give_back(task.n for task in tasks if task.n >= merged.cut)
        passed = [task for task in passed if task.n < merged.cut]
        pack = [judged for judged in pack if judged.task.n < merged.cut]
        merged = merge(pack, base)
    first = pack[0]
    if first.limited:
        if worker.outlive(first.task.dead_before):
            apply_begun(worker, [first.task], [first.task])
            return
        if not first.error:
            _save_refused(worker, first)
    worker.raise_sent(passed[-1].n)
    _conclude(worker, pack, passed, worker.sender.send(merged.writes()))


def _conclude(worker: Worker, pack: Sequence[Judged], passed: Sequence[Task], sent: Sent) -> None:
    """Everything is acknowledged or refused: the verdicts, or another try that finds the guilty."""
    worker.landed.settle(wait=bool(sent.refused))
    if sent.refused and len(pack) > 1 and _share(pack, sent):
        _one_by_one(worker, pack, passed)
        return
    first = pack[0].task
    if sent.refused and worker.outlive(first.dead_before):
        apply_begun(worker, [first], [first])
        return
    worker.landed.add({judged.task.n: _verdict(judged, sent) for judged in pack}, passed)


def judge_task(worker: Worker, task: Task, payload: Future[bytes]) -> Judged:
    """Validated, bound and mapped. What was refused before for want of room stays refused."""
    try:
        judged = worker.judge.judge(task, payload.result(), worker.unmapped())
    except PayloadDamaged:
        judged = Judged(task)
        judged.fail(TaskError.PAYLOAD_DAMAGED)
        return judged
    leave_out(judged, refused_before(task))
    if not judged.error:
        bind_and_map(worker, judged)
    return judged


def bind_and_map(worker: Worker, judged: Judged) -> None:
    """A mapping that the engine definitely refuses fails the task."""
    n, used = judged.task.n, judged.used_unmapped
    if not bind_fields(worker, n, judged.new_fields, used, several=judged.several):
        judged.fail(TaskError.MAPPING)
        judged.steps = []


def bind_fields(
    worker: Worker,
    n: int,
    new_fields: Mapping[str, FieldType],
    used_unmapped: AbstractSet[str],
    *,
    several: bool,
) -> bool:
    """The registry first, then the mapping, also for what a dead worker bound and did not map.

    False, and the binding taken back, if the engine definitely refuses the mapping.
    """
    before = worker.schema
    if before.fields.keys() & new_fields.keys():
        return False  # a later task has bound it: to this one the engine refused it then
    several = several and not before.multi_entry
    if new_fields or several:
        bound = before.binding(n, new_fields, worker.applied)
        worker.bind(replace(bound, multi_entry=before.multi_entry or several))
    missing = used_unmapped | new_fields.keys()
    flag_missing = worker.schema.multi_entry != worker.mapped().multi_entry
    if not missing and not flag_missing:
        return True
    if worker.map_fields({path: worker.schema.fields[path] for path in missing}):
        return True
    worker.bind(worker.schema.without(missing))
    return False


def read_base(
    worker: Worker, pack: Sequence[Judged], build: int | None = None
) -> dict[str, Stored]:
    """Only under the lease, and only after the pack before is acknowledged."""
    subjects = {step.subject for judged in pack for step in judged.steps}
    found = worker.read(subjects, build)
    return {
        subject: stored(found[subject]) if subject in found else NOTHING for subject in subjects
    }


def _share(pack: Sequence[Judged], sent: Sent) -> bool:
    """Whether a refused document merges several tasks."""
    owners: dict[str, set[int]] = {}
    for judged in pack:
        for step in judged.steps:
            owners.setdefault(step.subject, set()).add(judged.task.n)
    return any(
        len(tasks) > 1 and doc.document_id(subject) in sent.refused
        for subject, tasks in owners.items()
    )


def _one_by_one(worker: Worker, pack: Sequence[Judged], passed: Sequence[Task]) -> None:
    """No task fails for another one's content."""
    for judged in pack:
        n = judged.task.n
        mine = [task for task in passed if worker.applied < task.n <= n]
        apply_begun(worker, [judged.task], mine)
        worker.landed.settle(wait=True)
    rest = [task for task in passed if task.n > worker.applied]
    if rest:
        worker.finish(rest[-1].n, {}, rest)


def _verdict(judged: Judged, sent: Sent) -> Verdict:
    refused = steps_on(judged, sent.refused)
    # A conflict of any other step is with a later slot: in log order it was applied before that.
    late = [step for step in steps_on(judged, sent.superseded) if step.replayed]
    return judged_verdict(judged, refused, judged.superseded + late)


def steps_on(judged: Judged, document_ids: set[str]) -> list[Step]:
    if not document_ids:
        return []
    return [step for step in judged.steps if doc.document_id(step.subject) in document_ids]


def refused_before(task: Task) -> dict[int, EntryOutcome]:
    saved: JsonObject = task.progress or {}
    outcomes = [EntryOutcome.from_json(each) for each in saved.get("limited", ())]
    return {outcome.position: outcome for outcome in outcomes}


def leave_out(judged: Judged, refused: Mapping[int, EntryOutcome]) -> None:
    """Refuses these positions, whatever judging them again says."""
    if refused:
        judged.refused += [
            refused[step.position] for step in judged.steps if step.position in refused
        ]
        judged.steps = [step for step in judged.steps if step.position not in refused]


def _save_refused(worker: Worker, judged: Judged) -> None:
    """Before anything is sent: judged again over what this attempt wrote, they might fit."""
    known = [*refused_before(judged.task).values(), *judged.limited]
    progress = {"limited": [outcome.to_json() for outcome in known]}
    worker.ports.log.save_progress(worker.index_id, worker.lease.epoch, judged.task.n, progress)
    judged.task = replace(judged.task, progress=progress)
