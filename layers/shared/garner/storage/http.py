"""HTTP/1.1 to a server that Garner trusts (the engine, AWS), over connections that are kept.

Our own: `http.client` parses headers as those of a mail. That takes as long as the rest of an
exchange, and its import 8 ms of every cold start (docs/adr/0016). What users name is fetched by
`garner.sources.fetch` and by nothing else.
"""

import re
import select
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket
from urllib.parse import urlsplit

IDLE_SECONDS = 20.0
"""Below what load balancers and AWS wait before they drop a silent connection. By the clock of the
wall: a function that was frozen in between finds its connections too old."""

_ONE_WRITE_BYTES = 1 << 16  # up to here copying a body costs less than a second write
_MAX_LINE_BYTES = 1 << 16
_MAX_HEADERS = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class NoAnswer(Exception):
    """The request got no answer; whether it was carried out is unknown."""


class NoAnswerInTime(NoAnswer):
    """The server was still at it when the time was over."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    body: bytes


class Origin:
    """The connections to one `scheme://host:port`, which threads may share.

    `request` repeats nothing: whether a request may be sent again is for the caller to know. Up to
    `kept` connections stay open between requests.
    """

    def __init__(self, url: str, *, connect_seconds: float, kept: int = 8) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._named = parts.netloc.rpartition("@")[2]
        self._connect_seconds = connect_seconds
        self._kept = kept
        self._idle: list[tuple[float, socket]] = []  # append and pop are atomic

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        timeout: float,
    ) -> HttpAnswer:
        """The answer to `method target`; redirects are answers.

        `timeout` bounds each wait for the server, in seconds. Raises `NoAnswer`.
        """
        head = self._head(method, target, body, headers)
        connection = self._idle_connection() or self._connect()
        connection.settimeout(timeout)
        keeps = False
        try:
            _send(connection, head, body or b"")
            with connection.makefile("rb") as reader:
                answer, keeps = _read_answer(reader, method)
        except TimeoutError as error:
            raise NoAnswerInTime("no answer in time") from error
        except (OSError, ValueError) as error:
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from error
        finally:
            if keeps and len(self._idle) < self._kept:
                self._idle.append((time.time(), connection))
            else:
                connection.close()
        return answer

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    __del__ = close

    def _head(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        """Raises `ValueError` for what would be more than one request: ours to mend."""
        lines = [f"{method} {target or '/'} HTTP/1.1", f"Host: {self._named}"]
        lines.append("Accept-Encoding: identity")
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body or b'')}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if " " in target or any(map(_CONTROL.search, lines)):
            raise ValueError(f"{method} with a space in the target, or with control characters")
        return "\r\n".join([*lines, "\r\n"]).encode("ascii")

    def _idle_connection(self) -> socket | None:
        """The one used last, unless the server has closed it or may have."""
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if time.time() - since < IDLE_SECONDS and not _has_something_to_read(connection):
                return connection
            connection.close()
        return None

    def _connect(self) -> socket:
        try:
            connection = create_connection((self._host, self._port), self._connect_seconds)
            try:
                connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                if self._secure:
                    return self._tls.wrap_socket(connection, server_hostname=self._host)
            except OSError:
                connection.close()
                raise
        except OSError as error:
            raise NoAnswer(f"no connection ({type(error).__name__})") from error
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _has_something_to_read(connection: socket) -> bool:
    """Between requests a server has nothing to say but that it closes the connection."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _send(connection: socket, head: bytes, body: bytes) -> None:
    if len(body) <= _ONE_WRITE_BYTES:
        connection.sendall(head + body)
    else:
        connection.sendall(head)
        connection.sendall(body)


# --- reading: `OSError` and `ValueError` where it is not HTTP, or ends too early -----------------


def _read_answer(reader: BufferedReader, method: str) -> tuple[HttpAnswer, bool]:
    """The answer, and whether the connection can be used again."""
    status = 0
    while status < 200:  # before that the server only tells that it goes on
        version, status = _read_status(reader)
        headers = _read_headers(reader)
    keeps = version == b"HTTP/1.1" and b"close" not in headers.get(b"connection", b"").lower()
    if method == "HEAD" or status in (204, 304):
        body = b""
    elif headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = b"".join(iter(lambda: _read_chunk(reader), b""))
        _read_headers(reader)  # those behind the body
    elif b"content-length" in headers:
        body = _read_exactly(reader, int(headers[b"content-length"]))
    else:
        body, keeps = reader.read(), False
    return HttpAnswer(status, body), keeps


def _read_status(reader: BufferedReader) -> tuple[bytes, int]:
    version, status, *_ = _read_line(reader).split(None, 2)
    if not version.startswith(b"HTTP/1."):
        raise ValueError("no HTTP")
    return version, int(status)


def _read_headers(reader: BufferedReader) -> dict[bytes, bytes]:
    """Names in lower case."""
    headers: dict[bytes, bytes] = {}
    for _ in range(_MAX_HEADERS):
        line = _read_line(reader)
        if not line:
            return headers
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    raise ValueError("too many headers")


def _read_chunk(reader: BufferedReader) -> bytes:
    """Empty for the last one."""
    size = int(_read_line(reader).partition(b";")[0], 16)
    chunk = _read_exactly(reader, size)
    if size:
        _read_line(reader)
    return chunk


def _read_line(reader: BufferedReader) -> bytes:
    line = reader.readline(_MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise ConnectionError("the answer ends too early, or has no end")
    return line.rstrip(b"\r\n")


def _read_exactly(reader: BufferedReader, size: int) -> bytes:
    if size < 0:
        raise ValueError("a negative size")
    found = reader.read(size)
    if len(found) < size:
        raise ConnectionError("the answer ends too early")
    return found
