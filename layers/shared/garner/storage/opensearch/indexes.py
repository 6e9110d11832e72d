"""The engine's side of an index on OpenSearch: builds, aliases, mapping, cursor document."""

import time
from collections.abc import Mapping
from typing import Any, Final

from garner import limits
from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.errors import JsonObject, NoSuchIndex, QueryTimeout, Unavailable
from garner.ports.engine_indexes import IndexStats, MappingRefused
from garner.storage.opensearch.client import EngineAnswer, EngineClient
from garner.storage.opensearch.mappings import addition_for, mapping_for, settings_for

_LIVE_ONLY: Final = {"filter": {"term": {doc.LIVE: True}}}
_REQUEST_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.5


class OpenSearchIndexes:
    """Implements `garner.ports.engine_indexes.EngineIndexes`.

    What the engine answers apart from success is one of three things: the name is not there
    (`NoSuchIndex`), it definitely refuses a mapping (`MappingRefused`), or something that passes
    or that an operator has to mend (`Unavailable`). Its texts stay in here.
    """

    def __init__(self, client: EngineClient, shards: int = 1) -> None:
        self._client = client
        self._shards = shards

    # --- life of an index ------------------------------------------------------------------------

    def create(self, index_id: str, build: int, schema: Schema) -> None:
        body = {**self._definition(schema), "aliases": _aliases(index_id)}
        self._create(index_id, doc.physical_index(index_id, build), body)

    def remove_aliases(self, index_id: str) -> None:
        names = [doc.read_alias(index_id), doc.write_alias(index_id)]
        self._move(
            index_id,
            [
                {"remove": {"index": physical, "aliases": names, "must_exist": False}}
                for physical in self._builds(index_id)
            ],
        )

    def restore_aliases(self, index_id: str, build: int) -> None:
        self._move(index_id, _additions(index_id, doc.physical_index(index_id, build)))

    def drop(self, index_id: str) -> None:
        self._drop(index_id, self._builds(index_id))

    # --- fields ----------------------------------------------------------------------------------

    def put_fields(
        self, index_id: str, new_fields: Mapping[str, FieldType], schema: Schema
    ) -> None:
        answer = self._send(
            "PUT", f"/{doc.write_alias(index_id)}/_mapping", addition_for(new_fields, schema)
        )
        if answer.status == 400:
            raise MappingRefused(f"{len(new_fields)} new fields of index {index_id}")
        self._acknowledged(answer, index_id)

    def schema(self, index_id: str) -> Schema:
        path = f"/{doc.write_alias(index_id)}/_mapping?filter_path=*.mappings._meta"
        answer = _expect(self._send("GET", path), index_id)
        (index,) = answer.values()
        return Schema.from_json(index["mappings"]["_meta"][doc.META_KEY])

    # --- what is in it ---------------------------------------------------------------------------

    def stats(self, index_id: str) -> IndexStats:
        # The engine caches an answer without hits until the next refresh.
        alias = doc.read_alias(index_id)
        body: JsonObject = {
            "size": 0,
            "track_total_hits": True,
            "aggs": {doc.ENTRIES: {"nested": {"path": doc.ENTRIES}}},
        }
        path = f"/{alias}/_search?request_cache=true&allow_partial_search_results=false"
        found = _expect(self._send("POST", path, body), index_id)
        sizes = _expect(self._send("GET", f"/{alias}/_stats/store"), index_id)
        return IndexStats(
            num_subjects=found["hits"]["total"]["value"],
            num_entries=found["aggregations"][doc.ENTRIES]["doc_count"],
            size_in_bytes=sizes["_all"]["primaries"]["store"]["size_in_bytes"],
        )

    def refresh(self, index_id: str) -> None:
        self._refresh(index_id, doc.write_alias(index_id))

    def write_cursor(self, index_id: str, applied: int) -> None:
        version = applied << limits.VERSION_BITS
        answer = self._send(
            "PUT",
            f"/{doc.write_alias(index_id)}/_doc/{doc.CURSOR_ID}"
            f"?version={version}&version_type=external_gte&require_alias=true",
            {doc.LIVE: False, doc.APPLIED: applied},
        )
        if answer.status != 409:  # a later one is there
            _expect(answer, index_id)

    def cursor(self, index_id: str) -> int:
        answer = self._send("GET", f"/{doc.write_alias(index_id)}/_doc/{doc.CURSOR_ID}")
        if answer.status == 404 and answer.json().get("found") is False:
            return 0
        applied: int = _expect(answer, index_id)["_source"][doc.APPLIED]
        return applied

    def highest_version(self, index_id: str) -> int:
        self.refresh(index_id)
        highest, after = 0, None
        while hits := self._versions(index_id, after):
            highest = max(highest, *(hit["_version"] for hit in hits))
            after = hits[-1]["sort"]
        return highest

    def _versions(self, index_id: str, after: Any) -> list[Any]:
        body: JsonObject = {
            "size": limits.MAX_RESULT_WINDOW,
            "version": True,
            "_source": False,
            "query": {"exists": {"field": doc.SUBJECT}},
            "sort": [{doc.SUBJECT: "asc"}],
            "track_total_hits": False,
            **({"search_after": after} if after else {}),
        }
        path = f"/{doc.write_alias(index_id)}/_search?allow_partial_search_results=false"
        hits: list[Any] = _expect(self._send("POST", path, body), index_id)["hits"]["hits"]
        return hits

    # --- rebuild ---------------------------------------------------------------------------------

    def rebuild(self, index_id: str, build: int, schema: Schema) -> None:
        target = doc.physical_index(index_id, build)
        old = [name for name in self._builds(index_id) if name != target]
        source = self._written_build(index_id)
        if source != target:
            self._drop(index_id, [target])  # what an attempt that died has left
            self._create(index_id, target, self._definition(schema))
            self._copy(index_id, source, target)
            removals = [{"remove": {"index": source, "alias": a}} for a in _aliases(index_id)]
            self._move(index_id, [*removals, *_additions(index_id, target)])
        self._drop(index_id, old)

    def _copy(self, index_id: str, source: str, target: str) -> None:
        """Without a limit on its time: the engine copies, we ask whether it is done."""
        self._refresh(index_id, source)
        body: JsonObject = {
            "source": {"index": source, "size": limits.BULK_OPERATIONS},
            "dest": {"index": target, "version_type": "external"},
        }
        copying = self._send("POST", "/_reindex?wait_for_completion=false", body)
        task = _expect(copying, index_id)["task"]
        while not self._is_over(task):
            time.sleep(_POLL_SECONDS)
        self._refresh(index_id, target)
        if self._count(index_id, source) != self._count(index_id, target):
            raise Unavailable("The copy into a new build of the index did not succeed.")

    def _is_over(self, task: str) -> bool:
        answer = self._send("GET", f"/_tasks/{task}")
        if answer.status == 400:  # osmem knows no tasks: it had copied before it answered
            return True
        if not answer.ok:
            raise Unavailable("The engine lost the copy into a new build; begin it again.")
        return bool(answer.json()["completed"])

    def _count(self, index_id: str, physical: str) -> int:
        counted: int = _expect(self._send("GET", f"/{physical}/_count"), index_id)["count"]
        return counted

    # --- what all of it is made of ---------------------------------------------------------------

    def _send(self, method: str, path: str, body: JsonObject | None = None) -> EngineAnswer:
        try:
            return self._client.request(method, path, body, timeout=_REQUEST_SECONDS)
        except QueryTimeout as error:
            raise Unavailable("The search engine did not answer in time; try again.") from error

    def _create(self, index_id: str, physical: str, body: JsonObject) -> None:
        answer = self._send("PUT", f"/{physical}", body)
        if not _already_exists(answer):
            self._acknowledged(answer, index_id)

    def _drop(self, index_id: str, physical: list[str]) -> None:
        if physical:
            path = f"/{','.join(physical)}?ignore_unavailable=true"
            self._acknowledged(self._send("DELETE", path), index_id)

    def _move(self, index_id: str, actions: list[JsonObject]) -> None:
        """All alias actions in one step of the engine."""
        if actions:
            self._acknowledged(self._send("POST", "/_aliases", {"actions": actions}), index_id)

    def _refresh(self, index_id: str, name: str) -> None:
        shards = _expect(self._send("POST", f"/{name}/_refresh"), index_id)["_shards"]
        if shards["failed"]:
            raise Unavailable("The search engine could not refresh the index; try again.")

    def _builds(self, index_id: str) -> list[str]:
        answer = self._send("GET", f"/{doc.read_alias(index_id)}-*/_alias")
        return sorted(_expect(answer, index_id))

    def _written_build(self, index_id: str) -> str:
        answer = self._send("GET", f"/_alias/{doc.write_alias(index_id)}")
        (physical,) = _expect(answer, index_id)
        return physical

    def _definition(self, schema: Schema) -> JsonObject:
        return {"settings": {"index": settings_for(self._shards)}, "mappings": mapping_for(schema)}

    def _acknowledged(self, answer: EngineAnswer, index_id: str) -> None:
        if not _expect(answer, index_id)["acknowledged"]:
            raise Unavailable("The search engine did not confirm the change; try again.")


def _expect(answer: EngineAnswer, index_id: str) -> JsonObject:
    """The body of a success; everything else becomes an error of ours."""
    if answer.ok:
        return answer.json()
    if answer.status == 404:
        raise NoSuchIndex(index_id)
    raise Unavailable("The search engine can't do this now; try again.")


def _already_exists(answer: EngineAnswer) -> bool:
    if answer.status != 400:
        return False
    error: Any = answer.json().get("error")
    return isinstance(error, dict) and error.get("type") == "resource_already_exists_exception"


def _aliases(index_id: str) -> dict[str, JsonObject]:
    return {
        doc.read_alias(index_id): _LIVE_ONLY,
        doc.write_alias(index_id): {"is_write_index": True},
    }


def _additions(index_id: str, physical: str) -> list[JsonObject]:
    return [
        {"add": {"index": physical, "alias": alias, **options}}
        for alias, options in _aliases(index_id).items()
    ]
