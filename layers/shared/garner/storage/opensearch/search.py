"""The engine as readers see it: searches and reads by id through the read alias."""

import re
import time
from collections.abc import Sequence

from garner import limits
from garner.domain.documents import META_KEY, document_id, read_alias
from garner.domain.fields import Schema
from garner.errors import (
    BadRequest,
    GarnerError,
    JsonObject,
    NoSuchIndex,
    QueryTimeout,
    Unavailable,
)
from garner.storage.opensearch.client import EngineAnswer, EngineClient

SCHEMA_SECONDS = 5.0
_MARGIN_SECONDS = 2.0  # what the engine may take to say that it gave up
_INDEX_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_TIMED_OUT = re.compile(rb"timeout|timed out|time exceeded|task_cancelled_exception", re.IGNORECASE)


class OpenSearchReader:
    """Implements `garner.ports.engine.SearchReader`."""

    def __init__(
        self, client: EngineClient, *, budget_seconds: float = limits.QUERY_BUDGET_SECONDS
    ) -> None:
        self._client = client
        self._timeout = budget_seconds + _MARGIN_SECONDS
        self._budget = f"{int(budget_seconds * 1000)}ms"
        self._schemas: dict[str, tuple[float, Schema]] = {}

    def schema(self, index_id: str, *, fresh: bool = False) -> Schema:
        known = self._schemas.get(index_id)
        if known is not None and not fresh and time.monotonic() < known[0]:
            return known[1]
        path = f"/{_alias(index_id)}/_mapping?filter_path=*.mappings._meta"
        mappings = self._answer(index_id, self._request("GET", path)).values()
        # Two builds share the alias for no longer than it takes to move it: either is right.
        meta = next(iter(mappings))["mappings"]["_meta"]
        schema = Schema.from_json(meta[META_KEY])
        self._schemas[index_id] = (time.monotonic() + SCHEMA_SECONDS, schema)
        return schema

    def search(self, index_id: str, body: JsonObject) -> JsonObject:
        path = (
            f"/{_alias(index_id)}/_search?allow_partial_search_results=false"
            f"&cancel_after_time_interval={self._budget}"
        )
        sent = {**body, "timeout": self._budget}
        answer = self._answer(index_id, self._request("POST", path, sent))
        if answer["timed_out"]:
            raise QueryTimeout("The query took too long and was stopped; make it more specific.")
        return answer

    def documents(self, index_id: str, subjects: Sequence[str]) -> list[JsonObject | None]:
        ids = [document_id(subject) for subject in subjects]
        answer = self._request("POST", f"/{_alias(index_id)}/_mget", {"ids": ids})
        found = self._answer(index_id, answer)["docs"]
        if any("error" in document for document in found):
            raise _error(index_id, 200, answer.body)  # the engine tells of each document by itself
        return [document["_source"] if document["found"] else None for document in found]

    def _request(self, method: str, path: str, body: JsonObject | None = None) -> EngineAnswer:
        return self._client.request(method, path, body, timeout=self._timeout)

    def _answer(self, index_id: str, answer: EngineAnswer) -> JsonObject:
        if answer.ok:
            return answer.json()
        raise _error(index_id, answer.status, answer.body)


def _alias(index_id: str) -> str:
    """Nothing but a UUID gets into a path: the engine would take `*` for all indexes."""
    if not _INDEX_ID.match(index_id):
        raise NoSuchIndex(index_id)
    return read_alias(index_id)


def _error(index_id: str, status: int, body: bytes) -> GarnerError:
    """What the engine refused, in our words. Its own never leave this module: they quote values."""
    if b'"index_not_found_exception"' in body:
        return NoSuchIndex(index_id)
    if b'"too_many_buckets_exception"' in body:  # comes as 503, and no later try would help
        return BadRequest("The facets have too many buckets; use smaller or coarser ones")
    if _TIMED_OUT.search(body):
        return QueryTimeout("The query took too long and was stopped; make it more specific.")
    if status in (400, 413):
        return BadRequest("The query is too complex, or holds a shape that is not valid")
    return Unavailable("The search engine is not ready; try again.")
