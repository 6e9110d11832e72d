"""Parts of a harvest as ordinary tasks: the same log, the same order, the same verdicts."""

import hashlib
from collections.abc import Sequence

import orjson

from garner.domain import operations
from garner.domain.fields import Schema
from garner.domain.principals import SCOPE_ALL, Caller
from garner.domain.tasks import EntryOutcome, NewTask, Outcome, Task, TaskKind, TaskState
from garner.ports.harvest import Part, PartOutcome
from garner.services.submit import AcceptPorts, RequestIdentity, submit

SERVICE = Caller(identity="urn:garner:service:harvest", scopes=frozenset((SCOPE_ALL,)))
"""Whom harvested tasks belong to. Its right to an index is the index's row of names."""


class TaskPublisher:
    """Implements `garner.ports.harvest.Publisher`."""

    def __init__(self, accept: AcceptPorts) -> None:
        self._accept = accept

    def submit(self, part: Part) -> str:
        task = _task(part)
        digest = hashlib.sha256(task.payload).hexdigest()
        return submit(
            part.index_id,
            SERVICE,
            task,
            request=RequestIdentity(f"harvest.{part.key}", digest),
            ports=self._accept,
        )

    def outcomes(self, index_id: str, task_ids: Sequence[str]) -> list[PartOutcome]:
        places = [self._accept.task_ids.decode(task_id) for task_id in task_ids]
        slots = [place[1] for place in places if place]
        tasks = self._accept.log.tasks(index_id, slots)
        return [self._outcome(tasks.get(place[1]) if place else None) for place in places]

    def schema(self, index_id: str) -> Schema:
        return self._accept.log.schema(index_id)

    def _outcome(self, task: Task | None) -> PartOutcome:
        if task is None:
            return PartOutcome("failed", complete=False, reason="The task is not on record")
        if not task.state.is_terminal:
            return PartOutcome("waiting")
        verdict = task.verdict
        if task.state is TaskState.SUCCESS:
            return PartOutcome("applied")
        if verdict is None or not verdict.partial:
            reason = (verdict and verdict.message) or task.state.value
            return PartOutcome("failed", complete=False, reason=reason)
        found = {each.position: each for each in verdict.outcomes}
        for page in verdict.pages:
            lines = self._accept.payloads.page(page).split(b"\n")
            outcomes = (EntryOutcome.from_json(orjson.loads(line)) for line in lines)
            found |= {each.position: each for each in outcomes}
        rejected = tuple(sorted(n for n, e in found.items() if e.outcome is Outcome.REJECTED))
        complete = len(rejected) == verdict.counts.rejected
        return PartOutcome("failed", rejected, complete, verdict.message or "")


def _task(part: Part) -> NewTask:
    """`origin` travels in the payload's header, so that a task leads back to its request."""
    header = {"origin": part.origin}
    if part.contents is None:
        kind, lines = (
            TaskKind.DELETE_ENTRY,
            [operations.delete_entry(subject, part.entry_id) for subject in part.subjects],
        )
    else:
        kind, lines = (
            TaskKind.INGEST,
            [
                operations.upsert(subject, list(part.visible_to), content, entry_id=part.entry_id)
                for subject, content in zip(part.subjects, part.contents, strict=True)
            ],
        )
    return NewTask(
        kind=kind,
        payload=operations.encode(lines, header),
        operations=len(lines),
        skip_errors=True,
    )
