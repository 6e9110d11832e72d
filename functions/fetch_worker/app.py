"""Fetches what sources offer: the only harvest function that reaches the internet (harvest 2)."""

import json
from typing import Any

from garner.runtime import logs, settings
from garner.runtime.harvest import HarvestContainer
from garner.services.answer_sample import answer_sample
from garner.services.harvest.fetch import run_fetch

_loaded = settings.load("fetch_worker")
logs.configure("fetch_worker", _loaded[settings.Logs].level)
_on = HarvestContainer(_loaded)
_SAMPLE_SECONDS = 20.0


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A ring of the fetch queue (batch size 1), or the registry's call for a sample."""
    if "sample" in event:
        return answer_sample(
            event["sample"]["descriptor"],
            event["sample"]["size"],
            crawler=_on.crawler,
            reader=_on.record_reader,
            transformers=_on.transformers,
            clock=_on.clock,
            budget_seconds=_SAMPLE_SECONDS,
        )
    for record in event["Records"]:
        budget = _loaded[settings.Curating].slice_seconds
        run_fetch(json.loads(record["body"])["run_id"], budget=budget, tools=_on.fetching)
    return {"batchItemFailures": []}
