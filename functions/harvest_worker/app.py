"""Works on runs: parse, classify, transform, decide, publish (harvest 3). No internet."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from garner.api.scheduled import start_scheduled
from garner.errors import JsonObject
from garner.runtime import logs, settings
from garner.runtime.batches import each_message
from garner.runtime.harvest import HarvestContainer
from garner.services.harvest.run_harvest import run_harvest

_loaded = settings.load("harvest_worker")
logs.configure("harvest_worker", _loaded[settings.Logs].level)
_on = HarvestContainer(_loaded)


def _work(message: JsonObject, _: LambdaContext) -> None:
    """A ring for a run, or a schedule's request to start one."""
    if "start" in message:
        start_scheduled(message["start"], _on.controller)
    else:
        budget = _loaded[settings.Curating].slice_seconds
        run_harvest(message["run_id"], budget=budget, tools=_on.harvesting)


handler = each_message(_work, after=_on.metrics.flush)
