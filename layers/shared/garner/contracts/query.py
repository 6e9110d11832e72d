"""Queries as they arrive, in both dialects and both forms (contract 2.1 to 2.3, 2.6, 2.8, 2.11).

What differs between the dialects ends here: a `SearchRequest` has none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from garner import limits
from garner.contracts.query_documents import DELETE_BY_QUERY, READ, SCROLL, SEARCH
from garner.contracts.schema import Schema, read
from garner.domain.query.request import ReadRequest, SearchRequest
from garner.errors import BadRequest, JsonObject

Dialect = Literal["1.0.0", "2017-09-01"]
V1: Dialect = "1.0.0"
LEGACY: Dialect = "2017-09-01"


class QueryParameters(Protocol):
    """How the parse functions read a query string; each raises `ValidationFailed`."""

    def text(self, name: str) -> str | None: ...

    def required(self, name: str) -> str: ...

    def boolean(self, name: str) -> bool: ...

    def names(self, name: str) -> list[str] | None: ...


def search_request_from_parameters(parameters: QueryParameters) -> SearchRequest:
    """The GET form of a search (contract 2.1)."""
    document = {
        "q": parameters.required("q"),
        "advanced": parameters.boolean("advanced"),
        "bypass_visible_to": parameters.boolean("bypass_visible_to"),
        "limit": parameters.text("limit") or None,
        "offset": parameters.text("offset") or None,
        "filter_principal_sets": parameters.names("filter_principal_sets"),
        "fields": parameters.names("fields"),
        "result_format_version": parameters.text("result_format_version") or None,
    }
    return _request(read(SEARCH, document, "query"), V1)


def search_request_from_body(document: JsonObject, default: Dialect = V1) -> SearchRequest:
    """The POST form of a search (contract 2.2); `default` is the dialect without `@version`."""
    return _from_body(SEARCH, document, default)


def scroll_request_from_body(document: JsonObject, default: Dialect = V1) -> SearchRequest:
    """A scroll (contract 2.3); with a marker it must repeat the query that the marker is from."""
    return _from_body(SCROLL, document, default)


def delete_request_from_body(document: JsonObject, default: Dialect = V1) -> SearchRequest:
    """What a delete by query matches (contract 2.11): all filters narrow it, whatever they say."""
    request = _from_body(DELETE_BY_QUERY, document, default)
    return replace(request, filters=[*request.filters, *request.post_filters], post_filters=[])


def read_request_from_parameters(parameters: QueryParameters) -> ReadRequest:
    """The parameters of Subject Show and Entry Show; an empty `entry_id` is the null entry."""
    document = {
        "subject": parameters.required("subject"),
        "entry_id": parameters.text("entry_id") or None,
        "bypass_visible_to": parameters.boolean("bypass_visible_to"),
        "result_format_version": parameters.text("result_format_version") or None,
    }
    return ReadRequest(**read(READ, document, "query"))


_ONLY_V1 = ("q_settings", "post_facet_filters", "fields")


def _from_body(schema: Schema, document: JsonObject, default: Dialect) -> SearchRequest:
    _check_depth(document)
    dialect = _dialect(document.get("@version"), default)
    if dialect == LEGACY:
        document = {key: value for key, value in document.items() if key not in _ONLY_V1}
    return _request(read(schema, document), dialect)


def _dialect(version: object, default: Dialect) -> Dialect:
    """Of versions that are refused later, too."""
    if version is None:
        return default
    return LEGACY if version == LEGACY else V1


def _check_depth(document: JsonObject) -> None:
    """Before reading, which recurses."""
    level: list[Any] = [document.get("filters"), document.get("post_facet_filters")]
    facets = document.get("facets")
    if isinstance(facets, list):
        level += (facet.get("additional_filters") for facet in facets if isinstance(facet, dict))
    for _ in range(limits.MAX_QUERY_DEPTH + 1):
        level = list(_inner_filters(_flat(level)))
        if not level:
            return
    raise BadRequest(f"Filters are nested deeper than {limits.MAX_QUERY_DEPTH} levels")


def _flat(found: Iterable[Any]) -> Iterable[Any]:
    for item in found:
        if isinstance(item, list):
            yield from item
        else:
            yield item


def _inner_filters(filters: Iterable[Any]) -> Iterable[Any]:
    for document in filters:
        if isinstance(document, dict):
            yield from (document[key] for key in ("filter", "filters") if key in document)


def _request(said: JsonObject, dialect: Dialect) -> SearchRequest:
    settings = said.pop("q_settings", {})
    if said.pop("advanced"):
        settings = {"mode": "advanced_query_string"}
    said.pop("@version", None)
    before, after = _split_filters(said.pop("filters"), dialect)
    post_filters = [*after, *_without_post_filter(said.pop("post_facet_filters", []))]
    for facet in said.get("facets", ()):
        facet.setdefault("name", facet["field_name"])
        inner = facet.get("additional_filters", ())
        facet["additional_filters"] = _without_post_filter(inner) if dialect == V1 else []
    return SearchRequest(filters=before, post_filters=post_filters, **settings, **said)


def _split_filters(
    filters: Sequence[JsonObject], dialect: Dialect
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Those that facets respect, and those that they don't (contract 3.6)."""
    before: list[JsonObject] = []
    after: list[JsonObject] = []
    for document in filters:
        default = dialect == LEGACY and document["type"] != "match_all"
        is_post = document.pop("post_filter", default) if dialect == LEGACY else False
        document.pop("post_filter", None)
        (after if is_post else before).append(document)
    return before, after


def _without_post_filter(filters: Iterable[JsonObject]) -> list[JsonObject]:
    return [{key: value for key, value in f.items() if key != "post_filter"} for f in filters]
