"""Tell the world of finished tasks: once on the event bus, and once to each webhook.

Each step may be repeated: a delivery exists once for each webhook and task, receivers of the bus
know a task by its id, and a task counts as told only when all of it is recorded.
"""

import orjson

from garner.domain.webhooks import Delivery, event
from garner.ports.clock import Clock
from garner.ports.webhooks import Announcements, DeliveryStore, EventBus, WebhookStore

BATCH = 10  # entries of one call to the bus


def announce_tasks(
    *,
    announcements: Announcements,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
    bus: EventBus,
    clock: Clock,
    until: float,
) -> int:
    """How many tasks were announced before `until` or the end of the list."""
    announced = 0
    while clock.seconds() < until:
        events = [event(task) for task in announcements.pending(BATCH)]
        if not events:
            break
        for each in events:
            _queue(each, webhooks, deliveries, clock)
        bus.publish(events)
        for each in events:
            announcements.told(each["task_id"])
        announced += len(events)
    return announced


def _queue(
    told: dict[str, object], webhooks: WebhookStore, deliveries: DeliveryStore, clock: Clock
) -> None:
    index_id, task_id = str(told["index_id"]), str(told["task_id"])
    for webhook in webhooks.of_index(index_id):
        deliveries.add(
            Delivery(
                webhook_id=webhook.webhook_id,
                index_id=index_id,
                task_id=task_id,
                body=orjson.dumps(told).decode(),
                created_at=clock.seconds(),
                next_at=clock.seconds(),
            )
        )
