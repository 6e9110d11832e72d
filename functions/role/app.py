"""Role Create, List and Delete (contract 2.20 to 2.22)."""

from functools import partial

from garner.api.index_documents import role_document
from garner.api.request import Request
from garner.api.resolver import Api
from garner.contracts.role import RoleCreate
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.settings import Ownership
from garner.runtime.start import serve
from garner.services.roles import create_role, delete_role, list_roles


def routes(api: Api, on: Container) -> None:
    table = {"indexes": on.indexes, "roles": on.roles}
    new = {"max_trial_indexes": on.settings[Ownership].max_trial_indexes, "ids": on.ids}

    @api.post("/v1/index/<index_id>/role")
    def create(request: Request, index_id: str) -> JsonObject:
        wanted = partial(request.document, RoleCreate)
        role = create_role(index_id, wanted, request.caller, clock=on.clock, **new, **table)
        return role_document(role)

    @api.get("/v1/index/<index_id>/role_list")
    def list_all(request: Request, index_id: str) -> JsonObject:
        found = list_roles(index_id, request.caller, **table)
        return {"role_list": [role_document(role) for role in found]}

    @api.delete("/v1/index/<index_id>/role/<role_id>")
    def delete(request: Request, index_id: str, role_id: str) -> JsonObject:
        role = delete_role(index_id, role_id, request.caller, **table)
        return {"deleted": role_document(role), "success": True}


handler = serve("role", routes)
