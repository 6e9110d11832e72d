"""Writing to OpenSearch: the one place that calls `_bulk`, and the reads that writing needs."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from garner.domain import documents as doc
from garner.errors import JsonObject, NoSuchIndex, Unavailable
from garner.ports.engine_writer import (
    AliasMissing,
    BulkTooLarge,
    ItemResult,
    StoredDocument,
    Write,
)
from garner.storage.opensearch.client import EngineAnswer, EngineClient

_BLOCKED: Final = "cluster_block_exception"
_PASSING: Final = frozenset({403, 429, 500, 502, 503, 504})
"""Of an item: load, a lost shard, a blocked cluster. Its document is not to blame."""


class OpenSearchWriter:
    """Implements `garner.ports.engine_writer.EngineWriter`.

    `compress` pays where the engine is not on the same machine. The client repeats nothing, and
    waits for no request longer than `request_seconds`.
    """

    def __init__(
        self, client: EngineClient, *, request_seconds: float = 30.0, compress: bool = False
    ) -> None:
        self._client = client
        self._seconds = request_seconds
        self._compress = compress

    def bulk(self, index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        answer = self._send_bulk(index_id, b"".join(_lines(writes)))
        if answer.status == 413:
            raise BulkTooLarge
        if not answer.ok:
            raise _refusal(answer, index_id)
        if answer.body.startswith(b'{"took"') and b'"errors":false' in answer.body[:80]:
            return [ItemResult.APPLIED] * len(writes)
        return [_result(item, index_id) for item in answer.json()["items"]]

    def _send_bulk(self, index_id: str, lines: bytes) -> EngineAnswer:
        return self._client.request(
            "POST",
            f"/{doc.write_alias(index_id)}/_bulk?require_alias=true&filter_path={_BULK_ANSWER}",
            gzip.compress(lines, 1) if self._compress else lines,
            timeout=self._seconds,
            content_type="application/x-ndjson",
            encoding="gzip" if self._compress else None,
        )

    def read(
        self, index_id: str, document_ids: Sequence[str], build: int | None = None
    ) -> dict[str, StoredDocument]:
        answer = self._ask(index_id, build, "/_mget", {"ids": list(document_ids)})
        found = {}
        for each in answer["docs"]:
            if "error" in each:
                if each["error"]["type"] == "index_not_found_exception":
                    raise NoSuchIndex(index_id)
                raise Unavailable("The search engine can't read a document now; try again.")
            if each["found"]:
                found[each["_id"]] = StoredDocument(each["_version"], each["_source"])
        return found

    def refresh(self, index_id: str, build: int | None = None) -> None:
        if self._ask(index_id, build, "/_refresh")["_shards"]["failed"]:
            raise Unavailable("The search engine could not refresh the index; try again.")

    def matching(
        self,
        index_id: str,
        query: Mapping[str, object],
        *,
        slot: int,
        after: str | None,
        size: int,
        build: int | None = None,
    ) -> list[str]:
        live = {"bool": {"filter": [{"term": {doc.LIVE: True}}, query]}}
        mine = {"bool": {"filter": [{"term": {doc.LIVE: False}}, {"term": {doc.SLOT: slot}}]}}
        body: JsonObject = {
            "size": size,
            "query": {"bool": {"should": [live, mine], "minimum_should_match": 1}},
            "sort": [{doc.SUBJECT: "asc"}],
            "_source": [doc.SUBJECT],
            "track_total_hits": False,
        }
        if after is not None:
            body["search_after"] = [after]
        hits = self._search(index_id, build, body)
        return [hit["_source"][doc.SUBJECT] for hit in hits]

    def tombstones(self, index_id: str, size: int) -> list[tuple[str, int]]:
        body: JsonObject = {
            "size": size,
            "version": True,
            "query": {
                "bool": {"filter": [{"term": {doc.LIVE: False}}, {"exists": {"field": doc.SLOT}}]}
            },
            "sort": [{doc.SLOT: "asc"}],
            "_source": False,
        }
        hits = self._search(index_id, None, body)
        return [(hit["_id"], hit["_version"]) for hit in hits]

    def _search(self, index_id: str, build: int | None, body: JsonObject) -> list[JsonObject]:
        path = "/_search?allow_partial_search_results=false"
        answer = self._ask(index_id, build, path, body)
        if answer["timed_out"]:
            raise Unavailable("The search engine did not answer in time; try again.")
        hits: list[JsonObject] = answer["hits"]["hits"]
        return hits

    def _ask(
        self, index_id: str, build: int | None, path: str, body: JsonObject | None = None
    ) -> JsonObject:
        name = doc.write_alias(index_id)
        if build is not None:
            name = doc.physical_index(index_id, build)
        answer = self._client.request("POST", f"/{name}{path}", body, timeout=self._seconds)
        if answer.status == 404:
            raise NoSuchIndex(index_id)
        if not answer.ok:
            raise Unavailable("The search engine can't do this now; try again.")
        return answer.json()


_BULK_ANSWER: Final = "took,errors,items.*.status,items.*.error.type"


def _lines(writes: Sequence[Write]) -> Iterator[bytes]:
    for write in writes:
        head = b'{"%b":{"_id":"%b","version":%d,"version_type":"external_gte"}}\n' % (
            b"delete" if write.body is None else b"index",
            write.document_id.encode(),
            write.version,
        )
        yield head
        if write.body is not None:
            yield write.body
            yield b"\n"


def _result(item: JsonObject, index_id: str) -> ItemResult:
    ((_, outcome),) = item.items()
    status: int = outcome["status"]
    kind = outcome.get("error", {}).get("type", "")
    if status < 300 or (status == 404 and not kind):  # a delete of what is not there
        return ItemResult.APPLIED
    if status == 409:
        return ItemResult.SUPERSEDED
    if status == 404:
        raise AliasMissing(index_id)
    if status in _PASSING or kind == _BLOCKED:
        return ItemResult.RETRYABLE
    return ItemResult.REJECTED


def _refusal(answer: EngineAnswer, index_id: str) -> Exception:
    """Of a whole request. Our lines are well-formed: a 400 is a broken path, not a document."""
    if answer.status == 404:
        return AliasMissing(index_id)
    return Unavailable("The search engine refuses writes now; try again.")
