"""Submit the parts as ordinary tasks (harvest 3, step 6)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from garner.domain.harvest.run import INDEXING_ERRORS
from garner.domain.harvest.tables import Target
from garner.errors import GarnerError, JsonObject, NoSuchIndex, Retryable, WrongIndexStatus
from garner.ports.harvest import Part
from garner.ports.runs import LeaseLost, Markers
from garner.services.harvest.begin import find_target
from garner.services.harvest.job import ComeBack, Job, RunFailed
from garner.services.harvest.names import ORPHANS, PART, TASK
from garner.services.harvest.objects import get_lines


def publish(job: Job) -> None:
    """`pending` is set before the first submit; nothing to submit leaves the target alone."""
    run = job.run
    target = find_target(job)
    deletes = sum(marker["deletes"] for marker in job.markers(ORPHANS).values())
    if run.facts["parts"] == 0 and deletes == 0 and target.pending != run.run_id:
        run.facts["nothing_to_publish"] = True
        job.next_phase()
        return
    if target.pending != run.run_id:
        _set_pending(job, target)
    parts = job.markers(PART)

    def work(number: int) -> Markers:
        lines = sent_lines(job, parts[number]["key"])
        if not lines:
            return {(job.kind(TASK), number): not_submitted(0, "No record could be transformed")}
        part = part_of(job, f"{number}", [line[0] for line in lines], [line[2] for line in lines])
        return {(job.kind(TASK), number): submit_part(job, part)}

    if job.units(range(run.facts["parts"]), work):
        job.next_phase()


def _set_pending(job: Job, target: Target) -> None:
    job.check()
    changed = replace(
        target,
        version=target.version + 1,
        pending=job.run.run_id,
        rule=job.run.facts["rule"],
        entry_id=job.source.entry_id,
        fields_added=target.fields_added + job.run.facts["fields_brought"],
    )
    if not job.tools.targets.replace(changed):
        raise LeaseLost


def part_of(
    job: Job, number: str, subjects: Sequence[str], contents: Sequence[JsonObject] | None
) -> Part:
    run = job.run
    return Part(
        key=f"{run.run_id}.{number}",
        origin=run.run_id,
        index_id=run.facts["index_id"],
        entry_id=run.source_id if job.source.entry_id == "resource" else None,
        visible_to=job.source.visible_to,
        subjects=tuple(subjects),
        contents=None if contents is None else tuple(contents),
    )


def sent_lines(job: Job, key: str) -> list[list[Any]]:
    """The lines of a part that go into its task, in order: a task's positions count these."""
    lines = [orjson.loads(line) for line in get_lines(job.tools.stage, key)]
    return [line for line in lines if line[2] is not None]


def submit_part(job: Job, part: Part) -> JsonObject:
    """The marker of a submitted part. The lease is checked last before each one."""
    job.check()
    try:
        return {"task_id": job.tools.publisher.submit(part), "entries": len(part.subjects)}
    except Retryable as busy:
        raise ComeBack(busy.retry_after) from None
    except (NoSuchIndex, WrongIndexStatus) as gone:
        raise RunFailed(INDEXING_ERRORS, gone.message) from None
    except GarnerError as refused:
        return not_submitted(len(part.subjects), refused.message)


def not_submitted(entries: int, reason: str) -> JsonObject:
    return {"task_id": "", "entries": entries, "reason": reason}
