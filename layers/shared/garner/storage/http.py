"""HTTP/1.1 to a server that Garner trusts (the engine, AWS), over connections that are kept.

Built on `http.client`: urllib3 does not do more for us, and costs every cold start 40 ms of CPU
(docs/adr/0016). What users name is fetched by `garner.sources.fetch` and by nothing else.
"""

import select
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection, InvalidURL
from urllib.parse import urlsplit

IDLE_SECONDS = 20.0
"""Below what load balancers and AWS wait before they drop a silent connection. By the clock of the
wall: a function that was frozen in between finds its connections too old."""


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
        self._port = parts.port
        self._connect_seconds = connect_seconds
        self._kept = kept
        self._idle: list[tuple[float, HTTPConnection]] = []  # append and pop are atomic

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
        connection = self._idle_connection() or self._connect()
        connection.sock.settimeout(timeout)
        found = None
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            found = HttpAnswer(answer.status, answer.read())
        except InvalidURL:  # ours to mend, not the server's
            raise
        except TimeoutError as error:
            raise NoAnswerInTime("no answer in time") from error
        except (OSError, HTTPException) as error:
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from error
        finally:
            if found is None:
                connection.close()
        if answer.will_close or len(self._idle) >= self._kept:
            connection.close()
        else:
            self._idle.append((time.time(), connection))
        return found

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    __del__ = close

    def _idle_connection(self) -> HTTPConnection | None:
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

    def _connect(self) -> HTTPConnection:
        connection = (
            HTTPSConnection(
                self._host, self._port, timeout=self._connect_seconds, context=self._tls
            )
            if self._secure
            else HTTPConnection(self._host, self._port, timeout=self._connect_seconds)
        )
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NoAnswer(f"no connection ({type(error).__name__})") from error
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _has_something_to_read(connection: HTTPConnection) -> bool:
    """Between requests a server has nothing to say but that it closes the connection."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
