"""Ingest (contract 2.4), its dry run, and declared field types, which are extensions (8.12)."""

from functools import partial

from garner.api.document_tasks import declare_task, ingest_task
from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.access import DECLARE_FIELDS, INGEST


def routes(api: Api, on: Container) -> None:
    submit = on.submitter

    @api.post("/v1/index/<index_id>/ingest")
    def ingest(request: Request, index_id: str) -> JsonObject:
        read = partial(ingest_task, index_id=index_id, payloads=on.payloads)
        if request.parameters.boolean("dry_run"):
            return submit.try_out(request, index_id, INGEST, read, on.dry_run)
        return submit(request, index_id, INGEST, read)

    @api.post("/v1/index/<index_id>/field_mapping")
    def declare(request: Request, index_id: str) -> JsonObject:
        return submit(request, index_id, DECLARE_FIELDS, declare_task)


handler = serve("ingest", routes)
