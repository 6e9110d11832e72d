"""The guarded fetch: the only way to the internet (visibility and security, Security).

It knows HTTP and nothing else, resolves a name once and connects to the address that was checked,
follows redirects by hand with every hop checked anew, and counts bytes and time as they come. Its
messages hold neither text of an answer nor anything of a URL but scheme, host and path.
"""

import re
import socket
import ssl
import tempfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Timer
from time import monotonic
from typing import Any, BinaryIO, cast
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from garner import limits
from garner.domain.harvest.source import place_of
from garner.errors import SourceFailed
from garner.sources.addresses import Allowed

USER_AGENT = "Garner/1"
_CHUNK = 65_536
_REDIRECTS = {301, 302, 303, 307, 308}
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_LEGAL_URL = re.compile(r"[!-~]+\Z")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class FetchFailed(SourceFailed):
    """`status` is that of an HTTP answer, or None; `wait_seconds` what the server asked for."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        wait_seconds: float = 0.0,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; tests shorten them."""

    connect: float = limits.FETCH_CONNECT_SECONDS
    total: float = limits.FETCH_TOTAL_SECONDS


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """`offset` and `validator` go on with a file (Range and If-Range); `plain` asks for a body
    without Content-Encoding, which is the kind that can be gone on with."""

    url: str
    allow_http: bool = False
    accept: str = "*/*"
    offset: int = 0
    validator: str = ""
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` stands at its start; the caller closes it. Not `complete`: the connection broke after
    these bytes, and `validator` lets the rest be asked for. `offset` is where they begin: 0 where
    the server sent the whole, whatever was asked for."""

    body: BinaryIO
    size: int
    offset: int
    complete: bool
    media_type: str
    validator: str


@dataclass(frozen=True, slots=True)
class GuardedFetch:
    """`get` raises `FetchFailed` for everything that is not a body of data."""

    allowed: Allowed = field(default_factory=Allowed)
    timing: Timing = field(default_factory=Timing)
    ca_file: str | None = None
    resolve: Callable[..., list[Any]] = socket.getaddrinfo

    def get(self, request: FetchRequest) -> Fetched:
        url = _Url.parsed(request.url)
        deadline = monotonic() + self.timing.total
        for _ in range(limits.FETCH_MAX_REDIRECTS + 1):
            if url.scheme != "https" and not (request.allow_http and url.scheme == "http"):
                raise FetchFailed(f"{url} is not an https address, and http is not allowed.")
            headers = _headers(url, request)
            with self._exchange(url, deadline, "GET", headers) as (answer, is_late):
                if answer.status not in _REDIRECTS:
                    return _received(answer, request, url, is_late)
                url = url.redirected(answer.headers.get("Location"))
        raise FetchFailed(f"{url} redirects more than {limits.FETCH_MAX_REDIRECTS} times.")

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of a POST. Only https, no redirects, and nothing of the answer is read.

        Raises `FetchFailed` where there is no answer.
        """
        url = _Url.parsed(address)
        if url.scheme != "https":
            raise FetchFailed(f"{url} is not an https address.")
        deadline = monotonic() + self.timing.total
        sent = {"User-Agent": USER_AGENT, **headers}
        with self._exchange(url, deadline, "POST", sent, body) as (answer, _):
            return answer.status

    @contextmanager
    def _exchange(
        self,
        url: "_Url",
        deadline: float,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Iterator[tuple[urllib3.BaseHTTPResponse, Callable[[], bool]]]:
        """One request on a connection of its own, cut when the time is over: a drip of header
        bytes would satisfy every time-out of a socket."""
        cut = _Cut()
        pool = self._pool(url, cut)
        timer = Timer(max(0.0, deadline - monotonic()), cut.now)
        timer.daemon = True
        timer.start()
        answer = None
        try:
            answer = pool.urlopen(
                method,
                url.target,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=self.timing.connect, read=self.timing.total),
            )
            yield answer, cut.was_made
        except urllib3.exceptions.SSLError as error:
            raise _unreachable(url, cut, "has no certificate that can be trusted") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _unreachable(url, cut, "can't be reached, or broke the connection") from error
        finally:
            timer.cancel()
            if answer is not None:
                answer.close()
            pool.close()
            cut.release()

    def _pool(self, url: "_Url", cut: "_Cut") -> urllib3.HTTPConnectionPool:
        address = self._checked_address(url)
        pool: urllib3.HTTPConnectionPool
        if url.scheme == "http":
            pool = urllib3.HTTPConnectionPool(url.host, url.port)
            pool.ConnectionCls = cast(Any, partial(_PinnedHTTP, address, cut))
        else:
            context = ssl.create_default_context(cafile=self.ca_file)
            pool = urllib3.HTTPSConnectionPool(url.host, url.port, ssl_context=context)
            pool.ConnectionCls = cast(Any, partial(_PinnedHTTPS, address, cut))
        return pool

    def _checked_address(self, url: "_Url") -> tuple[str, int]:
        """The one address to connect to; every address of the name has to be legal."""
        try:
            found = self.resolve(url.host, url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"The host of {url} is unknown.", retryable=True) from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(self.allowed.permits(url.host, each) for each in addresses):
            raise FetchFailed(f"The host of {url} has an address that sources may not use.")
        return addresses[0], url.port


@dataclass(frozen=True, slots=True)
class _Url:
    scheme: str
    host: str
    port: int
    target: str
    credentials: str = ""

    @classmethod
    def parsed(cls, text: str) -> "_Url":
        if not _LEGAL_URL.match(text):
            raise FetchFailed("The address has characters that a URL can't have.")
        try:
            parts = urlsplit(text)
            port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        except ValueError:
            raise FetchFailed("The address is not a URL.") from None
        if not parts.hostname:
            raise FetchFailed("The address has no host.")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port, target, _credentials(parts))

    def redirected(self, location: str | None) -> "_Url":
        """The next hop: never from https to http, and credentials stay on their host."""
        if not location:
            raise FetchFailed(f"{self} redirects to nowhere.")
        base = f"{self.scheme}://{_bracketed(self.host)}:{self.port}{self.target}"
        try:
            joined = urljoin(base, quote(location.strip(), safe=_PRINTABLE))
        except ValueError:
            raise FetchFailed(f"{self} redirects to something that is not a URL.") from None
        hop = _Url.parsed(joined)
        if self.scheme == "https" and hop.scheme != "https":
            raise FetchFailed(f"{self} redirects from https to another scheme.")
        same = (hop.host, hop.port, hop.scheme) == (self.host, self.port, self.scheme)
        credentials = hop.credentials or (self.credentials if same else "")
        return _Url(hop.scheme, hop.host, hop.port, hop.target, credentials)

    def __str__(self) -> str:
        return place_of(f"{self.scheme}://{_bracketed(self.host)}{self.target}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _credentials(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _headers(url: _Url, request: FetchRequest) -> dict[str, str]:
    headers = {
        "Accept": request.accept,
        "Accept-Encoding": "identity" if request.plain or request.offset else "gzip",
        "User-Agent": USER_AGENT,
    }
    if url.credentials:
        headers["Authorization"] = url.credentials
    if request.offset:
        headers["Range"] = f"bytes={request.offset}-"
        headers["If-Range"] = request.validator
    return headers


class _Cut:
    """Ends a connection from another thread."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._made = False

    def watch(self, connected: socket.socket) -> None:
        self._sockets.append(connected)

    def now(self) -> None:
        self._made = True
        for each in self._sockets:
            with suppress(OSError):  # already gone
                each.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        for each in self._sockets:
            each.close()

    def was_made(self) -> bool:
        return self._made


def _connected(connection: HTTPConnection, address: tuple[str, int], cut: _Cut) -> socket.socket:
    connected = socket.create_connection(address, timeout=cast(Any, connection).timeout)
    cut.watch(connected.dup())  # TLS takes the file descriptor out of the first one
    return connected


class _PinnedHTTP(HTTPConnection):
    """Connects to the address that was checked, whatever the name resolves to by now."""

    def __init__(self, address: tuple[str, int], cut: _Cut, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._address, self._cut = address, cut

    def _new_conn(self) -> socket.socket:
        return _connected(self, self._address, self._cut)


class _PinnedHTTPS(HTTPSConnection):
    """The same, with the certificate checked against the original name."""

    def __init__(self, address: tuple[str, int], cut: _Cut, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._address, self._cut = address, cut

    def _new_conn(self) -> socket.socket:
        return _connected(self, self._address, self._cut)


def _unreachable(url: _Url, cut: _Cut, what: str) -> FetchFailed:
    if cut.was_made():
        return FetchFailed(f"{url} took too long to answer.", retryable=True)
    return FetchFailed(f"{url} {what}.", retryable=True)


def _received(
    answer: urllib3.BaseHTTPResponse, request: FetchRequest, url: _Url, is_late: Callable[[], bool]
) -> Fetched:
    offset = _offset(answer, request, url)
    body = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
    try:
        complete = _copied(answer, body, offset, url, is_late)
        size = body.tell()
        body.seek(0)
    except BaseException:
        body.close()
        raise
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Fetched(body, size, offset, complete, media_type, _validator(answer.headers))


def _offset(answer: urllib3.BaseHTTPResponse, request: FetchRequest, url: _Url) -> int:
    """Where the body begins in the file; raises for an answer that has no data."""
    if answer.status == 200:
        return 0
    if answer.status == 206 and request.offset:
        start = answer.headers.get("Content-Range", "").partition("-")[0]
        if start.removeprefix("bytes ").strip() == str(request.offset):
            return request.offset
    wait = answer.headers.get("Retry-After", "")
    raise FetchFailed(
        f"{url} answers with HTTP status {answer.status}.",
        retryable=answer.status in _PASSING or answer.status in (206, 416),
        status=answer.status,
        wait_seconds=min(float(wait), 600.0) if wait.isascii() and wait.isdigit() else 0.0,
    )


def _copied(
    answer: urllib3.BaseHTTPResponse,
    body: BinaryIO,
    offset: int,
    url: _Url,
    is_late: Callable[[], bool],
) -> bool:
    """Whether the whole body came. False only where the rest can be asked for."""
    unpacked = _Unpacked(answer.headers.get("Content-Encoding", ""), url)
    received = offset
    try:
        for chunk in answer.stream(_CHUNK, decode_content=False):
            received += len(chunk)
            if received > limits.FETCH_MAX_BYTES:
                raise FetchFailed(f"{url} sends more than {limits.FETCH_MAX_BYTES:,} bytes.")
            unpacked.write(chunk, body)
        broken = is_late()
    except (urllib3.exceptions.HTTPError, OSError):
        broken = True
    if not broken:
        unpacked.finish()
        return True
    can_go_on = _validator(answer.headers) and unpacked.is_identity
    if can_go_on and body.tell() >= limits.FETCH_MIN_PIECE_BYTES:
        return False
    text = "took too long to send its answer" if is_late() else "broke off in the middle"
    raise FetchFailed(f"{url} {text}.", retryable=True)


def _validator(headers: Mapping[str, str]) -> str:
    """What If-Range takes: a strong ETag, else the date of the last change."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


class _Unpacked:
    """Takes off one layer of Content-Encoding, within the limits."""

    def __init__(self, encoding: str, url: _Url) -> None:
        self._url = url
        name = encoding.strip().lower()
        self.is_identity = name in ("", "identity")
        if not self.is_identity and name not in ("gzip", "x-gzip", "deflate"):
            raise FetchFailed(f"{url} answers in an encoding that was not asked for.")
        self._inflate = None if self.is_identity else zlib.decompressobj(32 + zlib.MAX_WBITS)
        self._taken = self._given = 0

    def write(self, chunk: bytes, body: BinaryIO) -> None:
        if self._inflate is None:
            body.write(chunk)
            return
        self._taken += len(chunk)
        while chunk:
            try:
                data = self._inflate.decompress(chunk, _CHUNK)
            except zlib.error:
                raise FetchFailed(f"{self._url} sends a broken gzip encoding.") from None
            self._given += len(data)
            self._check()
            body.write(data)
            chunk = self._inflate.unconsumed_tail
        if self._inflate.unused_data:
            raise FetchFailed(f"{self._url} sends a broken gzip encoding.")

    def _check(self) -> None:
        if self._given > limits.FETCH_MAX_EXPANDED_BYTES:
            size = limits.FETCH_MAX_EXPANDED_BYTES
            raise FetchFailed(f"{self._url} expands to more than {size:,} bytes.")
        ratio = limits.FETCH_MAX_RATIO
        if self._given > max(limits.FETCH_RATIO_FREE_BYTES, self._taken * ratio):
            raise FetchFailed(f"{self._url} expands to more than {ratio} times its size.")

    def finish(self) -> None:
        if self._inflate is not None and not self._inflate.eof:
            raise FetchFailed(f"{self._url} broke off in the middle.", retryable=True)
