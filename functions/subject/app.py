"""Subject Show and Delete by Subject (contract 2.8 and 2.9)."""

from garner.api.reads import Reads
from garner.api.request import Request
from garner.api.resolver import Api
from garner.api.submissions import delete_subject_task
from garner.contracts.query import read_request_from_parameters
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.access import DELETE_SUBJECT
from garner.services.read_subject import show_subject


def routes(api: Api, on: Container) -> None:
    read = Reads(reader=on.reader, indexes=lambda: on.indexes)

    @api.get("/v1/index/<index_id>/subject")
    def show(request: Request, index_id: str) -> bytes:
        asked = request.parameters
        return read(request, index_id, show_subject, lambda: read_request_from_parameters(asked))

    @api.delete("/v1/index/<index_id>/subject")
    def delete(request: Request, index_id: str) -> JsonObject:
        return on.submitter(request, index_id, DELETE_SUBJECT, delete_subject_task)


handler = serve("subject", routes)
