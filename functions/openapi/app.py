"""The OpenAPI document, and a page that shows it."""

from pathlib import Path

from garner.api.answer import Answer
from garner.api.page import page
from garner.api.request import Request
from garner.api.resolver import Api
from garner.runtime.container import Container
from garner.runtime.start import serve_open

_HERE = Path(__file__).parent


def routes(api: Api, on: Container) -> None:
    document = (_HERE / "openapi.json").read_bytes()
    readable = page(document)

    @api.get("/openapi.json")
    def openapi(request: Request) -> bytes:
        return document

    @api.get("/")
    def root(request: Request) -> Answer:
        return Answer(readable, content_type="text/html; charset=utf-8")


handler = serve_open("openapi", routes)
