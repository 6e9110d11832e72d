"""The ledger after a publish: what the tasks confirmed, and nothing else (harvest 3, step 6).

A run that never came back is settled by the next one in the same way, from its markers.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from garner.domain.harvest.ledger import settled
from garner.domain.harvest.rows import UNKNOWN_DOCUMENT, Published, partition_of_subject
from garner.domain.harvest.run import Run
from garner.domain.harvest.tables import Target
from garner.errors import JsonObject
from garner.ports.runs import LeaseLost
from garner.services.harvest.job import Job
from garner.services.harvest.ledgers import Ledger
from garner.services.harvest.names import (
    DONE,
    JOIN,
    ORPHANS,
    PART,
    REMOVE_PART,
    REMOVE_TASK,
    REMOVED,
    TASK,
)
from garner.services.harvest.objects import (
    get_group,
    get_lines,
    get_sections,
    put_json,
    put_sections,
)
from garner.services.harvest.partitions import groups
from garner.services.harvest.verdicts import verdicts

Unconfirmed = dict[int, dict[str, Published]]
"""Partition by subject → subject → row."""


def settle(job: Job) -> None:
    """The last step of a publish. Repeated after the swap, it finds nothing pending."""
    run = job.run
    target = job.tools.targets.get(run.source_id, run.facts["index_id"])
    if target.pending == run.run_id:
        _swap(job, target, run)
    job.next_phase()


def settle_abandoned(job: Job) -> None:
    """Before anything is compared with the ledger: the run that left something pending is over."""
    run = job.run
    target = job.tools.targets.get(run.source_id, run.facts["index_id"])
    if target.pending and target.pending != run.run_id:
        other = job.tools.runs.get(target.pending)
        if other is None:
            raise LookupError(f"run {target.pending} is pending and gone")
        _swap(job, target, other)


def _swap(job: Job, target: Target, run: Run) -> None:
    """Writes the ledger as `run` leaves it, and points the target to it."""
    width = run.facts.get("publish_width", 1)
    partitions, records = _partitions(job, run, width)
    ledger = Ledger(partitions, [job.run.run_id], width, records)
    key = put_json(job.tools.stage, job.key(f"ledger.{target.version}", 0), ledger.to_json())
    job.check()
    changed = replace(target, version=target.version + 1, ledger=key, pending="")
    if not job.tools.targets.replace(changed):
        raise LeaseLost


def _partitions(job: Job, run: Run, width: int) -> tuple[dict[str, JsonObject], int]:
    """The objects of the ledger, and how many rows they have."""
    stage = job.tools.stage
    joined, orphans = _markers(job, run, JOIN), _markers(job, run, ORPHANS).values()
    unconfirmed, removed = unconfirmed_rows(job, run), removed_subjects(job, run)
    found, records = {}, 0
    for group in groups(width):
        rows = list(get_sections(stage, Published, joined.get(group.start, {}).get("rows", {})))
        rows += get_group(stage, Published, [each["keep"] for each in orphans], group)
        deleted = get_group(stage, Published, [each["delete"] for each in orphans], group)
        open_rows = {row.subject: row for row in deleted if row.subject not in removed}
        for partition in group:
            open_rows |= unconfirmed.get(partition, {})
        name, after = f"ledger.{run.run_id}", settled(rows, open_rows)
        if after:
            key = job.key(name, group.start)
            found[str(group.start)] = put_sections(stage, key, {0: after})
        records += len(after)
        job.keep()
    return found, records


def unconfirmed_rows(job: Job, run: Run) -> Unconfirmed:
    """The upserts of a run that no task vouches for."""
    found: Unconfirmed = defaultdict(dict)
    done = verdicts(job, run, TASK, DONE)
    for number, part in _markers(job, run, PART).items():
        verdict = done.get(number)
        if verdict and verdict["complete"] and not verdict["rejected"] and not part["unbuilt"]:
            continue
        for line in _unconfirmed_lines(job, part["key"], verdict):
            row = Published(line[0], UNKNOWN_DOCUMENT, line[1])
            found[partition_of_subject(row.subject)][row.subject] = row
    return found


def _unconfirmed_lines(job: Job, key: str, verdict: JsonObject | None) -> Iterator[list[Any]]:
    sure = verdict is not None and verdict["complete"]
    rejected = set(verdict["rejected"]) if verdict else set()
    position = 0
    for line in map(orjson.loads, get_lines(job.tools.stage, key)):
        sent = line[2] is not None
        if not sent or not sure or position in rejected:
            yield line
        position += sent


def removed_subjects(job: Job, run: Run) -> set[str]:
    """The deletions of a run that their tasks vouch for."""
    found: set[str] = set()
    done = verdicts(job, run, REMOVE_TASK, REMOVED)
    for number, part in _markers(job, run, REMOVE_PART).items():
        verdict = done.get(number)
        if verdict and verdict["complete"]:
            subjects = [orjson.loads(line)[0] for line in get_lines(job.tools.stage, part["key"])]
            rejected = set(verdict["rejected"])
            found.update(s for n, s in enumerate(subjects) if n not in rejected)
    return found


def _markers(job: Job, run: Run, name: str) -> dict[int, JsonObject]:
    return job.tools.runs.markers(run.run_id, f"{name}.{run.generation}")
