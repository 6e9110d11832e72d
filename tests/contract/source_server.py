"""A server of four regular sources, for crawls by the running stack: CSV, paged JSON, XML, OAI-PMH.

What it offers can be changed, every request is on record, and a request for a page can be held
until it is let go.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 50  # records of a JSON page
OAI_TOKENS = 5
USER, PASSWORD, TOKEN = "crawler", "pa55-of-the-source", "t0ken-of-the-source"
HELD_SECONDS = 60  # a page that nobody lets go

Records = dict[str, dict[str, Any]]
"""Key → fields of a record; in this order they are served."""

_OAI = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{}</OAI-PMH>'


@dataclass
class Hold:
    """The requests whose path begins with `prefix` wait; `came` is set by the first one."""

    prefix: str
    came: Event = field(default_factory=Event)
    let_go: Event = field(default_factory=Event)


class SourceServer(ThreadingHTTPServer):
    """`offered` has the records by the name of the source; `asked` the targets of all requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.offered: dict[str, Records] = {}
        self.asked: list[str] = []
        self.holds: list[Hold] = []
        self.extra: dict[str, Callable[[_Handler], None]] = {}

    def url(self, path: str, *, secret: bool = False) -> str:
        """With `secret` the address carries a user, a password and a token."""
        host = f"127.0.0.1:{self.server_address[1]}"
        if secret:
            return f"http://{USER}:{PASSWORD}@{host}{path}?token={TOKEN}"
        return f"http://{host}{path}"

    @contextmanager
    def holding(self, prefix: str) -> Iterator[Hold]:
        """Requests under `prefix` are not answered before the block ends, or lets them go."""
        hold = Hold(prefix)
        self.holds.append(hold)
        try:
            yield hold
        finally:
            self.holds.remove(hold)
            hold.let_go.set()

    def requests_for(self, prefix: str) -> int:
        return sum(target.startswith(prefix) for target in self.asked)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A crawler that was killed does not wait for its answer."""


class _Handler(BaseHTTPRequestHandler):
    server: SourceServer

    def do_GET(self) -> None:
        server, split = self.server, urlsplit(self.path)
        server.asked.append(self.path)
        for hold in [each for each in server.holds if self.path.startswith(each.prefix)]:
            hold.came.set()
            hold.let_go.wait(HELD_SECONDS)
        if split.path in server.extra:
            server.extra[split.path](self)
            return
        kind, _, name = split.path.strip("/").partition("/")
        query = {key: values[-1] for key, values in parse_qs(split.query).items()}
        self.answer(_FORMATS[kind](server.offered[name], query))

    def answer(self, text: str, status: int = 200, **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


def _csv(records: Records, query: Mapping[str, str]) -> str:
    rows = [f"{key},{each['name']},{each['weight']}" for key, each in records.items()]
    return "\n".join(["id,name,weight", *rows]) + "\n"


def _json(records: Records, query: Mapping[str, str]) -> str:
    first = int(query["offset"])
    page = list(records.items())[first : first + int(query["limit"])]
    return json.dumps({"records": [{"id": key, **each} for key, each in page]})


def _element(key: str, each: Mapping[str, Any]) -> str:
    return (
        f"<stone><id>{key}</id><name>{each['name']}</name><weight>{each['weight']}</weight></stone>"
    )


def _xml(records: Records, query: Mapping[str, str]) -> str:
    return f"<stones>{''.join(_element(key, each) for key, each in records.items())}</stones>"


def _oai(records: Records, query: Mapping[str, str]) -> str:
    verb = query["verb"]
    if verb == "Identify":
        return _OAI.format("<Identify><granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>")
    if verb == "ListMetadataFormats":
        prefix = "<metadataFormat><metadataPrefix>oai_dc</metadataPrefix></metadataFormat>"
        return _OAI.format(f"<ListMetadataFormats>{prefix}</ListMetadataFormats>")
    if verb == "ListSets":
        return _OAI.format('<error code="noSetHierarchy">none</error>')
    items = list(records.items())
    size = -(-len(items) // (OAI_TOKENS + 1))
    page = int(query.get("resumptionToken", "0"))
    token = f"<resumptionToken>{page + 1 if page < OAI_TOKENS else ''}</resumptionToken>"
    shown = "".join(
        f"<record><header><identifier>{key}</identifier></header>"
        f"<metadata>{_element(key, each)}</metadata></record>"
        for key, each in items[page * size : (page + 1) * size]
    )
    return _OAI.format(f"<ListRecords>{shown}{token}</ListRecords>")


_FORMATS: Mapping[str, Callable[[Records, Mapping[str, str]], str]] = {
    "csv": _csv,
    "json": _json,
    "xml": _xml,
    "oai": _oai,
}


@contextmanager
def serving_sources() -> Iterator[SourceServer]:
    with SourceServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
