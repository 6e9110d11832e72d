"""Field types and field budget of an index (contract 2.23)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.field_mapping import show_budget, show_field, show_mapping


def routes(api: Api, on: Container) -> None:
    stores = {"indexes": on.indexes, "log": on.task_log}

    @api.get("/beta/index/<index_id>/mapping")
    def mapping(request: Request, index_id: str) -> JsonObject:
        return show_mapping(index_id, request.caller, **stores)

    @api.get("/beta/index/<index_id>/mapping/<field_name>")
    def field(request: Request, index_id: str, field_name: str) -> JsonObject:
        return show_field(index_id, field_name, request.caller, **stores)

    @api.get("/beta/index/<index_id>/field_budget")
    def budget(request: Request, index_id: str) -> JsonObject:
        return show_budget(index_id, request.caller, **stores)


handler = serve("field_mapping", routes)
