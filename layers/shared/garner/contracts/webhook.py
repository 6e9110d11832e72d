"""Webhook documents (an extension; contract 8.12)."""

from typing import Literal

from pydantic import BaseModel

from garner.contracts.base import Document


class WebhookCreate(Document):
    url: str


class WebhookDocument(BaseModel):
    id: str
    index_id: str
    url: str
    creation_date: str


class WebhookCreated(WebhookDocument):
    secret: str


class WebhookList(BaseModel):
    webhooks: list[WebhookDocument]


class WebhookDeleted(BaseModel):
    deleted: WebhookDocument
    success: Literal[True] = True


class DeliveryRow(BaseModel):
    task_id: str
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    creation_date: str
    last_attempt_date: str | None
    next_attempt_date: str | None
    http_status: int | None
    problem: str | None


class DeliveryList(BaseModel):
    webhook_id: str
    deliveries: list[DeliveryRow]
