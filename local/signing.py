"""Signs requests to an OpenSearch domain with the AWS credentials of whoever runs the stack.

The functions of the local stack have credentials of the local cloud, which AWS does not know.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from garner.errors import Unavailable
from garner.runtime.clock import SystemClock
from garner.storage.aws.credentials import CredentialSource, RoleCredentials
from garner.storage.http import NoAnswer, Origin
from garner.storage.opensearch.sigv4 import SigV4Signer

REQUEST_SECONDS = 60.0


class SigningFront:
    """Serves on a port of its own and forwards to `url`, signed for `service` in `region`.

    Credentials are found as the AWS command line finds them.
    """

    def __init__(self, url: str, region: str, service: str) -> None:
        clock = SystemClock()
        known = RoleCredentials(CredentialSource, clock)
        signer = SigV4Signer(region, service, credentials=known, clock=clock)
        origin = Origin(url, connect_seconds=5.0, kept=16)
        ours = {"engine": url, "origin": origin, "signer": signer}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), ours))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    engine: str
    origin: Origin
    signer: SigV4Signer

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kept = ("content-type", "content-encoding")
        headers = {name: self.headers[name] for name in kept if name in self.headers}
        try:
            headers |= self.signer.headers(self.command, self.engine + self.path, body)
            path = urlsplit(self.engine).path + self.path
            answer = self.origin.request(
                self.command, path, body or None, headers, timeout=REQUEST_SECONDS
            )
        except (NoAnswer, Unavailable) as error:
            self._answer(503, str(error).encode())
            return
        self._answer(answer.status, answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """The engine has a log of its own."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
