"""One HTTP client for the engine: a pool, explicit time-outs, no retries of its own.

Built on urllib3 because importing an engine library costs a cold start more than the whole rest of
a search (docs/adr). Callers get status and body; what a status means is decided by each adapter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson
import urllib3

from garner.errors import JsonObject, QueryTimeout, Unavailable

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
        self._signer = signer
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, block=False)

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
        url = self._url + path
        headers = {"Accept-Encoding": "gzip"}
        if data is not None:
            headers["Content-Type"] = content_type
        if encoding:
            headers["Content-Encoding"] = encoding
        if self._signer:
            headers.update(self._signer.headers(method, url, data or b""))
        try:
            answer = self._pool.request(
                method,
                url,
                body=data,
                headers=headers,
                redirect=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout),
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            raise QueryTimeout(f"The search engine did not answer within {timeout:g} s.") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The search engine can't be reached; try again.") from error
        return EngineAnswer(answer.status, answer.data)

    def close(self) -> None:
        self._pool.clear()
