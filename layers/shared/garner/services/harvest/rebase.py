"""The next base: what was classified, with what came of it (harvest 3, steps 3 and 4)."""

from collections import defaultdict
from dataclasses import replace

import orjson

from garner.domain.harvest.rows import FAILED, FINISHED, Result, Row, partition_of_subject
from garner.ports.runs import Markers
from garner.services.harvest.job import Job
from garner.services.harvest.manifest import Base, load_base
from garner.services.harvest.names import CLASSIFY, REBASE, TRANSFORM
from garner.services.harvest.objects import (
    get_group,
    get_sections,
    put_json,
    put_lines,
    put_sections,
)
from garner.services.harvest.partitions import NO_SUBJECT, groups
from garner.services.harvest.transform import segment_keys


def rebase(job: Job) -> None:
    stage = job.tools.stage
    classified = job.markers(CLASSIFY)
    results = [marker["results"] for marker in job.markers(TRANSFORM).values()]

    def work(group: range) -> Markers:
        if group.start not in classified:
            return {}
        found = {each.key: each for each in get_group(stage, Result, results, group)}
        rows = [
            _merged(row, found.get(row.key))
            for row in get_sections(stage, Row, classified[group.start]["rows"])
        ]
        return _stored(job, group.start, rows, found)

    if job.units(groups(job.run.facts["width"]), work):
        job.run.facts["next_base"] = _put_manifest(job)
        job.next_phase()


def _merged(row: Row, result: Result | None) -> Row:
    if result is None:
        return row
    return replace(
        row,
        state=result.state,
        subject=result.subject,
        document=result.document,
        reason=result.reason,
    )


def _stored(job: Job, partition: int, rows: list[Row], found: dict[str, Result]) -> Markers:
    sections: dict[int, list[Row]] = defaultdict(list)
    errors = []
    for row in rows:
        named = row.state == FINISHED and row.subject
        sections[partition_of_subject(row.subject) if named else NO_SUBJECT].append(row)
        if not named:
            label = found[row.key].label if row.key in found else row.key
            errors.append(orjson.dumps([label, row.reason]))
    stage = job.tools.stage
    return {
        (job.kind(REBASE), partition): {
            "rows": put_sections(stage, job.key("base", partition), sections),
            "errors": put_lines(stage, job.key("errors", partition), errors),
            "records": len(rows),
            "failed": sum(row.state == FAILED for row in rows),
            "unnamed": sum(row.state == FINISHED and not row.subject for row in rows),
        }
    }


def _put_manifest(job: Job) -> str:
    run, stage = job.run, job.tools.stage
    rebased = job.markers(REBASE)
    runs = {run.run_id}
    if not run.type.crawls:
        runs.update(load_base(stage, run.facts["base"]).runs)
    base = Base(
        partitions={str(n): marker["rows"] for n, marker in rebased.items()},
        width=run.facts["width"],
        records=sum(marker["records"] for marker in rebased.values()),
        segments=segment_keys(job),
        runs=sorted(runs),
        transform=run.facts["transform"],
        rule=run.facts["rule"],
        unnamed=sum(marker["unnamed"] for marker in rebased.values()),
    )
    return put_json(stage, job.key("manifest", 0), base.to_json())
