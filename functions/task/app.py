"""Task Show, and Cancel, which is an extension (contract 2.12 and 8.12)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.tasks import cancel_task, show_task


def routes(api: Api, on: Container) -> None:
    stores = {"indexes": on.indexes, "log": on.task_log, "task_ids": on.task_ids}

    @api.get("/v1/task/<task_id>")
    def show(request: Request, task_id: str) -> JsonObject:
        return show_task(task_id, request.caller, **stores)

    @api.post("/v1/task/<task_id>/cancel")
    def cancel(request: Request, task_id: str) -> JsonObject:
        return cancel_task(task_id, request.caller, doorbell=on.doorbell, clock=on.clock, **stores)


handler = serve("task", routes)
