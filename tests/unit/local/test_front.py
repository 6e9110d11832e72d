"""The front of the local stack: what it forwards, and what it refuses as AWS does."""

import gzip
import http.client
import json
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
import urllib3

from local import front as fronts
from local.front import LAMBDA_PAYLOAD_BYTES, Front, carried_bytes
from local.processes import free_port

JSON = {"content-type": "application/json"}


PATIENCE = Event()  # set when nobody waits for the slow answer any more


class Api(BaseHTTPRequestHandler):
    """Answers with what it was asked, or with what the path says."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/api/large":
            self._send(200, json.dumps("x" * LAMBDA_PAYLOAD_BYTES).encode())
        elif self.path == "/api/failed":
            self._send(502, b'{"errorMessage": "boom", "errorType": "Runtime.HandlerError"}')
        elif self.path == "/api/slow":
            PATIENCE.wait(10)
            with suppress(OSError):  # the front has hung up
                self._send(200, b"{}")
        elif self.path == "/api/packed":
            self._send(200, gzip.compress(b"[]"), {"content-encoding": "gzip"})
        else:
            heard = {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.hex(),
            }
            self._send(200, json.dumps(heard).encode())

    do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (JSON | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    api = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=api.serve_forever, daemon=True).start()
    front = Front(free_port(), f"http://127.0.0.1:{api.server_port}/api")
    yield front
    front.stop()
    api.shutdown()
    api.server_close()


def ask(front: Front, method: str, path: str, **request) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, front.url + path, retries=False, **request)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_method_path_and_query_arrive_as_they_were_sent(front, method) -> None:
    heard = ask(front, method, "/v1/a%2Fb?k=1&k=2&%20").json()
    assert (heard["method"], heard["path"]) == (method, "/api/v1/a%2Fb?k=1&k=2&%20")


def test_the_body_and_the_key_arrive(front) -> None:
    headers = JSON | {"authorization": "Bearer x.y"}
    heard = ask(front, "POST", "/v1", body=b'{"a": 1}', headers=headers).json()
    assert bytes.fromhex(heard["body"]) == b'{"a": 1}'
    assert heard["headers"]["authorization"] == "Bearer x.y"
    assert heard["headers"]["content-type"] == "application/json"


def test_a_chunked_body_arrives_whole(front) -> None:
    heard = ask(front, "POST", "/v1", body=iter([b"one ", b"two"]), headers=JSON)
    assert bytes.fromhex(heard.json()["body"]) == b"one two"


def test_a_compressed_body_arrives_intact(front) -> None:
    packed = gzip.compress(b'{"a": 1}')
    headers = JSON | {"content-encoding": "gzip"}
    heard = ask(front, "POST", "/v1", body=packed, headers=headers).json()
    assert bytes.fromhex(heard["body"]) == packed
    assert heard["headers"]["content-type"] == "application/octet-stream"


def test_a_compressed_answer_passes_as_it_is(front) -> None:
    answer = ask(front, "GET", "/packed", decode_content=False)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.data) == b"[]"


def test_head_is_answered_without_a_body_and_the_connection_lives_on(front) -> None:
    connection = http.client.HTTPConnection(front.url.removeprefix("http://"))
    for _ in range(2):
        connection.request("HEAD", "/v1")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_a_request_above_what_lambda_takes_is_413_and_names_the_upload(front) -> None:
    answer = ask(front, "POST", "/v1", body=b"x" * LAMBDA_PAYLOAD_BYTES, headers=JSON)
    document = answer.json()
    assert answer.status == document["status"] == 413
    assert document["@datatype"] == "GError"
    assert "upload" in document["message"]


def test_an_answer_above_what_lambda_gives_is_an_error(front) -> None:
    answer = ask(front, "GET", "/large")
    assert answer.status == 502
    assert answer.json()["@datatype"] == "GError"


def test_a_function_that_failed_shows_nothing_of_itself(front) -> None:
    answer = ask(front, "GET", "/failed")
    assert answer.status == 500
    assert answer.json() == {"message": "Internal Server Error"}


def test_an_api_that_is_slow_ends_as_the_gateway_ends_it(front, monkeypatch) -> None:
    monkeypatch.setattr(fronts, "GATEWAY_SECONDS", 0.05)
    answer = ask(front, "GET", "/slow")
    PATIENCE.set()
    assert (answer.status, answer.json()) == (503, {"message": "Service Unavailable"})


def test_the_local_cloud_away_is_a_gateway_error() -> None:
    front = Front(free_port(), f"http://127.0.0.1:{free_port()}")
    assert ask(front, "GET", "/v1").json()["status"] == 502
    front.stop()


def test_what_lambda_carries_counts_escapes_and_base64() -> None:
    text = b'"' * 3_000_000
    assert carried_bytes(text, JSON) > 6_000_000
    binary = {"content-type": "application/octet-stream"}
    assert carried_bytes(b"x" * 3_000_000, binary) > 4_000_000
    assert carried_bytes(b"x" * 3_000_000, JSON) < 3_100_000
