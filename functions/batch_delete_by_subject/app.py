"""Batch delete by subject (contract 2.10)."""

from garner.api.document_tasks import batch_delete_task
from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.access import DELETE_SUBJECT


def routes(api: Api, on: Container) -> None:
    submit = on.submitter

    @api.post("/v1/index/<index_id>/batch_delete_by_subject")
    def batch_delete(request: Request, index_id: str) -> JsonObject:
        return submit(request, index_id, DELETE_SUBJECT, batch_delete_task)


handler = serve("batch_delete_by_subject", routes)
