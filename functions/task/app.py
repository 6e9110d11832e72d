"""Task Show; Cancel, Outcomes and Replay, which are extensions (contract 2.12 and 8.12)."""

from garner import limits
from garner.api.request import Request
from garner.api.resolver import Api
from garner.api.submissions import identity_of, skips_errors, submitted, wanted_outcome
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.outcomes import task_outcomes
from garner.services.replay import replay_task
from garner.services.tasks import cancel_task, show_task


def routes(api: Api, on: Container) -> None:
    stores = {"indexes": on.indexes, "log": on.task_log, "task_ids": on.task_ids}

    @api.get("/v1/task/<task_id>")
    def show(request: Request, task_id: str) -> JsonObject:
        return show_task(task_id, request.caller, **stores)

    @api.get("/v1/task/<task_id>/outcomes")
    def outcomes(request: Request, task_id: str) -> JsonObject:
        asked = request.parameters
        most = limits.MAX_OUTCOMES_LIMIT
        page = {
            "limit": asked.integer("limit", limits.DEFAULT_OUTCOMES_LIMIT, 1, most),
            "marker": asked.text("marker"),
        }
        wanted = wanted_outcome(request)
        return task_outcomes(
            task_id, request.caller, wanted, **page, **stores, payloads=on.payloads
        )

    @api.post("/v1/task/<task_id>/replay")
    def replay(request: Request, task_id: str) -> JsonObject:
        asked = {"skip_errors": skips_errors(request), "request": identity_of(request)}
        ports = {"indexes": on.indexes, "accept": on.accept}
        return submitted(replay_task(task_id, request.caller, **asked, **ports), request)

    @api.post("/v1/task/<task_id>/cancel")
    def cancel(request: Request, task_id: str) -> JsonObject:
        return cancel_task(task_id, request.caller, doorbell=on.doorbell, clock=on.clock, **stores)


handler = serve("task", routes)
