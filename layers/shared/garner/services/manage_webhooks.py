"""Register, list and delete the webhooks of an index, and read their delivery log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from garner import limits
from garner.domain.principals import Caller
from garner.domain.webhooks import Delivery, Webhook
from garner.errors import JsonObject, LimitExceeded, NotFound, ValidationFailed
from garner.ports.clock import Clock, Ids
from garner.ports.indexes import IndexStore
from garner.ports.webhooks import DeliveryStore, WebhookStore
from garner.services import access


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What owners and admins of an index do with its webhooks.

    Every method raises the contract's errors for the index, the token and the role first.
    """

    indexes: IndexStore
    webhooks: WebhookStore
    deliveries: DeliveryStore
    clock: Clock
    ids: Ids

    def register(self, index_id: str, read_url: Callable[[], str], caller: Caller) -> JsonObject:
        """The new webhook with its secret, which is shown this once.

        Raises `ValidationFailed` for an address that can't be called, and `LimitExceeded`.
        """
        known = self._admitted(index_id, caller)
        url = read_url()
        _check_url(url)
        if len(self.webhooks.of_index(known)) >= limits.MAX_WEBHOOKS_PER_INDEX:
            raise LimitExceeded(
                "Webhook limit exceeded",
                f"The index has {limits.MAX_WEBHOOKS_PER_INDEX} webhooks",
                f"At most {limits.MAX_WEBHOOKS_PER_INDEX} webhooks per index",
            )
        webhook = Webhook(
            webhook_id=self.ids.uuid(),
            index_id=known,
            url=url,
            created_at=self.clock.seconds(),
            secret=self.ids.token() + self.ids.token(),
        )
        self.webhooks.add(webhook)
        return _document(webhook) | {"secret": webhook.secret}

    def list(self, index_id: str, caller: Caller) -> JsonObject:
        known = self._admitted(index_id, caller)
        return {"webhooks": [_document(each) for each in self.webhooks.of_index(known)]}

    def delete(self, index_id: str, webhook_id: str, caller: Caller) -> JsonObject:
        """Its deliveries that are still on their way are given up."""
        webhook = self._existing(index_id, webhook_id, caller)
        self.webhooks.remove(webhook.index_id, webhook.webhook_id)
        return {"deleted": _document(webhook), "success": True}

    def deliveries_of(self, index_id: str, webhook_id: str, caller: Caller) -> JsonObject:
        """The newest deliveries of a webhook, at most `MAX_DELIVERY_LIST`."""
        webhook = self._existing(index_id, webhook_id, caller)
        newest = self.deliveries.of_webhook(
            webhook.index_id, webhook.webhook_id, limits.MAX_DELIVERY_LIST
        )
        return {"webhook_id": webhook_id, "deliveries": [_row(each) for each in newest]}

    def _admitted(self, index_id: str, caller: Caller) -> str:
        admission = access.admit(index_id, caller, access.WEBHOOK, indexes=self.indexes)
        return admission.index.index_id

    def _existing(self, index_id: str, webhook_id: str, caller: Caller) -> Webhook:
        webhook = self.webhooks.get(self._admitted(index_id, caller), webhook_id)
        if webhook is None:
            raise NotFound(f'This index has no webhook "{webhook_id}"')
        return webhook


def _check_url(url: str) -> None:
    if len(url.encode()) > limits.MAX_WEBHOOK_URL_BYTES:
        raise ValidationFailed.of("json", "url", "Longer than the maximum length.")
    try:
        parts = urlsplit(url)
        fits = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.username or parts.password or not url.isascii() or " " in url:
        raise ValidationFailed.of(
            "json", "url", "Send an https address without a user name or password."
        )


def _document(webhook: Webhook) -> JsonObject:
    return {
        "id": webhook.webhook_id,
        "index_id": webhook.index_id,
        "url": webhook.url,
        "creation_date": _date(webhook.created_at),
    }


def _row(delivery: Delivery) -> JsonObject:
    return {
        "task_id": delivery.task_id,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "creation_date": _date(delivery.created_at),
        "last_attempt_date": _date(delivery.tried_at),
        "next_attempt_date": _date(delivery.next_at),
        "http_status": delivery.answer,
        "problem": delivery.problem,
    }


def _date(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
