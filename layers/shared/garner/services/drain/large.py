"""A load in parts: checked whole, then merged, sent and noted part by part (ingest protocol 7).

Its progress is saved at each border, so that another worker goes on at the next part. A part that
was begun is done again as a whole: same versions, same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from garner import limits
from garner.domain import operations
from garner.domain.fields import FieldType
from garner.domain.progress import LoadProgress, page_name, part_name, tight_name
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    Outcome,
    Task,
    TaskError,
    TaskState,
    Verdict,
)
from garner.domain.uploads import Upload
from garner.ports.payloads import PayloadDamaged
from garner.services.drain.check import check_load
from garner.services.drain.judge import Judged, Step, declared_types
from garner.services.drain.merge import NOTHING, blind_writes, merge, stored
from garner.services.drain.pack import bind_fields, leave_out, read_base, steps_on
from garner.services.drain.room import Room, sizes_of
from garner.services.drain.verdicts import failed, judged_verdict, not_applied, summary
from garner.services.drain.worker import Worker


def apply_load(worker: Worker, task: Task) -> None:
    """Brings an upload to its verdict. Raises `TaskMoved` at a border if it is to be cancelled."""
    (task,) = worker.begin([task])
    try:
        verdict = _apply(worker, task)
    except PayloadDamaged:
        verdict = failed(task, TaskError.PAYLOAD_DAMAGED)
    worker.finish(task.n, {task.n: verdict}, [task])


def _apply(worker: Worker, task: Task) -> Verdict:
    load = _Load(worker, task)
    if verdict := load.prepare():
        return verdict
    worker.raise_sent(task.n)
    while load.progress.done < len(load.progress.parts):
        worker.require_wanted(task.n)
        load.apply_next()
    worker.refresh()
    return load.verdict()


class _Load:
    """One load on its way; `progress` is what is saved."""

    def __init__(self, worker: Worker, task: Task) -> None:
        self.progress = LoadProgress.of(task)
        self._worker, self._task = worker, task

    # --- before anything is sent -----------------------------------------------------------------

    def prepare(self) -> Verdict | None:
        """Checks, binds and maps, and looks for room; a verdict if nothing can be applied."""
        worker, task = self._worker, self._task
        if not self.progress.checked:
            file, declared = _upload(worker, task)
            checked = check_load(worker, task, file, declared)
            if isinstance(checked, Verdict):
                return checked
            self._save(checked)
        if self.progress.roomy:
            return None
        if not self._bind():
            verdict = failed(task, TaskError.MAPPING)
            return replace(verdict, counts=Counts(rejected=self.progress.entries))
        return self._find_room()

    def _save(self, progress: LoadProgress) -> None:
        self._worker.save_progress(self._task.n, progress.to_json())
        self.progress = progress

    def _bind(self) -> bool:
        worker, progress = self._worker, self.progress
        known = worker.schema.fields
        fresh = {path: kind for path, kind in progress.fields.items() if path not in known}
        used = worker.unmapped() & (progress.unmapped | progress.fields.keys())
        return bind_fields(worker, self._task.n, fresh, used, several=progress.several)

    def _find_room(self) -> Verdict | None:
        """Only where subjects have several entries there can be too many."""
        worker, n, tight = self._worker, self._task.n, []
        first: list[EntryOutcome] = []
        total = 0
        if worker.schema.multi_entry:
            room = Room()
            try:
                for part in range(len(self.progress.parts)):
                    worker.require_wanted(n)
                    if outcomes := self._room_in_part(room, part):
                        worker.put_outcomes(tight_name(worker.index_id, n, part), outcomes)
                        tight.append(part)
                        first += outcomes[: limits.MAX_REPORTED_FAILURES - len(first)]
                        total += len(outcomes)
            finally:
                room.close()
        self._save(replace(self.progress, tight=tuple(tight), roomy=True))
        if not tight or self._task.skip_errors:
            return None
        entries = self.progress.entries
        return Verdict(
            state=TaskState.FAILED,
            error=TaskError.LIMIT,
            message=summary(first[0], total, entries),
            counts=Counts(rejected=entries),
            outcomes=tuple(first),
            pages=tuple(tight_name(worker.index_id, n, part) for part in tight),
        )

    def _room_in_part(self, room: Room, part: int) -> list[EntryOutcome]:
        judged = judge_part(self._worker, self._task, self.progress, part)
        subjects = room.known(judged)
        unread = {step.subject for step in judged.steps} - subjects.keys()
        found = self._worker.read(unread)
        for subject in unread:
            was = stored(found[subject]) if subject in found else NOTHING
            subjects[subject] = sizes_of(was)
        return room.take(judged, subjects)

    # --- part by part ----------------------------------------------------------------------------

    def apply_next(self) -> None:
        worker, progress = self._worker, self.progress
        part = progress.done
        judged = judge_part(worker, self._task, progress, part)
        base = read_base(worker, [judged]) if worker.schema.multi_entry else None
        writes = merge([judged], base).writes() if base is not None else blind_writes(judged)
        sent = worker.sender.send(writes)
        if sent.refused and worker.outlive(self._task.dead_before):
            return  # judged again, now that nothing of an earlier attempt can arrive
        refused = steps_on(judged, sent.refused)
        late = judged.superseded + steps_on(judged, sent.superseded)
        verdict = judged_verdict(judged, refused, late)
        told = progress.told
        if verdict.outcomes:
            worker.put_outcomes(page_name(worker.index_id, self._task.n, part), verdict.outcomes)
            told = (*told, part)
        self._save(
            replace(
                progress,
                done=part + 1,
                counts=progress.counts.plus(verdict.counts),
                told=told,
                refused=progress.refused or bool(refused),
            )
        )

    def verdict(self) -> Verdict:
        worker, n, progress = self._worker, self._task.n, self.progress
        pages = tuple(page_name(worker.index_id, n, part) for part in progress.told)
        shown = worker.first_rejected(pages)
        if not progress.counts.rejected:
            return Verdict(
                state=TaskState.SUCCESS, counts=progress.counts, outcomes=shown, pages=pages
            )
        first = next(each for each in shown if each.outcome is Outcome.REJECTED)
        return Verdict(
            state=TaskState.FAILED,
            error=TaskError.ITEM_FAILURES if progress.refused else TaskError.SKIPPED,
            message=summary(first, progress.counts.rejected, progress.entries),
            counts=progress.counts,
            partial=progress.counts.applied + progress.counts.superseded > 0,
            outcomes=shown,
            pages=pages,
        )


def judge_part(worker: Worker, task: Task, progress: LoadProgress, part: int) -> Judged:
    """A part's operations that passed, and those that did not, the ones without room included."""
    name = part_name(worker.index_id, task.n, part)
    page = worker.ports.payloads.page(name)
    judged = worker.judge.judge_operations(task, page, first=progress.firsts[part])
    if part in progress.tight:
        tight = worker.get_outcomes(tight_name(worker.index_id, task.n, part))
        leave_out(judged, {outcome.position: outcome for outcome in tight})
    return judged


def judge_parts(worker: Worker, task: Task) -> Iterator[Judged]:
    """All parts of a load that is decided, as they were judged then."""
    progress = LoadProgress.of(task)
    return (judge_part(worker, task, progress, part) for part in range(len(progress.parts)))


def load_read_back(worker: Worker, task: Task, error: TaskError, build: int) -> Verdict | None:
    """What an ended load has left in the index, read there; None if it never came to sending.

    Of parts that are done, what was told then stands: a later part may have written a subject that
    the engine had refused.
    """
    progress = LoadProgress.of(task)
    if not progress.roomy:
        return None
    worker.refresh(build)
    counts, told = Counts(), []
    for part in range(len(progress.parts)):
        outcomes = _left_of_part(worker, task, progress, part, error=error, build=build)
        late = sum(each.outcome is Outcome.SUPERSEDED for each in outcomes)
        gone = len(outcomes) - late
        counts = counts.plus(Counts(progress.parts[part] - len(outcomes), late, gone))
        if outcomes:
            told.append(page_name(worker.index_id, task.n, part))
            worker.put_outcomes(told[-1], outcomes)
    if not counts.applied + counts.superseded:
        return None
    return Verdict(
        state=TaskState.CANCELLED if error is TaskError.CANCELLED else TaskState.FAILED,
        error=error,
        message=f"It ended early; {counts.applied:,} entries were applied before",
        counts=counts,
        partial=True,
        outcomes=worker.first_rejected(told),
        pages=tuple(told),
    )


def _left_of_part(
    worker: Worker, task: Task, progress: LoadProgress, part: int, *, error: TaskError, build: int
) -> list[EntryOutcome]:
    judged = judge_part(worker, task, progress, part)
    told = {each.position: each for each in judged.refused}
    if part in progress.told and part < progress.done:
        page = page_name(worker.index_id, task.n, part)
        told = {each.position: each for each in worker.get_outcomes(page)}
    base = read_base(worker, [judged], build)
    missing: Sequence[Step] = [
        step
        for step in judged.steps
        if step.position not in told and base[step.subject].version < step.version
    ]
    told.update((step.position, not_applied(step, error)) for step in missing)
    return [told[position] for position in sorted(told)]


def _upload(worker: Worker, task: Task) -> tuple[Upload, Mapping[str, FieldType]]:
    """The file, in the version that was accepted, and the types that the task declares."""
    header = operations.header(worker.ports.payloads.get(task.payload))
    return Upload.from_json(header["upload"]), declared_types(header)
