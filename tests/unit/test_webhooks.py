"""Finished tasks are told once to the bus and to each webhook, signed, and tried again."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest

from garner.domain.slots import TaskIds
from garner.domain.tasks import Counts, PayloadRef, Task, TaskKind, TaskState, Verdict
from garner.domain.webhooks import RETRY_SECONDS, DeliveryState, Webhook
from garner.errors import Unavailable
from garner.ports.webhooks import Sent
from garner.services.announce_tasks import announce_tasks
from garner.services.deliver_webhooks import deliver_webhooks
from tests.fakes.webhooks import (
    InMemoryAnnouncements,
    InMemoryDeliveryStore,
    InMemoryEventBus,
    InMemoryWebhookStore,
    RecordingSender,
)

INDEX = "0d0d0d0d-0000-4000-8000-000000000000"
HOOK = Webhook("hook-1", INDEX, "https://example.org/told", 0.0, secret="s" * 64)
FOREVER = float("inf")


@dataclass
class StoppedClock:
    time: float = 1_767_225_600.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def seconds(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class PlainIds:
    def uuid(self) -> str:
        return "11111111-0000-4000-8000-000000000000"

    def token(self) -> str:
        return "0" * 32

    def jitter(self) -> float:
        return 0.0


def task(number: int) -> tuple[str, Task]:
    finished = Task(
        n=number,
        kind=TaskKind.INGEST,
        caller="",
        request_id="",
        payload=PayloadRef("", "", 0, 0),
        operations=2,
        created_at=1_767_225_600.0,
        completed_at=1_767_225_601.0,
        state=TaskState.FAILED,
        verdict=Verdict(
            state=TaskState.FAILED,
            message="1 of 2 entries failed; first: the field secret_name …",
            counts=Counts(rejected=1),
        ),
    )
    return INDEX, finished


@dataclass
class World:
    webhooks: InMemoryWebhookStore = field(default_factory=InMemoryWebhookStore)
    deliveries: InMemoryDeliveryStore = field(default_factory=InMemoryDeliveryStore)
    announcements: InMemoryAnnouncements = field(default_factory=InMemoryAnnouncements)
    bus: InMemoryEventBus = field(default_factory=InMemoryEventBus)
    sender: RecordingSender = field(default_factory=RecordingSender)
    clock: StoppedClock = field(default_factory=StoppedClock)

    def announce(self) -> int:
        return announce_tasks(
            announcements=self.announcements,
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            bus=self.bus,
            task_ids=TaskIds(b"k" * 32),
            clock=self.clock,
            until=FOREVER,
        )

    def deliver(self) -> int:
        return deliver_webhooks(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            sender=self.sender,
            clock=self.clock,
            ids=PlainIds(),
            until=FOREVER,
        )


@pytest.fixture
def world() -> World:
    world = World()
    world.webhooks.add(HOOK)
    world.announcements.tasks = [task(1)]
    return world


def test_a_finished_task_reaches_bus_and_webhook_signed(world: World) -> None:
    assert world.announce() == 1
    assert world.deliver() == 1
    ((url, headers, body),) = world.sender.posts
    assert url == HOOK.url
    assert orjson.loads(body) == world.bus.events[0]
    stamp, mac = (part.split("=")[1] for part in headers["Garner-Signature"].split(","))
    expected = hmac.new(HOOK.secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256)
    assert mac == expected.hexdigest()
    (row,) = world.deliveries.rows.values()
    assert (row.state, row.attempts, row.answer) == (DeliveryState.DELIVERED, 1, 200)


def test_what_is_told_holds_no_message(world: World) -> None:
    world.announce()
    assert "secret_name" not in orjson.dumps(world.bus.events).decode()
    assert world.bus.events[0]["counts"] == {
        "applied": 0,
        "superseded": 0,
        "rejected": 1,
    }


def test_a_bus_that_is_away_loses_nothing_and_doubles_no_delivery(world: World) -> None:
    world.bus.away = True
    with pytest.raises(Unavailable):
        world.announce()
    world.bus.away = False
    assert world.announce() == 1
    assert len(world.deliveries.rows) == 1
    assert world.announcements.tasks == []


def test_a_refused_delivery_is_tried_again_with_growing_pauses_until_given_up(
    world: World,
) -> None:
    world.sender.answers = [Sent(500), Sent(None, "No connection")] * 10
    world.announce()
    pauses = []
    while world.deliver():
        (row,) = world.deliveries.rows.values()
        if row.next_at is not None:
            pauses.append(round(row.next_at - world.clock.time))
            world.clock.time = row.next_at
    assert tuple(pauses) == RETRY_SECONDS
    assert row.state is DeliveryState.FAILED
    assert row.attempts == len(RETRY_SECONDS) + 1


def test_a_delivery_is_not_tried_before_it_is_due(world: World) -> None:
    world.sender.answers = [Sent(503)]
    world.announce()
    world.deliver()
    assert world.deliver() == 0
    world.clock.sleep(RETRY_SECONDS[0])
    assert world.deliver() == 1


def test_a_deleted_webhook_ends_its_deliveries_without_a_post(world: World) -> None:
    world.announce()
    world.webhooks.remove(INDEX, HOOK.webhook_id)
    world.deliver()
    (row,) = world.deliveries.rows.values()
    assert row.state is DeliveryState.FAILED
    assert world.sender.posts == []
