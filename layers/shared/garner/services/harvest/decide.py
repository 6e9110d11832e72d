"""Whether what was crawled or worked on can be trusted (harvest 3, step 5)."""

from garner.domain.harvest.control import ResourceStatus
from garner.domain.harvest.requests import RequestType
from garner.domain.harvest.run import Phase
from garner.domain.harvest.verdict import Totals, Verdict, decide_crawl, decide_rerun
from garner.errors import JsonObject
from garner.services.harvest.job import Job
from garner.services.harvest.names import CLASSIFY, PARSE, REBASE, TRANSFORM

SAMPLED = "Sample mode: nothing was stored or published"


def decide(job: Job) -> None:
    """Moves the base, whatever the verdict; the reference of accounting only if it is accepted.
    A sample changes nothing."""
    run, facts = job.run, job.run.facts
    totals = count(job)
    facts["totals"] = totals.to_json()
    facts["counts"] = wire_counts(job, totals)
    if run.type.crawls and job.source.sample_size is not None:
        facts["sample"] = True
        facts["verdict"] = _noted(Verdict(accepted=True, status=ResourceStatus.FINISHED))
        facts["verdict"]["message"] = SAMPLED
        run.enter(Phase.CLOSE)
        job.save()
        return
    verdict = _verdict(job, totals)
    facts["verdict"] = _noted(verdict)
    left = sum(marker["failed"] for marker in job.markers(REBASE).values())
    facts["errors_left"] = left + totals.unreadable
    changes: dict[str, object] = {"base": facts["next_base"], "errors_left": facts["errors_left"]}
    if verdict.reference is not None:
        changes["reference"] = verdict.reference
    job.change_source(**changes)
    job.log(
        30,
        "ingest" if run.type.crawls else "run",
        verdict.status.value,
        verdict.message,
        facts["counts"],
    )
    if verdict.accepted:
        job.next_phase()
    else:
        run.enter(Phase.CLOSE)
        job.save()


def _verdict(job: Job, totals: Totals) -> Verdict:
    run = job.run
    if run.type.crawls:
        return decide_crawl(
            totals,
            run.parameters,
            previous=run.facts["reference"],
            allow_empty=job.source.allow_empty,
        )
    if run.type is RequestType.INDEX:
        return Verdict(accepted=True, status=ResourceStatus.FINISHED)
    worked = sum(marker["records"] for marker in job.markers(TRANSFORM).values())
    return decide_rerun(totals.failed, worked, run.type.value)


def count(job: Job) -> Totals:
    """Sums of markers."""
    classified = job.markers(CLASSIFY).values()
    sums = {
        name: sum(marker.get(name, 0) for marker in classified)
        for name in ("new", "same", "changed", "duplicates", "not_seen")
    }
    parsed = job.markers(PARSE).values() if job.run.type.crawls else ()
    return Totals(
        **sums,
        unreadable=sum(marker["unreadable"] for marker in parsed),
        failed=sum(marker["failed"] for marker in job.markers(TRANSFORM).values()),
    )


def wire_counts(job: Job, totals: Totals) -> JsonObject:
    """Under the names of controller contract 6.2 and 6.3."""
    worked = sum(marker["records"] for marker in job.markers(TRANSFORM).values())
    parsed = job.markers(PARSE).values() if job.run.type.crawls else ()
    return {
        "newCount": totals.new,
        "sameCount": totals.same,
        "changeCount": totals.changed,
        "errorCount": totals.errors,
        "unreadableCount": totals.unreadable,
        "duplicateCount": totals.duplicates,
        "notSeenCount": totals.not_seen,
        "deletedCount": sum(marker["deleted"] for marker in parsed),
        "filteredCount": sum(marker["filtered"] for marker in parsed),
        "ingested": totals.ingested if job.run.type.crawls else 0,
        "finished": worked - totals.failed,
        "total": totals.distinct,
    }


def _noted(verdict: Verdict) -> JsonObject:
    return {
        "accepted": verdict.accepted,
        "status": verdict.status.value,
        "message": verdict.message,
        "notify": verdict.notify,
    }
