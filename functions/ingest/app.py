"""Ingest (contract 2.4)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.api.submissions import ingest_task
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.access import INGEST


def routes(api: Api, on: Container) -> None:
    submit = on.submitter

    @api.post("/v1/index/<index_id>/ingest")
    def ingest(request: Request, index_id: str) -> JsonObject:
        return submit(request, index_id, INGEST, ingest_task)


handler = serve("ingest", routes)
