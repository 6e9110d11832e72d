"""Each minute: finished tasks are told to the event bus and to webhooks."""

from typing import Any

from garner.runtime import logs, settings
from garner.runtime.container import Container
from garner.services.announce_tasks import announce_tasks
from garner.services.deliver_webhooks import deliver_webhooks

_loaded = settings.load("notifier")
logs.configure("notifier", _loaded[settings.Logs].level)
_on = Container(_loaded)
_TRY_SECONDS = 15.0  # one try of a webhook, and some


def handler(event: dict[str, Any], context: Any) -> None:
    remaining = context.get_remaining_time_in_millis() / 1000
    until = _on.clock.seconds() + remaining - _TRY_SECONDS
    announce_tasks(
        announcements=_on.announcements,
        webhooks=_on.webhooks,
        deliveries=_on.deliveries,
        bus=_on.event_bus,
        task_ids=_on.task_ids,
        clock=_on.clock,
        until=until,
    )
    deliver_webhooks(
        webhooks=_on.webhooks,
        deliveries=_on.deliveries,
        sender=_on.webhook_sender,
        clock=_on.clock,
        ids=_on.ids,
        until=until,
    )
