"""Scroll: all matches, page by page (contract 2.3)."""

from garner.api.reads import Reads
from garner.api.request import Request
from garner.api.resolver import Api
from garner.contracts.query import scroll_request_from_body
from garner.runtime.container import Container
from garner.runtime.settings import Queries, Signing
from garner.runtime.start import serve
from garner.services.scroll import scroll


def routes(api: Api, on: Container) -> None:
    read = Reads(reader=on.reader, indexes=lambda: on.indexes)
    dialect = on.settings[Queries].default_dialect
    signing_keys = on.settings[Signing].keys

    @api.post("/v1/index/<index_id>/scroll")
    def post(request: Request, index_id: str) -> bytes:
        def asked() -> object:
            return scroll_request_from_body(request.json(), dialect)

        return read(request, index_id, scroll, asked, clock=on.clock, signing_keys=signing_keys)


handler = serve("scroll", routes)
