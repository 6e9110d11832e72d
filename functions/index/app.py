"""Index Create, Show, List, Update, Delete and Reopen (contract 2.14 to 2.19)."""

from functools import partial

from garner.api.index_documents import index_document, permitted_document, read_filter_roles
from garner.api.request import Request
from garner.api.resolver import Api
from garner.contracts.index import IndexCreate, IndexUpdate
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.settings import Ownership
from garner.runtime.start import serve
from garner.services.change_index import delete_index, reopen_index, update_index
from garner.services.create_index import authorize_creation, create_index
from garner.services.show_index import list_indexes, show_index, view


def routes(api: Api, on: Container) -> None:
    own = on.settings[Ownership]
    table, engine = {"indexes": on.indexes}, {"engine": on.engine_indexes}
    life = {**table, **engine, "clock": on.clock}

    @api.post("/v1/index")
    def create(request: Request) -> JsonObject:
        authorize_creation(request.caller)
        wanted, limit = request.document(IndexCreate), own.max_trial_indexes
        ports = {**life, "roles": on.roles, "ids": on.ids}
        record = create_index(wanted, request.caller, max_trial_indexes=limit, **ports)
        return index_document(view(record, [], **engine), own.max_size_in_mb)

    @api.get("/v1/index/<index_id>")
    def show(request: Request, index_id: str) -> JsonObject:
        found = show_index(index_id, request.caller, **table, **engine)
        return permitted_document(found, own.max_size_in_mb)

    @api.get("/v1/index_list")
    def list_held(request: Request) -> JsonObject:
        ports = {**table, **engine, "roles": on.roles}
        found = list_indexes(request.caller, lambda: read_filter_roles(request.parameters), **ports)
        return {"index_list": [permitted_document(each, own.max_size_in_mb) for each in found]}

    @api.patch("/v1/index/<index_id>")
    def update(request: Request, index_id: str) -> JsonObject:
        wanted = partial(request.document, IndexUpdate)
        record = update_index(index_id, wanted, request.caller, **table)
        return index_document(view(record, [], **engine), own.max_size_in_mb)

    @api.delete("/v1/index/<index_id>")
    def delete(request: Request, index_id: str) -> JsonObject:
        known = delete_index(index_id, request.caller, ring=on.doorbell.ring, **life)
        return {"index_id": known, "acknowledged": True}

    @api.post("/v1/index/<index_id>/reopen")
    def reopen(request: Request, index_id: str) -> JsonObject:
        known = reopen_index(index_id, request.caller, ring=on.doorbell.ring, **life)
        return {"index_id": known, "acknowledged": True}


handler = serve("index", routes)
