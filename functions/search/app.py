"""Search, by GET and by POST (contract 2.1 and 2.2)."""

from garner.api.reads import Reads
from garner.api.request import Request
from garner.api.resolver import Api
from garner.contracts.query import search_request_from_body, search_request_from_parameters
from garner.runtime.container import Container
from garner.runtime.settings import Queries
from garner.runtime.start import serve
from garner.services.search import search


def routes(api: Api, on: Container) -> None:
    read = Reads(reader=on.reader, indexes=lambda: on.indexes)
    dialect = on.settings[Queries].default_dialect

    @api.get("/v1/index/<index_id>/search")
    def get(request: Request, index_id: str) -> bytes:
        asked = request.parameters
        return read(request, index_id, search, lambda: search_request_from_parameters(asked))

    @api.post("/v1/index/<index_id>/search")
    def post(request: Request, index_id: str) -> bytes:
        def asked() -> object:
            return search_request_from_body(request.json(), dialect)

        return read(request, index_id, search, asked)


handler = serve("search", routes)
