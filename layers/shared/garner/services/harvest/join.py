"""What the index lacks: the base against the ledger, by subject; then what the ledger has and no
record claims, by key (harvest 3, step 6)."""

from collections import defaultdict

from garner.domain.harvest.ledger import Orphan, join, judge_orphan
from garner.domain.harvest.requests import RequestType
from garner.domain.harvest.rows import (
    Published,
    Row,
    partition_of_key,
    partition_of_subject,
)
from garner.errors import JsonObject
from garner.ports.runs import Markers
from garner.services.harvest.job import Job
from garner.services.harvest.ledgers import ledger_rows, load_ledger
from garner.services.harvest.manifest import base_rows, base_rows_of_subjects, load_base
from garner.services.harvest.names import JOIN, ORPHANS
from garner.services.harvest.objects import get_group, put_sections
from garner.services.harvest.partitions import groups, width_for
from garner.services.harvest.settle import settle_abandoned

_DAY = 86_400.0


def join_ledger(job: Job) -> None:
    run, stage = job.run, job.tools.stage
    settle_abandoned(job)
    target = job.tools.targets.get(run.source_id, run.facts["index_id"])
    base = load_base(stage, run.facts["next_base"])
    ledger = load_ledger(stage, target.ledger)
    everything = run.type is RequestType.REPROCESS
    run.facts["publish_width"] = width_for(max(base.records, ledger.records))

    def work(group: range) -> Markers:
        joined = join(
            base_rows_of_subjects(stage, base, group),
            ledger_rows(stage, ledger, group),
            crawled_since=crawled_since(job),
            everything=everything,
        )
        if not joined.rows and not joined.orphans:
            return {}
        wanted: dict[int, list[Row]] = defaultdict(list)
        for row in joined.wanted:
            wanted[row.segment].append(row)
        orphans: dict[int, list[Published]] = defaultdict(list)
        for orphan in joined.orphans:
            orphans[partition_of_key(orphan.key)].append(orphan)
        marker: JsonObject = {
            "wanted": put_sections(stage, job.key("wanted", group.start), wanted),
            "rows": put_sections(stage, job.key("joined", group.start), {0: joined.rows}),
            "orphans": put_sections(stage, job.key("orphaned", group.start), orphans),
            "records": len(joined.wanted),
            "duplicates": joined.duplicates,
        }
        return {(job.kind(JOIN), group.start): marker}

    if job.units(groups(run.facts["publish_width"]), work):
        job.next_phase()


def crawled_since(job: Job) -> float:
    """The border of the date filter: a rolling window of days before the request (3.10)."""
    days = job.run.parameters.crawl_offset
    return job.run.created_at - days * _DAY if days else 0.0


def judge_orphans(job: Job) -> None:
    """Removal needs the descriptor's word and a complete crawl without an unreadable record."""
    run, stage = job.run, job.tools.stage
    base = load_base(stage, run.facts["next_base"])
    refs = [marker["orphans"] for marker in job.markers(JOIN).values()]
    totals = run.facts.get("totals", {})
    removes = run.type is RequestType.UPDATE and job.source.removes and not totals.get("unreadable")

    def work(group: range) -> Markers:
        orphans = list(get_group(stage, Published, refs, group))
        if not orphans:
            return {}
        owners = {row.key: row for row in base_rows(stage, base, group)}
        keep: dict[int, list[Published]] = defaultdict(list)
        delete: dict[int, list[Published]] = defaultdict(list)
        for orphan in orphans:
            verdict = judge_orphan(
                orphan,
                owners.get(orphan.key),
                removes=removes,
                crawled_since=crawled_since(job),
            )
            rows = delete if verdict is Orphan.DELETE else keep
            rows[partition_of_subject(orphan.subject)].append(orphan)
        return {
            (job.kind(ORPHANS), group.start): {
                "keep": put_sections(stage, job.key("keep", group.start), keep),
                "delete": put_sections(stage, job.key("delete", group.start), delete),
                "deletes": sum(map(len, delete.values())),
            }
        }

    if job.units(groups(run.facts["publish_width"]), work):
        job.next_phase()
