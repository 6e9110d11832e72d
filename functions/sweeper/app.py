"""Each minute: what nobody looks after any more (ingest protocol 3, sweeper)."""

from typing import Any

from garner.runtime import logs, settings
from garner.runtime.container import Container
from garner.services.purge import purge_due
from garner.services.sweep import ring_for_lagging, tend_indexes

_loaded = settings.load("sweeper")
logs.configure("sweeper", _loaded[settings.Logs].level)
_on = Container(_loaded)


def handler(event: dict[str, Any], context: Any) -> None:
    times = _loaded[settings.Sweeping]
    try:
        ring_for_lagging(
            log=_on.task_log,
            doorbell=_on.doorbell,
            clock=_on.clock,
            metrics=_on.metrics,
            ring_after=times.ring_after,
        )
        tend_indexes(
            indexes=_on.indexes,
            engine=_on.engine_indexes,
            clock=_on.clock,
            metrics=_on.metrics,
            unfinished_after=times.unfinished_index_after,
        )
        purge_due(
            log=_on.task_log,
            writer=_on.writer,
            clock=_on.clock,
            metrics=_on.metrics,
            purge_after=times.purge_after,
            until=_on.clock.seconds() + context.get_remaining_time_in_millis() / 1000 - 15,
        )
    finally:
        _on.metrics.flush()
