"""Answers as servers may write them, and what must never be sent."""

from collections.abc import Callable, Iterator
from socket import create_server, socket
from threading import Thread

import pytest

from garner.storage.http import HttpAnswer, NoAnswer, Origin

KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """Writes one text for each request, and hangs up behind the last."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._listening = create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.asked: list[bytes] = []
        self.connections = 0
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        while self._answers:
            connection, _ = self._listening.accept()
            self.connections += 1
            with connection:
                while self._answers and self._read(connection):
                    connection.sendall(self._answers.pop(0))

    def _read(self, connection: socket) -> bool:
        asked = b""
        while not asked.endswith(b"\r\n\r\n"):
            read = connection.recv(1)
            if not read:
                return False
            asked += read
        head = asked.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        size = int(head or 0)
        while size:
            read = connection.recv(size)
            size -= len(read)
            asked += read
        self.asked.append(asked)
        return True


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Scripted, Origin]]]:
    started: list[tuple[Scripted, Origin]] = []

    def start(*answers: bytes) -> tuple[Scripted, Origin]:
        server = Scripted(*answers)
        started.append((server, Origin(server.url, connect_seconds=2)))
        return started[-1]

    yield start
    for server, origin in started:
        origin.close()
        server.close()


Serve = Callable[..., tuple[Scripted, Origin]]


@pytest.mark.parametrize(
    ("written", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 404\r\nContent-Length:0\r\n\r\n", 404, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
            b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nx-after: 1\r\n\r\n",
            200,
            b"hello world",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + KEPT, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ],
)
def test_the_connection_serves_again_behind(
    written: bytes, status: int, body: bytes, serve: Serve
) -> None:
    server, origin = serve(written, KEPT)
    assert origin.request("GET", "/", None, {}, timeout=5) == HttpAnswer(status, body)
    assert origin.request("GET", "/", None, {}, timeout=5) == HttpAnswer(200, b"ok")
    assert server.connections == 1


@pytest.mark.parametrize(
    "written",
    [
        b"HTTP/1.1 200 OK\r\n\r\nup to the end",
        b"HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\nup to the end",
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 13\r\n\r\nup to the end",
    ],
)
def test_the_connection_ends_with_the_answer(written: bytes, serve: Serve) -> None:
    _, origin = serve(written)
    assert origin.request("GET", "/", None, {}, timeout=5) == HttpAnswer(200, b"up to the end")
    assert not origin._idle


@pytest.mark.parametrize(
    "written",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2 200\r\n",
        b"hello\r\n",
        b"\r\n",
        b"",
    ],
)
def test_what_is_no_whole_answer_is_none(written: bytes, serve: Serve) -> None:
    _, origin = serve(written)
    with pytest.raises(NoAnswer, match="the connection broke"):
        origin.request("GET", "/", None, {}, timeout=0.5)
    assert not origin._idle


def test_an_answer_to_head_has_no_body(serve: Serve) -> None:
    server, origin = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", KEPT)
    assert origin.request("HEAD", "/", None, {}, timeout=5) == HttpAnswer(200, b"")
    assert origin.request("GET", "/", None, {}, timeout=5).body == b"ok"
    assert server.connections == 1


@pytest.mark.parametrize("size", [0, 5, 200_000])
def test_a_body_arrives_whole(size: int, serve: Serve) -> None:
    server, origin = serve(KEPT)
    origin.request("POST", "/_bulk?x=1", b"x" * size, {"Content-Type": "text/plain"}, timeout=5)
    head, _, body = server.asked[0].partition(b"\r\n\r\n")
    assert body == b"x" * size
    assert head.decode().split("\r\n") == [
        "POST /_bulk?x=1 HTTP/1.1",
        f"Host: {server.url.removeprefix('http://')}",
        "Accept-Encoding: identity",
        f"Content-Length: {size}",
        "Content-Type: text/plain",
    ]


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/a b", {}), ("/a\r\nHost: b", {}), ("/\x7f", {}), ("/é", {}), ("/", {"a": "b\r\nc: d"})],
)
def test_what_would_be_another_request_is_never_sent(target: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"control characters|ascii"):
        Origin("http://127.0.0.1:9", connect_seconds=1).request(
            "GET", target, None, headers, timeout=1
        )
