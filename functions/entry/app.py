"""Create or update one entry, Entry Show, Entry Delete (contract 2.5 to 2.7)."""

from garner.api.reads import Reads
from garner.api.request import Request
from garner.api.resolver import Api
from garner.api.submissions import delete_entry_task
from garner.contracts.query import read_request_from_parameters
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.access import DELETE_ENTRY, INGEST
from garner.services.read_subject import show_entry


def routes(api: Api, on: Container) -> None:
    read = Reads(reader=on.reader, indexes=lambda: on.indexes)

    @api.get("/v1/index/<index_id>/entry")
    def show(request: Request, index_id: str) -> bytes:
        asked = request.parameters
        return read(request, index_id, show_entry, lambda: read_request_from_parameters(asked))

    @api.post("/v1/index/<index_id>/entry")
    @api.put("/v1/index/<index_id>/entry")
    def upsert(request: Request, index_id: str) -> JsonObject:
        from garner.api.document_tasks import entry_task  # noqa: PLC0415 - a read needs no models

        return on.submitter(request, index_id, INGEST, entry_task)

    @api.delete("/v1/index/<index_id>/entry")
    def delete(request: Request, index_id: str) -> JsonObject:
        return on.submitter(request, index_id, DELETE_ENTRY, delete_entry_task)


handler = serve("entry", routes)
