"""Drains the log of an index when its doorbell rings (ingest protocol, section 3)."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from garner.errors import JsonObject
from garner.runtime import logs, settings
from garner.runtime.batches import each_message
from garner.runtime.container import Container
from garner.services.drain import drain

_loaded = settings.load("index_worker")
logs.configure("index_worker", _loaded[settings.Logs].level)
_on = Container(_loaded)


def _drain(doorbell: JsonObject, context: LambdaContext) -> None:
    """A drain never fails for what an index holds."""
    lifetime = context.get_remaining_time_in_millis() / 1000
    drain(doorbell["index_id"], ports=_on.draining(lifetime))


handler = each_message(_drain, after=_on.metrics.flush)
