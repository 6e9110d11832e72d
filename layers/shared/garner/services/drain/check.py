"""The first pass over a large load: read, check every line, cut into parts (ingest protocol 7).

Nothing of the load is written before the whole of it has passed.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

import orjson

from garner import limits
from garner.domain import documents as doc
from garner.domain import operations
from garner.domain.content import Checker, FieldProblem
from garner.domain.fields import FieldType
from garner.domain.outline import Outliner
from garner.domain.progress import LoadProgress, page_name, part_name
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    Task,
    TaskError,
    TaskState,
    Verdict,
)
from garner.domain.uploads import Upload
from garner.services.drain.judge import among, refusal
from garner.services.drain.lines import BadLoad, numbered_lines
from garner.services.drain.verdicts import failed, summary
from garner.services.drain.worker import Worker

BAD_LINE = "BAD_LINE"
_SAVE_SECONDS = 5.0  # between two notes of how far it is


def check_load(
    worker: Worker, task: Task, file: Upload, declared: Mapping[str, FieldType]
) -> LoadProgress | Verdict:
    """What there is to apply, or the verdict of a load that can't be applied. Goes on behind the
    parts that an earlier worker has saved.

    Raises `TaskMoved` if the task is to be cancelled, `PayloadDamaged` if the file is not there.
    """
    return _Check(worker, task, declared).run(file)


class _Check:
    def __init__(self, worker: Worker, task: Task, declared: Mapping[str, FieldType]) -> None:
        self._worker, self._task = worker, task
        saved = LoadProgress.of(task)
        self._checker = Checker(worker.schema, {**declared, **saved.fields})
        self._unmapped = worker.unmapped()
        self._used = self._unmapped.intersection(declared) | saved.unmapped
        self._several = saved.several
        self._read, self._entries = saved.read, saved.entries
        self._lines: list[bytes] = []
        self._outliner = Outliner()
        self._size = 0
        self._refused: list[EntryOutcome] = []
        self._rejected = saved.counts.rejected
        self._parts = list(saved.parts)
        self._told = list(saved.told)
        self._saved_at = worker.ports.clock.seconds()

    def run(self, file: Upload) -> LoadProgress | Verdict:
        if problem := self._checker.declaration_problem:
            return failed(self._task, TaskError.VALIDATION, problem.reason)
        lines = numbered_lines(self._worker.ports.payloads.stream(file))
        try:
            for number, line in islice(lines, self._entries, None):
                self._take(number, line)
        except BadLoad as bad:
            return self._bad(bad)
        if self._lines:
            self._close_part()
        if self._rejected and not self._task.skip_errors:
            return self._refused_whole()
        return replace(self._progress(), checked=True, counts=Counts(), told=())

    def _take(self, number: int, line: bytes) -> None:
        try:
            entry = self._worker.ports.read_line(line)
        except ValueError as wrong:
            raise BadLoad(TaskError.VALIDATION, number, str(wrong)) from None
        if self._entries == limits.MAX_OPERATIONS_PER_TASK:
            most = f"A load has at most {self._entries:,} entries; split it"
            raise BadLoad(TaskError.PAYLOAD_TOO_LARGE, number, most)
        self._judge(operations.operation(self._entries, entry))
        self._outliner.take(entry)
        self._lines.append(orjson.dumps(entry))
        self._entries += 1
        self._read += len(line) + 1
        self._size += len(self._lines[-1])
        full = self._size >= limits.PART_OF_LOAD_BYTES
        if full or len(self._lines) == limits.PACK_OPERATIONS:
            self._close_part()

    def _judge(self, operation: operations.Operation) -> None:
        checked = self._checker.check(operation.entry[doc.CONTENT])
        if isinstance(checked, FieldProblem):
            self._refused.append(refusal(operation, checked))
            return
        self._several = self._several or operation.entry_id is not None
        if self._unmapped:
            self._used |= among(self._unmapped, checked.indexed)

    def _close_part(self) -> None:
        worker, n, part = self._worker, self._task.n, len(self._parts)
        worker.require_wanted(n)
        page = operations.join(self._outliner.header(), self._lines)
        worker.ports.payloads.put_page(part_name(worker.index_id, n, part), page)
        if self._refused:
            worker.put_outcomes(page_name(worker.index_id, n, part), self._refused)
            self._told.append(part)
            self._rejected += len(self._refused)
        self._parts.append(len(self._lines))
        self._lines, self._size, self._refused = [], 0, []
        self._outliner = Outliner()
        now = worker.ports.clock.seconds()
        if now - self._saved_at >= _SAVE_SECONDS:
            worker.save_progress(n, self._progress().to_json())
            self._saved_at = now

    def _progress(self) -> LoadProgress:
        return LoadProgress(
            read=self._read,
            entries=self._entries,
            parts=tuple(self._parts),
            fields=self._checker.new_fields,
            unmapped=frozenset(self._used),
            several=self._several,
            counts=Counts(rejected=self._rejected),
            told=tuple(self._told),
        )

    def _bad(self, bad: BadLoad) -> Verdict:
        """The entries behind the line are not known; those before it are not applied."""
        outcome = EntryOutcome(self._entries, code=BAD_LINE, reason=bad.reason)
        if not self._was_told(outcome):
            self._refused.append(outcome)
            self._close_part()
        verdict = self._failed(bad.error, self._entries + 1)
        return replace(verdict, message=f"{bad.reason}; nothing was applied", outcomes=(outcome,))

    def _was_told(self, outcome: EntryOutcome) -> bool:
        """A worker died between telling it and its verdict."""
        if not self._told or self._lines:
            return False
        page = page_name(self._worker.index_id, self._task.n, self._told[-1])
        return outcome in self._worker.get_outcomes(page)

    def _refused_whole(self) -> Verdict:
        verdict = self._failed(TaskError.VALIDATION, self._entries)
        shown = self._worker.first_rejected(verdict.pages)
        message = summary(shown[0], self._rejected, self._entries)
        return replace(verdict, message=message, outcomes=shown)

    def _failed(self, error: TaskError, rejected: int) -> Verdict:
        worker, n = self._worker, self._task.n
        worker.save_progress(n, self._progress().to_json())  # says where the parts are
        return Verdict(
            state=TaskState.FAILED,
            error=error,
            counts=Counts(rejected=rejected),
            pages=tuple(page_name(worker.index_id, n, part) for part in self._told),
        )
