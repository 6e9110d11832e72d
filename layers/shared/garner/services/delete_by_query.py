"""A delete by query as it is kept in the log: the parsed query, and what its caller may see.

The worker computes the matches when the task's turn comes (contract 2.11), so both have to be kept.
"""

from contextlib import suppress

from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.query.compiler import match_query
from garner.domain.query.request import SearchRequest
from garner.domain.visibility import Visibility
from garner.errors import BadRequest, JsonObject, ValidationFailed


def stored_query(request: SearchRequest, caller: Caller) -> JsonObject:
    """The header of the task's payload. Raises `BadRequest` for a query that does not parse, and
    for an empty one: it would delete everything."""
    if not (request.filters or (request.q or "").strip()):
        raise BadRequest("An empty query would delete every subject; use q: '*' if that is meant")
    visibility = Visibility.of(
        caller,
        bypass=request.bypass_visible_to,
        principal_sets=request.filter_principal_sets,
    )
    with suppress(ValidationFailed):  # the fields are judged when the task runs
        match_query(request, visibility, Schema())
    return {"request": request.to_json(), "visibility": visibility.to_json()}


def compile_stored(header: JsonObject, schema: Schema, *, decided: bool = False) -> JsonObject:
    """The engine's query for the subjects that a stored query means now, or meant when it was
    `decided`: implements `garner.services.drain.ports.MatchCompiler`."""
    return match_query(
        SearchRequest.from_json(header["request"]),
        Visibility.from_json(header["visibility"]),
        schema,
        strict=not decided,
    )
