"""Upload, an extension: a form for files that are too large for a request (contract 8.12)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.start import serve
from garner.services.uploads import offer_upload


def routes(api: Api, on: Container) -> None:
    ports = {"indexes": on.indexes, "payloads": on.payloads, "clock": on.clock, "ids": on.ids}

    @api.post("/v1/index/<index_id>/upload")
    def upload(request: Request, index_id: str) -> JsonObject:
        return offer_upload(index_id, request.caller, **ports)


handler = serve("upload", routes)
