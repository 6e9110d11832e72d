"""Fetches what sources offer: the only harvest function that reaches the internet (harvest 2)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from garner.errors import JsonObject
from garner.runtime import logs, settings
from garner.runtime.batches import each_message
from garner.runtime.harvest import HarvestContainer
from garner.services.answer_sample import answer_sample
from garner.services.harvest.fetch import run_fetch

_loaded = settings.load("fetch_worker")
logs.configure("fetch_worker", _loaded[settings.Logs].level)
_on = HarvestContainer(_loaded)
_SAMPLE_SECONDS = 20.0


def _fetch(ring: JsonObject, _: LambdaContext) -> None:
    budget = _loaded[settings.Curating].slice_seconds
    run_fetch(ring["run_id"], budget=budget, tools=_on.fetching)


_on_rings = each_message(_fetch)


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Rings of the fetch queue, or the registry's call for a sample."""
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
    return _on_rings(event, context)
