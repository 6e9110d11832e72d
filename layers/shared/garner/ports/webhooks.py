"""Webhooks, their deliveries, and the event bus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from garner.domain.tasks import Task
from garner.domain.webhooks import Delivery, Webhook
from garner.errors import JsonObject


class WebhookStore(Protocol):
    """Raises `Unavailable` when the table does not answer."""

    def add(self, webhook: Webhook) -> None: ...

    def get(self, index_id: str, webhook_id: str) -> Webhook | None: ...

    def of_index(self, index_id: str) -> list[Webhook]:
        """Oldest first."""
        ...

    def remove(self, index_id: str, webhook_id: str) -> None: ...


class DeliveryStore(Protocol):
    def add(self, delivery: Delivery) -> None:
        """Once for each webhook and task: a repetition changes nothing."""
        ...

    def due(self, until: float, limit: int) -> list[Delivery]:
        """Pending deliveries whose next try is due, longest due first."""
        ...

    def claim(self, delivery: Delivery, until: float) -> bool:
        """Take a due delivery for this try; False if another sender has it."""
        ...

    def save(self, delivery: Delivery) -> None: ...

    def of_webhook(self, index_id: str, webhook_id: str, limit: int) -> Iterator[Delivery]:
        """Newest first."""
        ...


class EventBus(Protocol):
    def publish(self, events: Sequence[JsonObject]) -> None:
        """Raises `Unavailable` if the bus did not take all of them."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a POST: a status, or the reason why there is none."""

    status: int | None
    problem: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class WebhookSender(Protocol):
    def send(self, url: str, headers: Mapping[str, str], body: str) -> Sent:
        """POST through the guarded fetch: https, global addresses, no redirects. Never raises for
        what the other side does, and never reads more than the status."""
        ...


class Announcements(Protocol):
    """Finished tasks that nobody has been told about yet."""

    def untold(self, now: float, limit: int) -> list[tuple[str, Task]]:
        """`(index id, task)`, longest finished first; may be a moment out of date."""
        ...

    def told(self, index_id: str, n: int) -> None: ...
