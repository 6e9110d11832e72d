"""The address that people use: http://localhost:8080 in front of the local cloud's HTTP API.

It adds what API Gateway and Lambda do and the local cloud does not: at most 6 MB in the event and
the answer, an end after 30 s, and AWS's words for a function that failed. Compressed bodies pass
as binary, the only form in which the local cloud leaves them intact.
"""

import json
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import urllib3

LAMBDA_PAYLOAD_BYTES = 6_291_556
EVENT_ENVELOPE_BYTES = 4_096  # request context and what else surrounds headers and body
GATEWAY_SECONDS = 30.0
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "content-length", "date", "server")
)  # fmt: skip


class Front:
    """Serves on `port` in threads of this process and forwards to `api_url`."""

    def __init__(self, port: int, api_url: str) -> None:
        pool = urllib3.PoolManager(maxsize=64, retries=False)
        handler = type("Handler", (_Handler,), {"api_url": api_url, "pool": pool})
        self._server = _Server(("127.0.0.1", port), handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()
        self.url = f"http://localhost:{port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # head and body leave in one packet
    timeout = 120  # of an idle connection
    api_url: str
    pool: urllib3.PoolManager

    def forward(self) -> None:
        body = self._read_body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers = {name: text for name, text in headers.items() if name not in HOP_BY_HOP}
        for name in ("accept-encoding", "user-agent"):
            headers.setdefault(name, urllib3.util.SKIP_HEADER)  # urllib3's own would stand there
        if headers.get("content-encoding"):
            headers["content-type"] = "application/octet-stream"
        if carried_bytes(body, headers) > LAMBDA_PAYLOAD_BYTES:
            self._refuse(
                413,
                "RequestEntityTooLarge.Generic",
                "The request is larger than the 6 MB that one function call takes; "
                "load more with POST /v1/index/<index_id>/upload",
            )
            return
        try:
            answer = self.pool.request(
                self.command,
                self.api_url + self.path,
                body=body or None,
                headers=headers | {"x-forwarded-proto": "http", "x-forwarded-for": "127.0.0.1"},
                redirect=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=5, read=GATEWAY_SECONDS),
            )
        except urllib3.exceptions.ReadTimeoutError:
            self._answer(503, {"content-type": "application/json"}, _message("Service Unavailable"))
            return
        except urllib3.exceptions.HTTPError:
            self._refuse(502, "ServerError.Generic", "The local cloud does not answer")
            return
        self._pass_on(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = forward  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (inherited name)
        """The functions keep the log of requests."""

    def _pass_on(self, answer: urllib3.BaseHTTPResponse) -> None:
        headers = {n.lower(): v for n, v in answer.headers.items() if n.lower() not in HOP_BY_HOP}
        if carried_bytes(answer.data, headers) > LAMBDA_PAYLOAD_BYTES:
            self._refuse(
                502,
                "ServerError.Generic",
                "The answer is larger than the 6 MB that one function call gives",
            )
        elif answer.status == 502 and b'"errorType"' in answer.data:
            headers = {"content-type": "application/json"}
            self._answer(500, headers, _message("Internal Server Error"))
        else:
            self._answer(answer.status, headers, answer.data)

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _refuse(self, status: int, code: str, message: str) -> None:
        document = {
            "@datatype": "GError",
            "@version": "2017-09-01",
            "status": status,
            "code": code,
            "message": message,
            "request_id": uuid.uuid4().hex,
        }
        headers = {"content-type": "application/json", "access-control-allow-origin": "*"}
        self._answer(status, headers, json.dumps(document).encode())

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def carried_bytes(body: bytes, headers: Mapping[str, str]) -> int:
    """How large the JSON document is in which Lambda carries this body and these headers."""
    overhead = EVENT_ENVELOPE_BYTES + sum(len(name) + len(text) for name, text in headers.items())
    if headers.get("content-encoding") or not _is_text(headers.get("content-type", "")):
        return overhead + (len(body) + 2) // 3 * 4
    if len(body) * 6 < LAMBDA_PAYLOAD_BYTES:  # no escape is longer than \u0000
        return overhead + len(body)
    return overhead + len(json.dumps(body.decode(errors="replace"), ensure_ascii=False).encode())


def _is_text(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in ("application/json", "application/xml")


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
