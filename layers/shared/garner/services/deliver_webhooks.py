"""Send the deliveries that are due, and plan the next try of those that did not arrive."""

from dataclasses import replace

from garner.domain.webhooks import SIGNATURE_HEADER, Delivery, DeliveryState, retry_at, signature
from garner.ports.clock import Clock, Ids
from garner.ports.webhooks import DeliveryStore, Sent, WebhookSender, WebhookStore

BATCH = 25
CLAIM_SECONDS = 120  # longer than one try takes; a sender that died leaves the rest to the next one


def deliver_webhooks(
    *,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
    sender: WebhookSender,
    clock: Clock,
    ids: Ids,
    until: float,
) -> int:
    """How many tries were made before `until` or until nothing was due."""
    tries = 0
    while clock.seconds() < until:
        due = deliveries.due(clock.seconds(), BATCH)
        for delivery in due:
            if clock.seconds() >= until:
                return tries
            if deliveries.claim(delivery, clock.seconds() + CLAIM_SECONDS):
                deliveries.save(_tried(delivery, webhooks, sender, clock, ids))
                tries += 1
        if len(due) < BATCH:
            break
    return tries


def _tried(
    delivery: Delivery, webhooks: WebhookStore, sender: WebhookSender, clock: Clock, ids: Ids
) -> Delivery:
    webhook = webhooks.get(delivery.index_id, delivery.webhook_id)
    if webhook is None:
        return replace(
            delivery, state=DeliveryState.FAILED, next_at=None, problem="The webhook was deleted"
        )
    now = clock.seconds()
    headers = {
        "Content-Type": "application/json",
        "Garner-Delivery": delivery.task_id,
        SIGNATURE_HEADER: signature(webhook.secret, int(now), delivery.body),
    }
    return _recorded(delivery, sender.send(webhook.url, headers, delivery.body), now, ids.jitter())


def _recorded(delivery: Delivery, sent: Sent, now: float, jitter: float) -> Delivery:
    attempts = delivery.attempts + 1
    next_at = None if sent.accepted else retry_at(attempts, now, jitter)
    if sent.accepted:
        state = DeliveryState.DELIVERED
    else:
        state = DeliveryState.PENDING if next_at else DeliveryState.FAILED
    return replace(
        delivery,
        state=state,
        attempts=attempts,
        next_at=next_at,
        tried_at=now,
        answer=sent.status,
        problem=None if sent.accepted else sent.problem or "The receiver refused it",
    )
