"""Each minute: runs that nobody works on, and objects that nobody needs (harvest 1 and 3)."""

from typing import Any

from garner.runtime import logs, settings
from garner.runtime.harvest import HarvestContainer
from garner.services.resume_harvests import expire_runs, resume_harvests

_loaded = settings.load("harvest_sweeper")
logs.configure("harvest_sweeper", _loaded[settings.Logs].level)
_on = HarvestContainer(_loaded)


def handler(event: dict[str, Any], context: Any) -> None:
    resume_harvests(runs=_on.runs, bell=_on.bell, clock=_on.clock)
    expire_runs(
        runs=_on.runs,
        sources=_on.sources,
        targets=_on.targets,
        stage=_on.stage,
        clock=_on.clock,
    )
