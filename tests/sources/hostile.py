"""A local HTTP server that does what it is told, down to single bytes on the wire."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came. `headers` has lower-case names."""

    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        pairs = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}


Answer = bytes | Iterator[bytes]
"""Bytes for the wire, head included; an iterator may wait between its parts."""


def answer(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """A whole answer; header names with `_` for `-`."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    names = {"Content-Length": str(len(body))} | names
    head = "".join(f"{name}: {value}\r\n" for name, value in names.items())
    return f"HTTP/1.1 {status} X\r\n{head}Connection: close\r\n\r\n".encode() + body


@dataclass
class HostileServer:
    """`respond` maps a request to its answer; `asked` has all requests in order."""

    respond: Callable[[Asked], Answer]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(
    respond: Callable[[Asked], Answer], context: ssl.SSLContext | None = None
) -> Iterator[HostileServer]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=32)
    server = HostileServer(respond, listener.getsockname()[1])
    server.scheme = "https" if context else "http"
    stopped = threading.Event()
    workers: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            wrapped = context.wrap_socket(connection, server_side=True) if context else connection
            with wrapped:
                _answered(server, wrapped, stopped)

    def accept() -> None:
        while not stopped.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                worker = threading.Thread(target=handle, args=(connection,), daemon=True)
                workers.append(worker)
                worker.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        stopped.set()
        with suppress(OSError):  # wakes the acceptor
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for worker in workers:
            worker.join(5)


def _answered(server: HostileServer, connection: socket.socket, stopped: threading.Event) -> None:
    with connection.makefile("rb") as reader:
        request = reader.readline().decode()
        headers = {}
        while (line := reader.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        reader.read(int(headers.get("content-length", 0)))  # left unread it would reset the answer
    asked = Asked(request.split(" ")[1], headers)
    server.asked.append(asked)
    reply = server.respond(asked)
    for part in [reply] if isinstance(reply, bytes) else reply:
        if stopped.is_set():
            return
        connection.sendall(part)
