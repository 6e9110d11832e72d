"""The end of a run: its request, its source, statistics, the last log row and the alert."""

from dataclasses import replace

from garner.domain.harvest.control import RegisteredSource, ResourceStatus
from garner.domain.harvest.requests import ProcessRequest, RequestState
from garner.domain.harvest.run import INDEXING_ERRORS, Failure
from garner.domain.harvest.tables import Statistics
from garner.errors import Conflict, JsonObject
from garner.ports.runs import LeaseLost
from garner.services.harvest.job import Job
from garner.services.harvest.manifest import load_base
from garner.services.harvest.names import DONE, JOIN, PART, REMOVE_TASK, REMOVED

_TRIES = 5
_NO_VERDICT: JsonObject = {"accepted": True, "message": ""}
"""Of an index request, which judges nothing."""


def close(job: Job) -> None:
    """Everything in one step, so that a run is over for its source and its request at once."""
    run, tools = job.run, job.tools
    counts = run.facts.get("counts", {}) | _published(job)
    failure, status, message = _outcome(job, counts)
    request = tools.requests.get(run.run_id)
    if request is None:
        raise LeaseLost
    job.log(50, run.type.value, status.value, str(failure or message), counts)
    _alert(job, failure, message)
    ended = replace(
        request,
        state=RequestState.FAILED if failure else RequestState.SUCCESS,
        completed_at=tools.clock.seconds(),
        message=str(failure or message),
        counts=counts,
    )
    run.end()
    _finish(job, ended, status, counts)


def _finish(job: Job, request: ProcessRequest, status: ResourceStatus, counts: JsonObject) -> None:
    for _ in range(_TRIES):
        source = job.tools.sources.get(job.run.source_id)
        if source is None or source.active_run != job.run.run_id:
            raise LeaseLost
        try:
            job.tools.runs.finish(
                job.run,
                request,
                _ended(source, status, request),
                _statistics(job, request, counts),
            )
        except Conflict:
            continue
        return
    raise Conflict("The source is being changed by others")


def _ended(
    source: RegisteredSource, status: ResourceStatus, request: ProcessRequest
) -> RegisteredSource:
    refusal = request.message if request.state is RequestState.FAILED else source.last_refusal
    return replace(source, active_run="", outcome=status, last_refusal=refusal)


def _outcome(job: Job, counts: JsonObject) -> tuple[Failure | None, ResourceStatus, str]:
    """How the run ended, what the source shows, and a comment."""
    facts = job.run.facts
    if "failure" in facts:
        label, reason, *status = facts["failure"]
        return Failure(label, reason), ResourceStatus(*(status or ["ERROR"])), ""
    verdict = facts.get("verdict", _NO_VERDICT)
    if not verdict["accepted"]:
        label, _, reason = verdict["message"].partition(": ")
        return Failure(label, reason), ResourceStatus(verdict["status"]), ""
    missed = counts.get("rejectedCount", 0) + counts.get("unnamedCount", 0)
    if missed:
        reason = f"{missed} documents could not be indexed"
        return Failure(INDEXING_ERRORS, reason), ResourceStatus.ERROR, ""
    return None, ResourceStatus.FINISHED, verdict["message"]


def _published(job: Job) -> JsonObject:
    """Counts of what went to the index; nothing where the run did not get there."""
    run = job.run
    if not run.type.publishes or "parts" not in run.facts:
        return {}
    done, removed = job.markers(DONE).values(), job.markers(REMOVED).values()
    parts = job.markers(PART).values()
    entries = sum(part["entries"] for part in parts)
    indexed = sum(_applied(verdict) for verdict in done)
    base = load_base(job.tools.stage, run.facts["next_base"])
    return {
        "numIndexed": indexed,
        "rejectedCount": entries - indexed,
        "unnamedCount": base.unnamed,
        "duplicateSubjectCount": sum(m["duplicates"] for m in job.markers(JOIN).values()),
        "removedCount": sum(_applied(verdict) for verdict in removed),
        "removeFailedCount": sum(m["entries"] for m in job.markers(REMOVE_TASK).values())
        - sum(_applied(verdict) for verdict in removed),
    }


def _applied(verdict: JsonObject) -> int:
    applied: int = verdict["entries"] - len(verdict["rejected"])
    return applied if verdict["complete"] else 0


def _statistics(job: Job, request: ProcessRequest, counts: JsonObject) -> Statistics:
    return Statistics(
        import_id=int(job.run.created_at * 1_000),
        source_id=job.run.source_id,
        request_id=request.request_id,
        at=request.completed_at or 0.0,
        total=counts.get("total", 0),
        ingested=counts.get("ingested", 0),
        finished=counts.get("finished", 0),
        errors=counts.get("errorCount", 0),
    )


def _alert(job: Job, failure: Failure | None, message: str) -> None:
    """Every failure, and the notice when errors were let through (controller contract 6.5)."""
    notify = job.run.facts.get("verdict", {}).get("notify")
    if failure is None and not notify:
        return
    text = str(failure or message)
    job.tools.alerts.send(
        f"{job.run.source_id}: {failure.label if failure else 'Errors let through'}",
        f"Source {job.run.source_id}, request {job.run.run_id} ({job.run.type.value}): {text}",
    )
