"""A reverse proxy that stands before an engine and lets only authenticated requests through.

By itself: `python -m tests.fakes.guard PORT ENGINE_URL basic|sigv4`, until standard input closes.
"""

import hashlib
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

USER, PASSWORD = "garner", "a password: with a colon"
ACCESS_KEY, SECRET_KEY, REGION = "test", "test", "us-east-1"
MOST_SKEW_SECONDS = 300  # as AWS has it

Check = Callable[[str, str, Mapping[str, str], bytes], bool]
"""Method, URL, headers (names in lower case) and body of a request → whether it may pass."""


def basic(_method: str, _url: str, headers: Mapping[str, str], _body: bytes) -> bool:
    wanted = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return headers.get("authorization") == wanted


def sigv4(method: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether signing what came in gives the signature that came with it. The query is decoded and
    encoded as servers do it, so that `*` is signed as `%2A` however it was sent."""
    told = headers.get("authorization", "")
    if "SignedHeaders=" not in told or "x-amz-date" not in headers:
        return False
    signed_at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs((datetime.now(UTC) - signed_at).total_seconds()) > MOST_SKEW_SECONDS:
        return False
    names = told.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    if "host" not in names or any(name not in headers for name in names):
        return False
    if headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
        return False
    base, _, query = url.partition("?")
    known = dict(parse_qsl(query, keep_blank_values=True))
    request = AWSRequest(method, base, {name: headers[name] for name in names}, body, params=known)
    request.context["timestamp"] = headers["x-amz-date"]
    credentials = Credentials(ACCESS_KEY, SECRET_KEY, headers.get("x-amz-security-token"))
    signer = SigV4Auth(credentials, "es", REGION)
    canonical = signer.canonical_request(request)
    wanted = signer.signature(signer.string_to_sign(request, canonical), request)
    return told.endswith(f"Signature={wanted}") and f"/{REGION}/es/aws4_request" in told


CHECKS: dict[str, Check] = {"basic": basic, "sigv4": sigv4}


class Guard:
    """`passed` are methods and paths that came through, `refused` how many did not."""

    def __init__(self, engine: str, check: Check, port: int = 0) -> None:
        self.passed: set[tuple[str, str]] = set()
        self.refused = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, engine, check))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def guarding(engine: str, check: Check) -> Iterator[Guard]:
    guard = Guard(engine, check)
    thread = threading.Thread(target=guard.serve)
    thread.start()
    try:
        yield guard
    finally:
        guard.stop()
        thread.join()


def _handler(guard: Guard, engine: str, check: Check) -> type[BaseHTTPRequestHandler]:
    pool = urllib3.PoolManager(maxsize=16, retries=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = f"http://{headers['host']}{self.path}"
            if not check(self.command, url, headers, body):
                guard.refused += 1
                self._send(403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')
                return
            guard.passed.add((self.command, self.path.partition("?")[0]))
            kept = {
                name: headers[name]
                for name in ("content-type", "content-encoding", "accept-encoding")
                if name in headers
            }
            found = pool.request(
                self.command, engine + self.path, body=body, headers=kept,
                decode_content=False, timeout=60,
            )  # fmt: skip
            told = {
                name: value
                for name, value in found.headers.items()
                if name.lower() in ("content-type", "content-encoding")
            }
            self._send(found.status, told, found.data)

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815 - the library's names

    return Handler


def main(port: str, engine: str, kind: str) -> None:
    guard = Guard(engine, CHECKS[kind], int(port))
    threading.Thread(target=guard.serve, daemon=True).start()
    sys.stdin.read()
    guard.stop()
    for method, path in sorted(guard.passed):
        print(method, path)
    print(f"refused: {guard.refused}")


if __name__ == "__main__":
    main(*sys.argv[1:])
