"""Drains the log of an index when its doorbell rings (ingest protocol, section 3)."""

import json
from typing import Any

from garner.runtime import logs, settings
from garner.runtime.container import Container
from garner.services.drain import drain

_loaded = settings.load("index_worker")
logs.configure("index_worker", _loaded[settings.Logs].level)
_container = Container(_loaded)


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """One doorbell at a time (batch size 1). A drain never fails for what an index holds; what it
    raises is a defect, and the message comes again."""
    ports = _container.draining(context.get_remaining_time_in_millis() / 1000)
    try:
        for record in event["Records"]:
            drain(json.loads(record["body"])["index_id"], ports=ports)
    finally:
        _container.metrics.flush()
    return {"batchItemFailures": []}
