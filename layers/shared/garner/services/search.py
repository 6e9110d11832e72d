"""Search: one request, one query of the engine, one answer (contract 2.1, 2.2)."""

import orjson

from garner import limits
from garner.contracts.results import facet_results, gmeta_result, search_result
from garner.domain.documents import SUBJECT
from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.query.compiler import CompiledSearch, compile_search
from garner.domain.query.facets import counts_entries, read_facets
from garner.domain.query.request import SearchRequest
from garner.domain.visibility import Visibility, visible_entries
from garner.errors import JsonObject
from garner.ports.engine import SearchReader
from garner.services.viewing import (
    RoleLookup,
    compile_known,
    require_fields,
    tell_problems,
    visibility_of,
)


def search(
    index_id: str,
    caller: Caller,
    request: SearchRequest,
    *,
    reader: SearchReader,
    roles: RoleLookup,
) -> bytes:
    """A GSearchResult as JSON. Besides the errors of `reader` raises `Unauthorized`, `Forbidden`,
    `ValidationFailed` and `BadRequest`."""
    require_fields(caller, request.fields, roles=roles)
    visibility = visibility_of(
        caller,
        roles=roles,
        bypass=request.bypass_visible_to,
        principal_sets=request.filter_principal_sets,
    )

    def compile_for(schema: Schema) -> CompiledSearch:
        return compile_search(request, visibility, schema)

    query = compile_known(index_id, compile_for, reader=reader)
    tell_problems(query.scope, caller, roles=roles)
    answer = reader.search(index_id, query.body)
    if query.facets is not None and counts_entries(query.facets, answer):
        query = compile_for(reader.schema(index_id, fresh=True))
        answer = reader.search(index_id, query.body)
    return orjson.dumps(_result(request, query, answer, visibility))


def _result(
    request: SearchRequest, query: CompiledSearch, answer: JsonObject, visibility: Visibility
) -> JsonObject:
    hits = answer["hits"]["hits"]
    gmeta = []
    for hit in hits:
        document = hit["_source"]
        if entries := visible_entries(document, visibility):
            gmeta.append(
                gmeta_result(
                    document[SUBJECT], entries, request.result_format_version, request.fields
                )
            )
    total = answer["hits"]["total"]["value"]
    reached = request.offset + len(hits)
    has_next_page = bool(gmeta) and reached < min(total, limits.MAX_RESULT_WINDOW)
    result = search_result(gmeta, total=total, offset=request.offset, has_next_page=has_next_page)
    if query.facets is not None:
        result["facet_results"] = facet_results(read_facets(query.facets, answer))
    return result
