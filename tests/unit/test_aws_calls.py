"""Calls of AWS over HTTP, against a server on the loopback; credentials of functions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from select import select
from socket import create_server
from threading import Thread
from typing import Any

import pytest

from garner.errors import Unavailable
from garner.runtime.clock import RandomIds, SystemClock
from garner.storage.aws.calls import DYNAMODB, Refused, SignedCalls
from garner.storage.aws.credentials import Credentials, CredentialSource, RoleCredentials
from garner.storage.http import NoAnswer, NoAnswerInTime, Origin


@dataclass
class Server:
    """Answers in turn with what a test has put there; `None` hangs up without a word."""

    answers: list[tuple[int, Any] | None] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    keep: bool = True
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            state.connections.add(self.client_address)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.asked.append((self.path, dict(self.headers), body))
            answer = state.answers.pop(0) if state.answers else (200, {})
            self.close_connection = answer is None or not state.keep
            if answer is None:
                return
            document = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = Thread(target=http.serve_forever)
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


class Clock(SystemClock):
    """Does not wait, but remembers that it should have."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.time = datetime(2026, 11, 25, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls(server: Server, clock: Clock) -> SignedCalls:
    return SignedCalls(
        DYNAMODB,
        server.url,
        "eu-west-1",
        credentials=lambda: Credentials("AKID", "SECRET", "session"),
        clock=clock,
        ids=RandomIds(),
    )


def refusal(code: str, **more: object) -> dict[str, object]:
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}


def test_a_call_names_its_operation_and_is_signed(server: Server, calls: SignedCalls) -> None:
    server.answers = [(200, {"Item": {"pk": {"S": "a"}}})]
    assert calls("GetItem", {"TableName": "t"}) == {"Item": {"pk": {"S": "a"}}}
    ((path, headers, body),) = server.asked
    assert (path, json.loads(body)) == ("/", {"TableName": "t"})
    assert headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert headers["X-Amz-Security-Token"] == "session"
    assert "/eu-west-1/dynamodb/aws4_request" in headers["Authorization"]


def test_a_refusal_has_its_code_and_what_came_with_it(server: Server, calls: SignedCalls) -> None:
    server.answers = [(400, refusal("ConditionalCheckFailedException", Item={"n": {"N": "1"}}))]
    with pytest.raises(Refused) as refused:
        calls("PutItem", {})
    assert refused.value.code == "ConditionalCheckFailedException"
    assert refused.value.answer["Item"] == {"n": {"N": "1"}}
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer", [(500, {}), (503, "<html>"), (400, refusal("ThrottlingException")), None]
)
def test_what_passes_by_itself_is_tried_again_with_growing_pauses(
    answer: tuple[int, Any] | None, server: Server, calls: SignedCalls, clock: Clock
) -> None:
    server.answers = [answer, answer, (200, {"done": True})]
    assert calls("PutItem", {}) == {"done": True}
    assert len(clock.slept) == 2


def test_what_does_not_pass_is_unavailable(server: Server, calls: SignedCalls) -> None:
    server.answers = [(500, {})] * 9
    with pytest.raises(Unavailable):
        calls("PutItem", {})
    assert len(server.asked) == 4


def test_nobody_there_is_unavailable(clock: Clock) -> None:
    calls = SignedCalls(
        DYNAMODB,
        "http://127.0.0.1:9",
        "eu-west-1",
        credentials=lambda: Credentials("AKID", "SECRET"),
        clock=clock,
        ids=RandomIds(),
    )
    with pytest.raises(Unavailable):
        calls("GetItem", {})


# --- connections ----------------------------------------------------------------------------------


@pytest.fixture
def origin(server: Server) -> Iterator[Origin]:
    origin = Origin(server.url, connect_seconds=2)
    yield origin
    origin.close()


def test_a_connection_is_used_again(server: Server, origin: Origin) -> None:
    for _ in range(3):
        assert origin.request("GET", "/", None, {}, timeout=5).status == 200
    assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_is_not(server: Server, origin: Origin) -> None:
    server.keep = False
    for _ in range(3):
        assert origin.request("GET", "/", None, {}, timeout=5).status == 200
        ((_, connection),) = origin._idle
        select([connection], [], [], 5)  # until the end of the connection has arrived
    assert len(server.connections) == 3


def test_a_connection_that_was_silent_too_long_is_not(
    server: Server, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.request("GET", "/", None, {}, timeout=5)
    monkeypatch.setattr("garner.storage.http.IDLE_SECONDS", 0.0)
    origin.request("GET", "/", None, {}, timeout=5)
    assert len(server.connections) == 2


def test_a_request_without_an_answer_is_not_sent_again(server: Server, origin: Origin) -> None:
    origin.request("GET", "/", None, {}, timeout=5)
    server.answers = [None]
    with pytest.raises(NoAnswer):
        origin.request("POST", "/", b"x", {}, timeout=5)
    assert len(server.asked) == 2


def test_a_server_that_takes_too_long_is_told_apart() -> None:
    with create_server(("127.0.0.1", 0)) as silent:
        origin = Origin(f"http://127.0.0.1:{silent.getsockname()[1]}", connect_seconds=2)
        with pytest.raises(NoAnswerInTime):
            origin.request("GET", "/", None, {}, timeout=0.05)


# --- credentials ----------------------------------------------------------------------------------


def test_a_function_has_its_credentials_in_variables(clock: Clock) -> None:
    source = CredentialSource("AKID", "SECRET", "session")
    assert RoleCredentials(lambda: source, clock)() == Credentials("AKID", "SECRET", "session")


def test_after_a_snapshot_they_come_from_the_loopback_and_are_renewed(
    server: Server, clock: Clock
) -> None:
    until = clock.time + timedelta(hours=1)
    answer = {"AccessKeyId": "A1", "SecretAccessKey": "S", "Token": "T"}
    server.answers = [
        (200, answer | {"Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"}),
        (200, answer | {"AccessKeyId": "A2", "Expiration": "2030-01-01T00:00:00Z"}),
    ]
    source = CredentialSource(url=f"{server.url}/creds?x=1", authorization="let-me")
    credentials = RoleCredentials(lambda: source, clock)
    assert credentials() == credentials() == Credentials("A1", "S", "T", until)
    clock.time = until - timedelta(minutes=4)
    assert credentials().access_key == "A2"
    assert [path for path, _, _ in server.asked] == ["/creds?x=1"] * 2
    assert server.asked[0][1]["Authorization"] == "let-me"


def test_secrets_are_not_in_what_is_printed() -> None:
    shown = repr(Credentials("AKID", "SECRET", "TOKEN")) + repr(CredentialSource("A", "SECRET"))
    assert "SECRET" not in shown
    assert "TOKEN" not in shown
