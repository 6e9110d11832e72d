"""Work on a run for a while: take its lease, go from phase to phase, save, and ring for whoever
goes on (harvest 3). A run whose worker died goes on from its last save."""

import logging
from collections.abc import Callable

from garner import limits
from garner.domain.harvest.control import ResourceStatus
from garner.domain.harvest.run import STUCK, Phase, Run
from garner.errors import Retryable
from garner.ports.runs import LeaseLost
from garner.services.harvest.begin import begin
from garner.services.harvest.build import build_parts
from garner.services.harvest.classify import classify_crawl, select_from_base
from garner.services.harvest.close import close
from garner.services.harvest.decide import decide
from garner.services.harvest.job import ComeBack, Job, RunFailed, Tools
from garner.services.harvest.join import join_ledger, judge_orphans
from garner.services.harvest.names import DONE, REMOVE_TASK, REMOVED, TASK
from garner.services.harvest.parse import parse
from garner.services.harvest.publish import publish
from garner.services.harvest.rebase import rebase
from garner.services.harvest.remove import remove
from garner.services.harvest.settle import settle
from garner.services.harvest.transform import transform
from garner.services.harvest.verdicts import wait_for_tasks

log = logging.getLogger(__name__)

STEPS: dict[Phase, Callable[[Job], None]] = {
    Phase.BEGIN: begin,
    Phase.PARSE: parse,
    Phase.CLASSIFY: classify_crawl,
    Phase.SELECT: select_from_base,
    Phase.TRANSFORM: transform,
    Phase.REBASE: rebase,
    Phase.DECIDE: decide,
    Phase.JOIN: join_ledger,
    Phase.ORPHANS: judge_orphans,
    Phase.BUILD: build_parts,
    Phase.PUBLISH: publish,
    Phase.WAIT: lambda job: wait_for_tasks(job, TASK, DONE),
    Phase.REMOVE: remove,
    Phase.WAIT_REMOVED: lambda job: wait_for_tasks(job, REMOVE_TASK, REMOVED),
    Phase.SETTLE: settle,
    Phase.CLOSE: close,
}


def run_harvest(run_id: str, *, budget: float, tools: Tools) -> None:
    """Works for about `budget` seconds, at least one unit of work. Raises what is nobody's fault
    but ours; the run stays leased then and is resumed by the sweeper."""
    clock = tools.clock
    run = tools.runs.lease(run_id, now=clock.seconds(), seconds=tools.lease_seconds)
    if run is None:
        return
    try:
        delay = _work(Job(run, tools, clock.seconds() + budget))
        if run.phase is not Phase.DONE:
            _release(run, delay, tools)
    except LeaseLost:
        log.info("lease lost", extra={"run_id": run_id})


def _work(job: Job) -> float:
    """Returns how long to wait before the next slice."""
    run = job.run
    try:
        _check_bounds(run)
        while run.phase in STEPS:
            phase = run.phase
            STEPS[phase](job)
            if job.out_of_time:
                break
    except RunFailed as failed:
        _fail(job, failed)
    except ComeBack as later:
        return later.seconds
    except Retryable as error:
        log.warning("harvest waits", extra={"run_id": run.run_id, "reason": error.message})
        return error.retry_after
    return 0.0


def _check_bounds(run: Run) -> None:
    """Work that kills its worker each time, or never ends, ends here (controller contract, Q12)."""
    if run.phase is Phase.CLOSE or "failure" in run.facts:
        return
    if run.stalls > limits.MAX_STALLED_SLICES:
        raise RunFailed(STUCK, f"no progress in phase {run.phase.value}", ResourceStatus.STUCK)
    if run.slices > limits.MAX_SLICES_PER_RUN:
        reason = f"more than {limits.MAX_SLICES_PER_RUN} slices"
        raise RunFailed(STUCK, reason, ResourceStatus.STUCK)


def _fail(job: Job, failed: RunFailed) -> None:
    """From what is stored: nothing that a failed step left in memory counts."""
    run = _stored(job.run, job.tools)
    run.facts["failure"] = [failed.failure.label, failed.failure.reason, failed.status.value]
    run.enter(Phase.CLOSE)
    job.tools.runs.save(run)
    job.run.phase = Phase.CLOSE


def _release(run: Run, delay: float, tools: Tools) -> None:
    stored = _stored(run, tools)
    stored.lease_until = 0.0
    stored.resume_at = tools.clock.seconds() + delay
    tools.runs.save(stored)
    tools.bell.ring(run.run_id, fetch=stored.phase is Phase.FETCH, delay=delay)


def _stored(run: Run, tools: Tools) -> Run:
    stored = tools.runs.get(run.run_id)
    if stored is None or stored.fence != run.fence:
        raise LeaseLost
    return stored
