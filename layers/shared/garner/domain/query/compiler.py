"""A request as one search of the engine, in pure stages: visibility → filters → text → facets →
sort → page (house style 9).

Only the functions without an underscore are for others; each of them applies visibility. Every
condition holds for one entry, together (contract 8.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from garner.domain.documents import LIVE
from garner.domain.fields import Schema, engine_path, parse_contract_path
from garner.domain.query.clauses import MATCH_ALL, all_of, for_one_entry, visibility_clauses
from garner.domain.query.facets import CompiledFacets, compile_facets
from garner.domain.query.filters import compile_filters
from garner.domain.query.order import BY_RELEVANCE, BY_SUBJECT, compile_sort
from garner.domain.query.request import SearchRequest
from garner.domain.query.scope import Scope
from garner.domain.query.text import compile_text, parse_text
from garner.domain.visibility import Visibility
from garner.errors import JsonObject

_IS_LIVE: JsonObject = {"term": {LIVE: True}}


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    """`body` is the search; `facets` reads its aggregations. What could not be applied to a field,
    or names an unknown one, is in `scope`."""

    body: JsonObject
    scope: Scope
    facets: CompiledFacets | None = None


@dataclass(frozen=True, slots=True)
class _Conditions:
    """What one entry has to pass: `matching` counts for facets, `narrowing` for results alone.
    `text` scores, and is None where there is nothing to score by."""

    seen: list[JsonObject]
    matching: list[JsonObject]
    narrowing: list[JsonObject]
    text: JsonObject | None


def compile_search(
    request: SearchRequest, visibility: Visibility, schema: Schema
) -> CompiledSearch:
    """Raises `BadRequest` for text that does not parse, and where a limit is exceeded."""
    scope = Scope(schema)
    conditions = _conditions(request, visibility, scope)
    body = _page(request)
    facets = None
    if request.facets:
        counted = [*conditions.matching, *_present(conditions.text)]
        has_post_filters = bool(conditions.narrowing)
        facets = compile_facets(request.facets, counted, scope, has_post_filters=has_post_filters)
        body["aggs"] = facets.aggregations
        if has_post_filters:
            body["post_filter"] = for_one_entry(all_of([*counted, *conditions.narrowing]))
            conditions = _without_narrowing(conditions)
    if request.sort:
        body["sort"] = compile_sort(request.sort, conditions.seen, scope)
    else:
        body["sort"] = [*([BY_RELEVANCE] if conditions.text else []), BY_SUBJECT]
    body["query"] = _query(conditions, scored=not request.sort)
    return CompiledSearch(body, scope, facets)


def compile_scroll(
    request: SearchRequest, visibility: Visibility, schema: Schema, *, size: int, after: str | None
) -> CompiledSearch:
    """A page of subjects in ascending order, those behind `after`."""
    scope = Scope(schema)
    conditions = _conditions(request, visibility, scope)
    body: JsonObject = {
        "size": size,
        "track_total_hits": True,
        "sort": [BY_SUBJECT],
        "query": _query(conditions, scored=False),
    }
    if after is not None:
        body["search_after"] = [after]
    return CompiledSearch(body, scope)


def match_query(
    request: SearchRequest, visibility: Visibility, schema: Schema, *, strict: bool = True
) -> JsonObject:
    """The engine's query for the subjects that a search would find, for a delete by query.

    Unlike a search it makes do with less only if not `strict`: raises `ValidationFailed` for what
    can't be applied to a field, besides the errors of `compile_search`.
    """
    scope = Scope(schema)
    query = _query(_conditions(request, visibility, scope), scored=False)
    if strict:
        scope.raise_problems()
    return query


# --- stages -------------------------------------------------------------------------------------


def _conditions(request: SearchRequest, visibility: Visibility, scope: Scope) -> _Conditions:
    seen = visibility_clauses(visibility)
    filters = compile_filters(request.filters, scope)
    narrowing = compile_filters(request.post_filters, scope, "post_facet_filters")
    return _Conditions(seen, [*seen, *filters], narrowing, _text(request, scope))


def _text(request: SearchRequest, scope: Scope) -> JsonObject | None:
    """What q means; None where it finds everything and weighs nothing."""
    if request.q is None or not request.q.strip():
        return None
    tree = parse_text(request.q, request.mode, request.default_operator, request.fuzziness)
    clause = compile_text(tree, scope.schema, _boosts(request))
    return None if clause == MATCH_ALL else clause


def _boosts(request: SearchRequest) -> Mapping[str, float]:
    """Ignored where a sort decides the order (contract 3.8)."""
    if request.sort:
        return {}
    return {
        engine_path(parse_contract_path(boost["field_name"])): float(boost["factor"])
        for boost in request.boosts
    }


def _query(conditions: _Conditions, *, scored: bool) -> JsonObject:
    conditions_of_entry = [*conditions.matching, *conditions.narrowing]
    if conditions.text is None or not scored:
        matching = all_of([*conditions_of_entry, *_present(conditions.text)])
        clauses = [] if matching == MATCH_ALL else [for_one_entry(matching)]
        return {"bool": {"filter": [_IS_LIVE, *clauses]}}
    entry = {"bool": {"must": [conditions.text], "filter": conditions_of_entry}}
    return {"bool": {"filter": [_IS_LIVE], "must": [for_one_entry(entry, "max")]}}


def _page(request: SearchRequest) -> JsonObject:
    page: JsonObject = {"size": request.limit, "track_total_hits": True}
    if request.limit and request.offset:
        page["from"] = request.offset
    return page


def _present(clause: JsonObject | None) -> Sequence[JsonObject]:
    return () if clause is None else (clause,)


def _without_narrowing(conditions: _Conditions) -> _Conditions:
    return _Conditions(conditions.seen, conditions.matching, [], conditions.text)
