"""Each minute: runs that nobody works on are rung for again, old ones lose their objects."""

from collections.abc import Collection

from garner.domain.harvest.run import Phase, Run
from garner.ports.clock import Clock
from garner.ports.harvest import JobBell, Stage
from garner.ports.registry import SourceRegistry, Targets
from garner.ports.runs import RunStore
from garner.services.harvest.ledgers import load_ledger
from garner.services.harvest.manifest import load_base


def resume_harvests(*, runs: RunStore, bell: JobBell, clock: Clock) -> int:
    """How many were rung for: dead workers, waits that are over, rings that were lost."""
    due = runs.due(clock.seconds())
    for run in due:
        bell.ring(run.run_id, fetch=run.phase is Phase.FETCH)
    return len(due)


def expire_runs(
    *, runs: RunStore, sources: SourceRegistry, targets: Targets, stage: Stage, clock: Clock
) -> int:
    """Deletes the objects of runs past their retention, except what a base, a ledger or a pending
    publish still stands on; such a run is looked at again later."""
    expired = 0
    for run in runs.expired(clock.seconds()):
        kept = run.run_id in _needed(run, sources, targets, stage)
        if not kept:
            stage.delete_prefix(f"raw/{run.run_id}/")
            stage.delete_prefix(f"stage/{run.run_id}/")
            expired += 1
        runs.expire(run.run_id, again_at=_later(clock) if kept else None)
    return expired


def _later(clock: Clock) -> float:
    return clock.seconds() + 86_400.0


def _needed(run: Run, sources: SourceRegistry, targets: Targets, stage: Stage) -> Collection[str]:
    needed: set[str] = set()
    source = sources.get(run.source_id)
    if source:
        needed.update(load_base(stage, source.base).runs)
    for target in targets.list(run.source_id):
        needed.add(target.pending)
        needed.update(load_ledger(stage, target.ledger).runs)
    return needed
