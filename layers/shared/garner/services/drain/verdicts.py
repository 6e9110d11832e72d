"""How a task ended, and what became of each of its entries (contract 4.3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import orjson

from garner import limits
from garner.domain.operations import Verb
from garner.domain.progress import entries_of, page_name
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    Outcome,
    Task,
    TaskError,
    TaskState,
    Verdict,
)
from garner.ports.payloads import PayloadStore
from garner.services.drain.judge import Judged, Step

ENGINE_REFUSED = "ENGINE_REFUSED"
_INLINE_BYTES = 30_000  # of outcomes in one log item: 99 of them fit in one transaction

_MESSAGES: Mapping[TaskError, str] = {
    TaskError.MAPPING: "The engine refuses a new field of this task; nothing was applied",
    TaskError.WORKER_CRASH: "The worker ended unexpectedly each time it tried this task",
    TaskError.PAYLOAD_DAMAGED: "What is stored of this task is not what was accepted",
    TaskError.PAYLOAD_TOO_LARGE: "The data are larger than a task may be",
    TaskError.CANCELLED: "The task was cancelled",
}


def judged_verdict(
    judged: Judged,
    refused_by_engine: Sequence[Step],
    superseded: Sequence[Step],
) -> Verdict:
    """The verdict of a task whose documents all have an answer."""
    if judged.error:
        return _refused_whole(judged)
    rejected = (
        judged.refused + judged.limited + [engine_refused(step) for step in refused_by_engine]
    )
    gone = {outcome.position for outcome in rejected}
    late = {
        step.position: step
        for step in (*superseded, *overwritten(judged.steps))
        if step.position not in gone
    }
    outcomes = _sorted(rejected + [_late(step) for step in late.values()])
    counts = Counts(
        len(judged.steps) - len(judged.limited) - len(refused_by_engine) - len(late),
        len(late),
        len(rejected),
    )
    if not rejected:
        return Verdict(state=TaskState.SUCCESS, counts=counts, outcomes=outcomes)
    return Verdict(
        state=TaskState.FAILED,
        error=TaskError.ITEM_FAILURES if refused_by_engine else TaskError.SKIPPED,
        message=summary(_first(rejected), len(rejected), judged.task.operations),
        counts=counts,
        partial=counts.applied + counts.superseded > 0,
        outcomes=outcomes,
    )


def _refused_whole(judged: Judged) -> Verdict:
    assert judged.error
    failures = judged.refused + judged.limited
    return Verdict(
        state=TaskState.FAILED,
        error=judged.error,
        message=judged.message
        or _MESSAGES.get(judged.error)
        or summary(_first(failures), len(failures), judged.task.operations),
        counts=Counts(rejected=judged.task.operations),
        outcomes=_sorted(failures),
    )


def ended_early(
    task: Task, error: TaskError, judged: Judged | None = None, missing: Sequence[Step] = ()
) -> Verdict:
    """WORKER_CRASH or CANCELLED. `missing` are the operations of `judged` that are not in the
    index; without `judged` nothing of the task was ever sent."""
    state = TaskState.CANCELLED if error is TaskError.CANCELLED else TaskState.FAILED
    applied = len(judged.steps) - len(missing) if judged else 0
    if judged is None or applied == 0:
        return Verdict(
            state=state,
            error=error,
            message=_MESSAGES[error],
            counts=Counts(rejected=entries_of(task)),
        )
    gone = [not_applied(step, error) for step in missing]
    return Verdict(
        state=state,
        error=error,
        message=f"{_MESSAGES[error]}; {applied:,} entries were applied before",
        counts=Counts(applied=applied, rejected=task.operations - applied),
        partial=True,
        outcomes=_sorted(judged.refused + gone),
    )


def failed(task: Task, error: TaskError, message: str | None = None) -> Verdict:
    """Nothing of the task was applied."""
    return Verdict(
        state=TaskState.FAILED,
        error=error,
        message=message or _MESSAGES[error],
        counts=Counts(rejected=entries_of(task)),
    )


def overwritten(steps: Sequence[Step]) -> list[Step]:
    """Entries that a later operation of the same task replaced or deleted (contract 4.4)."""
    if len({step.subject for step in steps}) == len(steps):
        return []
    seen: set[tuple[str, str | None]] = set()
    gone: set[str] = set()
    found = []
    for step in reversed(steps):
        key = step.subject, step.entry_id
        if key in seen or step.subject in gone:
            found.append(step)
        seen.add(key)
        if step.verb is Verb.DELETE_SUBJECT:
            gone.add(step.subject)
    return found


def fit(index_id: str, n: int, verdict: Verdict, payloads: PayloadStore) -> Verdict:
    """A verdict that a log item can hold: what is too much goes to pages of their own. One that
    has pages already has all of its outcomes there."""
    lines = [orjson.dumps(outcome.to_json()) for outcome in verdict.outcomes]
    kept = _that_fit(lines[: limits.MAX_REPORTED_FAILURES])
    if kept == len(lines):
        return verdict
    pages = verdict.pages or _put_pages(index_id, n, lines, payloads)
    return replace(verdict, outcomes=verdict.outcomes[:kept], pages=pages)


def _put_pages(
    index_id: str, n: int, lines: Sequence[bytes], payloads: PayloadStore
) -> tuple[str, ...]:
    names: list[str] = []
    for start in range(0, len(lines), limits.PACK_OPERATIONS):
        names.append(page_name(index_id, n, len(names)))
        payloads.put_page(names[-1], b"\n".join(lines[start : start + limits.PACK_OPERATIONS]))
    return tuple(names)


def _that_fit(lines: Sequence[bytes]) -> int:
    size = 0
    for count, line in enumerate(lines):
        size += len(line)
        if size > _INLINE_BYTES:
            return count
    return len(lines)


def summary(first: EntryOutcome, failures: int, total: int) -> str:
    """The message of a task with entries that failed (contract 4.3)."""
    where = f'subject "{first.subject}"' if first.subject else f"entry {first.position}"
    what = f"{first.field}: {first.reason}" if first.field else first.reason
    return f"{failures:,} of {total:,} entries failed; first: {where}: {what}"


def _first(outcomes: Sequence[EntryOutcome]) -> EntryOutcome:
    return min(outcomes, key=lambda each: each.position)


def _sorted(outcomes: Iterable[EntryOutcome]) -> tuple[EntryOutcome, ...]:
    return tuple(sorted(outcomes, key=lambda each: each.position))


def engine_refused(step: Step) -> EntryOutcome:
    return EntryOutcome(
        step.position,
        subject=step.subject,
        entry_id=step.entry_id,
        code=ENGINE_REFUSED,
        reason="The search engine refuses the document of this subject",
    )


def not_applied(step: Step, error: TaskError) -> EntryOutcome:
    return EntryOutcome(
        step.position,
        subject=step.subject,
        entry_id=step.entry_id,
        code=error.value,
        reason=_MESSAGES[error],
    )


def _late(step: Step) -> EntryOutcome:
    return EntryOutcome(
        step.position, Outcome.SUPERSEDED, subject=step.subject, entry_id=step.entry_id
    )
