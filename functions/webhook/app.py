"""Webhooks of an index: register, list, delete, and the log of deliveries (an extension)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.contracts.webhook import WebhookCreate
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services import manage_webhooks


def routes(api: Api, on: Container) -> None:
    webhooks = manage_webhooks.Webhooks(on.indexes, on.webhooks, on.deliveries, on.clock, on.ids)

    @api.post("/v1/index/<index_id>/webhook")
    def register(request: Request, index_id: str) -> JsonObject:
        return webhooks.register(
            index_id, lambda: request.document(WebhookCreate).url, request.caller
        )

    @api.get("/v1/index/<index_id>/webhook_list")
    def list_all(request: Request, index_id: str) -> JsonObject:
        return webhooks.list(index_id, request.caller)

    @api.delete("/v1/index/<index_id>/webhook/<webhook_id>")
    def delete(request: Request, index_id: str, webhook_id: str) -> JsonObject:
        return webhooks.delete(index_id, webhook_id, request.caller)

    @api.get("/v1/index/<index_id>/webhook/<webhook_id>/deliveries")
    def deliveries(request: Request, index_id: str, webhook_id: str) -> JsonObject:
        return webhooks.deliveries_of(index_id, webhook_id, request.caller)


handler = serve("webhook", routes)
