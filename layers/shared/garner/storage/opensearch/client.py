"""The engine over HTTP: explicit time-outs, no retries of its own.

Callers get status and body; what a status means is decided by each adapter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import orjson

from garner.errors import JsonObject, QueryTimeout, Unavailable
from garner.storage.http import NoAnswer, NoAnswerInTime, Origin

CONNECT_SECONDS = 3.0


class Signer(Protocol):
    """Adds what the engine wants to see as authentication."""

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    status: int
    body: bytes

    def json(self) -> JsonObject:
        answer = orjson.loads(self.body)
        assert isinstance(answer, dict)
        return answer

    @property
    def ok(self) -> bool:
        return self.status < 300


class EngineClient:
    """`request` raises `Unavailable` if no answer came, `QueryTimeout` if it took too long."""

    def __init__(self, url: str, signer: Signer | None = None, connections: int = 8) -> None:
        self._url = url.rstrip("/")
        self._prefix = urlsplit(self._url).path
        self._signer = signer
        self._origin = Origin(self._url, connect_seconds=CONNECT_SECONDS, kept=connections)

    def request(
        self,
        method: str,
        path: str,
        body: JsonObject | bytes | None = None,
        *,
        timeout: float = 30.0,
        content_type: str = "application/json",
        encoding: str | None = None,
    ) -> EngineAnswer:
        data = orjson.dumps(body) if isinstance(body, dict) else body
        headers = {} if data is None else {"Content-Type": content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
        if self._signer:
            headers.update(self._signer.headers(method, self._url + path, data or b""))
        try:
            answer = self._origin.request(
                method, self._prefix + path, data, headers, timeout=timeout
            )
        except NoAnswerInTime as error:
            raise QueryTimeout(f"The search engine did not answer within {timeout:g} s.") from error
        except NoAnswer as error:
            raise Unavailable("The search engine can't be reached; try again.") from error
        return EngineAnswer(answer.status, answer.body)

    def close(self) -> None:
        self._origin.close()
