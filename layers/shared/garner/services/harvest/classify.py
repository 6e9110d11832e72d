"""A crawl against the base, partition by partition; or the base itself, where nothing is crawled
(harvest 3, step 3). Both leave the same markers."""

from collections import defaultdict
from collections.abc import Sequence

from garner.domain.harvest.classify import (
    ERRORS_ONLY,
    FINISHED_ONLY,
    Classified,
    classify,
    select,
)
from garner.domain.harvest.requests import RequestType
from garner.domain.harvest.rows import Row, Seen
from garner.domain.harvest.run import Phase
from garner.errors import JsonObject
from garner.ports.runs import Markers
from garner.services.harvest.job import Job
from garner.services.harvest.manifest import base_rows, load_base
from garner.services.harvest.names import CLASSIFY, PARSE
from garner.services.harvest.objects import get_group, put_sections
from garner.services.harvest.partitions import groups


def classify_crawl(job: Job) -> None:
    stage, facts = job.tools.stage, job.run.facts
    base = load_base(stage, facts["base"])
    refs = [marker["rows"] for _, marker in sorted(job.markers(PARSE).items())]

    def work(group: range) -> Markers:
        result = classify(
            get_group(stage, Seen, refs, group),
            {row.key: row for row in base_rows(stage, base, group)},
            now=job.run.created_at,
            transform_changed=facts["transform_changed"],
            rule_changed=facts["rule_changed"],
        )
        return _stored(job, group.start, result.rows, _counts(result))

    if job.units(groups(facts["width"]), work):
        job.next_phase()


def select_from_base(job: Job) -> None:
    """`run` takes the errors, `reprocess` everything finished; `index` takes something only if the
    stored results no longer fit."""
    run, stage = job.run, job.tools.stage
    stale = run.facts["transform_changed"] or run.facts["rule_changed"]
    if run.type is RequestType.INDEX and not stale:
        run.facts["next_base"] = run.facts["base"]
        run.enter(Phase.JOIN)
        job.save()
        return
    states = ERRORS_ONLY if run.type is RequestType.RUN else FINISHED_ONLY
    base = load_base(stage, run.facts["base"])
    run.facts["width"] = base.width

    def work(group: range) -> Markers:
        rows = select(base_rows(stage, base, group), states)
        return _stored(job, group.start, rows, {"same": len(rows)})

    if job.units(groups(base.width), work):
        job.next_phase()


def _stored(job: Job, partition: int, rows: Sequence[Row], counts: JsonObject) -> Markers:
    if not rows and not any(counts.values()):
        return {}
    work: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if not row.state:
            work[row.segment].append(row)
    stage = job.tools.stage
    return {
        (job.kind(CLASSIFY), partition): {
            "rows": put_sections(stage, job.key("classified", partition), {0: rows}),
            "work": put_sections(stage, job.key("work", partition), work),
            **counts,
        }
    }


def _counts(result: Classified) -> JsonObject:
    return {
        "new": result.new,
        "same": result.same,
        "changed": result.changed,
        "duplicates": result.duplicates,
        "not_seen": result.not_seen,
    }
