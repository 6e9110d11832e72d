"""What became of each entry of a finished task, entry by entry (contract 8.12).

Only the exceptions are stored. The others follow from the verdict, and their names from reading
the payload again, so that a million outcomes cost nothing until somebody asks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import orjson

from garner import limits
from garner.domain.principals import Caller
from garner.domain.progress import LoadProgress, part_name
from garner.domain.slots import TaskIds
from garner.domain.tasks import EntryOutcome, Outcome, Task, TaskKind, TaskState, Verdict
from garner.errors import Conflict, JsonObject, ValidationFailed
from garner.ports.indexes import IndexStore
from garner.ports.payloads import PayloadDamaged, PayloadStore
from garner.ports.task_log import TaskLog
from garner.services import access
from garner.services.tasks import find_task

_NOT_APPLIED = "Nothing of the task was applied"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the outcomes of a task: the position of an entry, and the page of exceptions that
    has to be looked at from there."""

    position: int = 0
    page: int = 0

    @property
    def marker(self) -> str:
        return f"{self.position}.{self.page}"

    @classmethod
    def of(cls, marker: str | None) -> "Place":
        """Raises `ValidationFailed`."""
        position, dot, page = (marker or "0.0").partition(".")
        if not (dot and _is_number(position) and _is_number(page)):
            raise ValidationFailed.of("query", "marker", "Not a valid marker.")
        return cls(int(position), int(page))


@dataclass(frozen=True, slots=True)
class Row:
    """An entry's outcome, and its operation as the task has it; None where that can't be read."""

    place: Place
    outcome: EntryOutcome
    line: bytes | None


def task_outcomes(
    task_id: str,
    caller: Caller,
    wanted: Outcome | None,
    *,
    limit: int,
    marker: str | None,
    indexes: IndexStore,
    log: TaskLog,
    task_ids: TaskIds,
    payloads: PayloadStore,
) -> JsonObject:
    """`{outcomes, marker}`, in the order of the entries. A page may be shorter than `limit`; the
    last one has the marker null.

    Raises `NotFound`, `Forbidden`, `ValidationFailed`, and `Conflict` for a task that still runs.
    """
    start = Place.of(marker)
    index_id, task = find_task(
        task_id, caller, access.TASK_SHOW, indexes=indexes, log=log, task_ids=task_ids
    )
    found: list[JsonObject] = []
    for looked, row in enumerate(rows(index_id, task, payloads, start, wanted)):
        if len(found) == limit or looked == limits.OUTCOMES_LOOKED_AT:
            return {"outcomes": found, "marker": row.place.marker}
        if wanted in (None, row.outcome.outcome):
            found.append(row.outcome.to_json())
    return {"outcomes": found, "marker": None}


def rows(
    index_id: str,
    task: Task,
    payloads: PayloadStore,
    start: Place,
    wanted: Outcome | None = None,
) -> Iterator[Row]:
    """The entries from `start` on; those that are not `wanted` may be among them, or not.

    Raises `Conflict` for a task that still runs.
    """
    if task.verdict is None or not task.state.is_terminal:
        raise Conflict("The task has not ended yet; its outcomes are known when it has")
    usual = _usual(task.verdict)
    exceptions = _exceptions(task.verdict, payloads, start)
    if wanted not in (None, usual):
        return (Row(place, outcome, None) for place, outcome in exceptions)
    lines = _lines(index_id, task, payloads, start.position)
    return _joined(task.verdict, exceptions, lines, start.page)


def _usual(verdict: Verdict) -> Outcome:
    """What holds for an entry that nothing is said of."""
    applied = verdict.state is TaskState.SUCCESS or verdict.partial
    return Outcome.APPLIED if applied else Outcome.REJECTED


def _joined(
    verdict: Verdict,
    exceptions: Iterator[tuple[Place, EntryOutcome]],
    lines: Iterator[tuple[int, bytes | None]],
    page: int,
) -> Iterator[Row]:
    ahead = next(exceptions, None)
    for position, line in lines:
        if ahead and ahead[1].position == position:
            page = ahead[0].page
            yield Row(*ahead, line)
            ahead = next(exceptions, None)
        else:
            yield Row(Place(position, page), _unsaid(verdict, position, line), line)
    for place, outcome in chain([ahead] if ahead else [], exceptions):
        yield Row(place, outcome, None)


def _unsaid(verdict: Verdict, position: int, line: bytes | None) -> EntryOutcome:
    operation = orjson.loads(line) if line else {}
    usual = _usual(verdict)
    rejected = usual is Outcome.REJECTED
    return EntryOutcome(
        position,
        usual,
        subject=operation.get("subject"),
        entry_id=operation.get("id"),
        code=verdict.error.value if rejected and verdict.error else None,
        reason=_NOT_APPLIED if rejected else None,
    )


def _exceptions(
    verdict: Verdict, payloads: PayloadStore, start: Place
) -> Iterator[tuple[Place, EntryOutcome]]:
    for number in range(start.page, max(1, len(verdict.pages))):
        for outcome in _page(verdict, number, payloads):
            if outcome.position >= start.position:
                yield Place(outcome.position, number), outcome


def _page(verdict: Verdict, number: int, payloads: PayloadStore) -> Sequence[EntryOutcome]:
    if not verdict.pages:
        return verdict.outcomes
    lines = payloads.page(verdict.pages[number]).split(b"\n")
    return [EntryOutcome.from_json(orjson.loads(line)) for line in lines]


def _lines(
    index_id: str, task: Task, payloads: PayloadStore, first: int
) -> Iterator[tuple[int, bytes | None]]:
    """`(position, operation)` of every entry from `first` on."""
    if task.kind is TaskKind.UPLOAD:
        yield from _lines_of_parts(index_id, task, payloads, first)
        return
    try:
        operations = payloads.get(task.payload).split(b"\n")[1:]
    except PayloadDamaged:
        yield from ((position, None) for position in range(first, task.operations))
        return
    yield from enumerate(operations[first:], first)


def _lines_of_parts(
    index_id: str, task: Task, payloads: PayloadStore, first: int
) -> Iterator[tuple[int, bytes | None]]:
    progress = LoadProgress.of(task)
    for part, (begin, size) in enumerate(zip(progress.firsts, progress.parts, strict=True)):
        if begin + size > first:
            operations = payloads.page(part_name(index_id, task.n, part)).split(b"\n")[1:]
            skipped = max(0, first - begin)
            yield from enumerate(operations[skipped:], begin + skipped)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(limits.INT64_MAX))
