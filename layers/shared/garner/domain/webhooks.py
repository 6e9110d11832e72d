"""Webhooks: who is told when a task has ended, what they are told, and how it is signed.

The body names the task and its outcome, never content. The signature covers time and body:

    Garner-Signature: t=1767225600,v1=<hex HMAC-SHA256 of "1767225600.<body>" with the secret>
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum

from garner.errors import JsonObject

SIGNATURE_HEADER = "Garner-Signature"
EVENT_TYPE = "task.finished"

# Seconds until the next try after the first, second, … failure; after the last one we give up.
RETRY_SECONDS = (60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that wants to know of finished tasks of one index. Times are epoch seconds."""

    webhook_id: str
    index_id: str
    url: str
    created_at: float
    secret: str = field(repr=False)


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook: the row of the delivery log.

    `answer` is the status of the last HTTP answer, `problem` why there was none or why it does not
    count; what the receiver wrote is never kept.
    """

    webhook_id: str
    index_id: str
    task_id: str
    body: str
    created_at: float
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_at: float | None = None
    tried_at: float | None = None
    answer: int | None = None
    problem: str | None = None


def signature(secret: str, timestamp: int, body: str) -> str:
    """The value of the signature header."""
    mac = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def event(task: JsonObject) -> JsonObject:
    """What is told of a task document (contract 2.12): no message, since it may quote content."""
    details = task.get("additional_details") or {}
    return {
        "type": EVENT_TYPE,
        "task_id": task["task_id"],
        "index_id": task["index_id"],
        "task_type": task["task_type"],
        "state": task["state"],
        "creation_date": task["creation_date"],
        "completion_date": task["completion_date"],
        "partial": bool(details.get("partial", False)),
        "counts": details.get("counts"),
    }


def retry_at(attempts: int, now: float, jitter: float) -> float | None:
    """When to try again after `attempts` failures, a little spread; None: give up."""
    if attempts > len(RETRY_SECONDS):
        return None
    return now + RETRY_SECONDS[attempts - 1] * (1 + 0.1 * jitter)
