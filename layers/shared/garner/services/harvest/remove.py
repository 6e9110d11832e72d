"""Deletions: after everything else is in the index, by lists of (subject, entry id), never by query
(harvest 1, removal and changed subjects)."""

import orjson

from garner import limits
from garner.domain.harvest.rows import Published
from garner.ports.runs import Markers
from garner.services.harvest.job import Job
from garner.services.harvest.names import ORPHANS, REMOVE_PART, REMOVE_TASK
from garner.services.harvest.objects import get_sections, put_lines
from garner.services.harvest.publish import part_of, submit_part
from garner.services.harvest.settle import unconfirmed_rows


def remove(job: Job) -> None:
    """An entry whose record is published under another subject goes only if that is confirmed."""
    rows = _rows(job)
    starts = range(0, len(rows), limits.PART_ENTRIES)

    def work(start: int) -> Markers:
        number = start // limits.PART_ENTRIES
        subjects = [row.subject for row in rows[start : start + limits.PART_ENTRIES]]
        lines = [orjson.dumps([subject]) for subject in subjects]
        key = put_lines(job.tools.stage, job.key(REMOVE_PART, number), lines)
        task = submit_part(job, part_of(job, f"remove.{number}", subjects, None))
        return {
            (job.kind(REMOVE_PART), number): {"key": key},
            (job.kind(REMOVE_TASK), number): task,
        }

    if job.units(starts, work):
        job.next_phase()


def _rows(job: Job) -> list[Published]:
    refs = [marker["delete"] for marker in job.markers(ORPHANS).values() if marker["deletes"]]
    if not refs:
        return []
    missing = {row.key for rows in unconfirmed_rows(job, job.run).values() for row in rows.values()}
    deleted = [row for ref in refs for row in get_sections(job.tools.stage, Published, ref)]
    return sorted((row for row in deleted if row.key not in missing), key=lambda row: row.subject)
