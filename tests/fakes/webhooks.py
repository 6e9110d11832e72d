"""In-memory ports of the webhook use cases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from garner.domain.tasks import Task
from garner.domain.webhooks import Delivery, DeliveryState, Webhook
from garner.errors import JsonObject, Unavailable
from garner.ports.webhooks import Sent


@dataclass
class InMemoryWebhookStore:
    rows: dict[tuple[str, str], Webhook] = field(default_factory=dict)

    def add(self, webhook: Webhook) -> None:
        self.rows[webhook.index_id, webhook.webhook_id] = webhook

    def get(self, index_id: str, webhook_id: str) -> Webhook | None:
        return self.rows.get((index_id, webhook_id))

    def of_index(self, index_id: str) -> list[Webhook]:
        return [each for (index, _), each in self.rows.items() if index == index_id]

    def remove(self, index_id: str, webhook_id: str) -> None:
        self.rows.pop((index_id, webhook_id), None)


@dataclass
class InMemoryDeliveryStore:
    rows: dict[tuple[str, str], Delivery] = field(default_factory=dict)

    def add(self, delivery: Delivery) -> None:
        self.rows.setdefault((delivery.webhook_id, delivery.task_id), delivery)

    def due(self, until: float, limit: int) -> list[Delivery]:
        waiting = [
            each
            for each in self.rows.values()
            if each.state is DeliveryState.PENDING and (each.next_at or 0) <= until
        ]
        return waiting[:limit]

    def claim(self, delivery: Delivery, until: float) -> bool:
        key = delivery.webhook_id, delivery.task_id
        if self.rows[key].next_at != delivery.next_at:
            return False
        self.rows[key] = replace(delivery, next_at=until)
        return True

    def save(self, delivery: Delivery) -> None:
        self.rows[delivery.webhook_id, delivery.task_id] = delivery

    def of_webhook(self, index_id: str, webhook_id: str, limit: int) -> Iterator[Delivery]:
        rows = [each for each in self.rows.values() if each.webhook_id == webhook_id]
        yield from sorted(rows, key=lambda each: each.task_id, reverse=True)[:limit]


@dataclass
class InMemoryEventBus:
    away: bool = False
    events: list[JsonObject] = field(default_factory=list)

    def publish(self, events: Sequence[JsonObject]) -> None:
        if self.away:
            raise Unavailable("The bus is away")
        self.events += events


@dataclass
class InMemoryAnnouncements:
    tasks: list[tuple[str, Task]] = field(default_factory=list)

    def untold(self, now: float, limit: int) -> list[tuple[str, Task]]:
        return self.tasks[:limit]

    def told(self, index_id: str, n: int) -> None:
        self.tasks = [each for each in self.tasks if each[1].n != n]


@dataclass
class RecordingSender:
    """Answers with the next of `answers`, and with 200 when there are no more."""

    answers: list[Sent] = field(default_factory=list)
    posts: list[tuple[str, Mapping[str, str], str]] = field(default_factory=list)

    def send(self, url: str, headers: Mapping[str, str], body: str) -> Sent:
        self.posts.append((url, headers, body))
        return self.answers.pop(0) if self.answers else Sent(200)
