"""Webhooks in the table: `W#<index>` lists an index's webhooks, `D#<index>#<webhook>` its
deliveries by time and task. A pending delivery is `due` at its next try."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from garner.domain.slots import index_key
from garner.domain.webhooks import Delivery, DeliveryState, Webhook
from garner.limits import RETENTION_DAYS
from garner.storage.dynamodb.table import ConditionFailed, Delete, Item, Key, Put, Table, Update

DUE_KIND = "delivery"
_DAY = 86_400


class DynamoWebhookStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, webhook: Webhook) -> None:
        pk, sk = _webhook_key(webhook.index_id, webhook.webhook_id)
        self._table.put(Put({"pk": pk, "sk": sk, **asdict(webhook)}))

    def get(self, index_id: str, webhook_id: str) -> Webhook | None:
        item = self._table.get(_webhook_key(index_id, webhook_id))
        return _webhook(item) if item else None

    def of_index(self, index_id: str) -> list[Webhook]:
        items = self._table.query(f"W#{index_key(index_id)}")
        return sorted(map(_webhook, items), key=lambda webhook: webhook.created_at)

    def remove(self, index_id: str, webhook_id: str) -> None:
        self._table.delete(Delete(_webhook_key(index_id, webhook_id)))


class DynamoDeliveryStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, delivery: Delivery) -> None:
        try:
            self._table.put(Put(_item(delivery), "attribute_not_exists(pk)"))
        except ConditionFailed:
            return  # an earlier try of the same announcement

    def due(self, until: float, limit: int) -> list[Delivery]:
        return [_delivery(item) for item in self._table.due(DUE_KIND, until, limit=limit)]

    def claim(self, delivery: Delivery, until: float) -> bool:
        try:
            self._table.update(
                Update(
                    _delivery_key(delivery),
                    "SET due_at = :until",
                    "due_at = :seen AND due_kind = :kind",
                    {"until": until, "seen": delivery.next_at, "kind": DUE_KIND},
                )
            )
        except ConditionFailed:
            return False
        return True

    def save(self, delivery: Delivery) -> None:
        self._table.put(Put(_item(delivery)))

    def of_webhook(self, index_id: str, webhook_id: str, limit: int) -> Iterator[Delivery]:
        partition = _deliveries_of(index_id, webhook_id)
        newest = self._table.query(partition, limit=limit, newest_first=True)
        yield from map(_delivery, newest)


def _webhook_key(index_id: str, webhook_id: str) -> Key:
    return f"W#{index_key(index_id)}", webhook_id


def _deliveries_of(index_id: str, webhook_id: str) -> str:
    return f"D#{index_key(index_id)}#{webhook_id}"


def _delivery_key(delivery: Delivery) -> Key:
    """The task alone decides the place, so that a repeated announcement finds the first one: task
    ids of one index ascend with the slot."""
    return _deliveries_of(delivery.index_id, delivery.webhook_id), delivery.task_id


def _webhook(item: Item) -> Webhook:
    return Webhook(**_only(Webhook, item))


def _item(delivery: Delivery) -> Item:
    pk, sk = _delivery_key(delivery)
    expires_at = int(delivery.created_at) + RETENTION_DAYS * _DAY
    item: Item = {"pk": pk, "sk": sk, "expires_at": expires_at, **asdict(delivery)}
    item["state"] = delivery.state.value
    if delivery.next_at is not None:
        item |= {"due_kind": DUE_KIND, "due_at": delivery.next_at}
    return item


def _delivery(item: Item) -> Delivery:
    """`due_at` wins over `next_at`: a claim whose sender died comes back by it."""
    attributes = _only(Delivery, item)
    attributes["state"] = DeliveryState(item["state"])
    attributes["next_at"] = item.get("due_at", item["next_at"])
    return Delivery(**attributes)


def _only(kind: Any, item: Item) -> dict[str, Any]:
    return {each.name: item[each.name] for each in fields(kind)}
