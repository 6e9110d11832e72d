"""Task List (contract 2.13)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.tasks import list_tasks


def routes(api: Api, on: Container) -> None:
    stores = {"indexes": on.indexes, "log": on.task_log, "task_ids": on.task_ids}

    @api.get("/v1/task_list/<index_id>")
    def list_all(request: Request, index_id: str) -> JsonObject:
        return list_tasks(index_id, request.caller, **stores)


handler = serve("task_list", routes)
