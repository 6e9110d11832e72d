"""A collection of entries in an engine, as ingest would store them, and searches in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import orjson

from garner.contracts.query import scroll_request_from_body, search_request_from_body
from garner.domain import documents as doc
from garner.domain.content import CheckedContent, Checker
from garner.domain.documents import principal_set_term
from garner.domain.fields import FieldType, Schema
from garner.domain.principals import ANONYMOUS, SCOPE_ALL, Caller
from garner.errors import JsonObject
from garner.services.scroll import scroll
from garner.services.search import search
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from garner.storage.opensearch.search import OpenSearchReader

KEY = b"0123456789abcdef0123456789abcdef"


def identity(number: int) -> str:
    return f"urn:globus:auth:identity:00000000-0000-4000-8000-{number:012x}"


def group(number: int) -> str:
    return f"urn:globus:groups:id:00000000-0000-4000-8000-{number:012x}"


def caller(number: int, *groups: int, linked: Sequence[int] = ()) -> Caller:
    return Caller(
        identity=identity(number),
        identities=frozenset(map(identity, (number, *linked))),
        groups=frozenset(map(group, groups)),
        scopes=frozenset((SCOPE_ALL,)),
    )


def entry(
    content: JsonObject,
    *,
    visible_to: Sequence[str] = ("public",),
    entry_id: str | None = None,
    principal_sets: Mapping[str, Sequence[str]] | None = None,
) -> JsonObject:
    """An entry as a caller would ingest it."""
    return {
        "id": entry_id,
        "visible_to": list(visible_to),
        "principal_sets": principal_sets or {},
        "content": content,
    }


def stored_subject(subject: str, entries: Sequence[JsonObject], checker: Checker) -> JsonObject:
    return {
        doc.SUBJECT: subject,
        doc.LIVE: True,
        doc.ENTRIES: [_stored_entry(said, checker) for said in entries],
    }


def _stored_entry(said: JsonObject, checker: Checker) -> JsonObject:
    checked = checker.check(said["content"])
    assert isinstance(checked, CheckedContent), checked
    stored: JsonObject = {doc.VISIBLE_TO: said["visible_to"], doc.CONTENT: checked.indexed}
    if said["id"] is not None:
        stored[doc.ENTRY_ID] = said["id"]
    if checked.differs:
        stored[doc.ORIGINAL] = said["content"]
    if said["principal_sets"]:
        stored[doc.PRINCIPAL_SETS] = [
            principal_set_term(name, principal)
            for name, principals in said["principal_sets"].items()
            for principal in principals
        ]
    return stored


class StoppedClock:
    """`garner.ports.clock.Clock` that only tests move."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now_seconds = now

    def seconds(self) -> float:
        return self.now_seconds


@dataclass
class Collection:
    """Subjects in an index of their own. `declared` has the engine paths of geo fields."""

    engine: EngineClient
    index_id: str
    subjects: Mapping[str, Sequence[JsonObject]]
    declared: Mapping[str, FieldType] = field(default_factory=dict)
    clock: Any = field(default_factory=StoppedClock)

    def __post_init__(self) -> None:
        self.indexes = OpenSearchIndexes(self.engine)
        self.reader = OpenSearchReader(self.engine)
        self.schema = Schema()
        self.indexes.create(self.index_id, 1, self.schema)
        self.add(self.subjects, self.declared)

    def add(
        self,
        subjects: Mapping[str, Sequence[JsonObject]],
        declared: Mapping[str, FieldType] | None = None,
    ) -> None:
        """As a task that is SUCCESS: fields bound, documents written, refreshed."""
        checker = Checker(self.schema, declared or {})
        documents = [stored_subject(*subject, checker) for subject in subjects.items()]
        has_ids = any(said["id"] is not None for said in chain(*subjects.values()))
        self.schema = Schema(
            fields={**self.schema.fields, **checker.new_fields},
            multi_entry=self.schema.multi_entry or has_ids,
            version=self.schema.version + 1,
        )
        self.indexes.put_fields(self.index_id, checker.new_fields, self.schema)
        lines = [line for document in documents for line in self._lines(document)]
        if lines:
            body = b"\n".join(lines) + b"\n"
            answer = self.engine.request(
                "POST", "/_bulk?refresh=true", body, content_type="application/x-ndjson"
            )
            assert not answer.json()["errors"], answer.body
        self.indexes.refresh(self.index_id)

    def _lines(self, document: JsonObject) -> list[bytes]:
        target = {
            "_index": doc.write_alias(self.index_id),
            "_id": doc.document_id(document[doc.SUBJECT]),
        }
        return [orjson.dumps({"index": target}), orjson.dumps(document)]

    def search(
        self, body: JsonObject, by: Caller = ANONYMOUS, roles: Sequence[str] = ()
    ) -> JsonObject:
        """The answer to POST search."""
        request = search_request_from_body(body)
        answer = search(self.index_id, by, request, reader=self.reader, roles=lambda: roles)
        return dict(orjson.loads(answer))

    def scroll(
        self, body: JsonObject, by: Caller = ANONYMOUS, roles: Sequence[str] = ()
    ) -> JsonObject:
        answer = scroll(
            self.index_id,
            by,
            scroll_request_from_body(body),
            reader=self.reader,
            roles=lambda: roles,
            clock=self.clock,
            signing_keys=(KEY,),
        )
        return dict(orjson.loads(answer))

    def found(self, *filters: JsonObject, by: Caller = ANONYMOUS, **body: Any) -> list[str]:
        """The subjects that these filters find, in order of subject."""
        query = {"q": "*", "limit": 1000, "filters": list(filters), **body}
        return subjects_of(self.search(query, by))

    def facet(self, by: Caller = ANONYMOUS, roles: Sequence[str] = (), **facet: Any) -> Any:
        """The buckets of a facet over everything as pairs, or its value."""
        (result,) = self.search({"q": "*", "limit": 0, "facets": [facet]}, by, roles)[
            "facet_results"
        ]
        if "buckets" in result:
            return [(bucket["value"], bucket["count"]) for bucket in result["buckets"]]
        return result.get("value", result.get("approximate_value"))


def subjects_of(answer: JsonObject) -> list[str]:
    return [result["subject"] for result in answer["gmeta"]]
