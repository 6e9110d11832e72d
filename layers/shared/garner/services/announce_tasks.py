"""Tell the world of finished tasks: once on the event bus, and once to each webhook.

Each step may be repeated: a delivery exists once for each webhook and task, receivers of the bus
know a task by its id, and a task counts as told only when all of it is recorded.
"""

import orjson

from garner.domain.slots import TaskIds
from garner.domain.webhooks import Delivery, event
from garner.errors import JsonObject
from garner.ports.clock import Clock
from garner.ports.webhooks import Announcements, DeliveryStore, EventBus, WebhookStore
from garner.services.tasks import task_document

BATCH = 10  # entries of one call to the bus


def announce_tasks(
    *,
    announcements: Announcements,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
    bus: EventBus,
    task_ids: TaskIds,
    clock: Clock,
    until: float,
) -> int:
    """How many tasks were announced before `until` or the end of the list."""
    announced: set[str] = set()
    while clock.seconds() < until:
        finished = announcements.untold(clock.seconds(), BATCH)
        events = [event(task_document(index_id, task, task_ids)) for index_id, task in finished]
        new = [each for each in events if each["task_id"] not in announced]
        if not new:
            break
        for each in new:
            _queue(each, webhooks, deliveries, clock)
        bus.publish(new)
        for index_id, task in finished:
            announcements.told(index_id, task.n)
        announced.update(each["task_id"] for each in new)
    return len(announced)


def _queue(
    told: JsonObject, webhooks: WebhookStore, deliveries: DeliveryStore, clock: Clock
) -> None:
    for webhook in webhooks.of_index(told["index_id"]):
        deliveries.add(
            Delivery(
                webhook_id=webhook.webhook_id,
                index_id=told["index_id"],
                task_id=told["task_id"],
                body=orjson.dumps(told).decode(),
                created_at=clock.seconds(),
                next_at=clock.seconds(),
            )
        )
