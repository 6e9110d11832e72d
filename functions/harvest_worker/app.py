"""Works on runs: parse, classify, transform, decide, publish (harvest 3). No internet."""

import json
from typing import Any

from garner.api.scheduled import start_scheduled
from garner.runtime import logs, settings
from garner.runtime.harvest import HarvestContainer
from garner.services.harvest.run_harvest import run_harvest

_loaded = settings.load("harvest_worker")
logs.configure("harvest_worker", _loaded[settings.Logs].level)
_on = HarvestContainer(_loaded)


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """A ring for a run, or a schedule's request to start one (batch size 1)."""
    try:
        for record in event["Records"]:
            body = json.loads(record["body"])
            if "start" in body:
                start_scheduled(body["start"], _on.controller)
            else:
                budget = _loaded[settings.Curating].slice_seconds
                run_harvest(body["run_id"], budget=budget, tools=_on.harvesting)
    finally:
        _on.metrics.flush()
    return {"batchItemFailures": []}
