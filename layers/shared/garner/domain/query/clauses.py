"""Clauses that are written in more than one place, and the visibility of an entry as clauses."""

from collections.abc import Sequence

from garner.domain.documents import (
    ENTRIES,
    ENTRIES_PRINCIPAL_SETS,
    ENTRIES_VISIBLE_TO,
    principal_set_term,
)
from garner.domain.visibility import Visibility
from garner.errors import JsonObject
from garner.limits import MAX_TERMS_VALUES

MATCH_ALL: JsonObject = {"match_all": {}}
MATCH_NONE: JsonObject = {"match_none": {}}


def any_of(clauses: Sequence[JsonObject]) -> JsonObject:
    if not clauses:
        return MATCH_NONE
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": list(clauses)}}


def all_of(clauses: Sequence[JsonObject]) -> JsonObject:
    if not clauses:
        return MATCH_ALL
    return clauses[0] if len(clauses) == 1 else {"bool": {"filter": list(clauses)}}


def none_of(clause: JsonObject) -> JsonObject:
    return {"bool": {"must_not": [clause]}}


def for_one_entry(clause: JsonObject, score_mode: str = "none") -> JsonObject:
    """Holds for a subject if `clause` holds for one of its entries."""
    return {"nested": {"path": ENTRIES, "score_mode": score_mode, "query": clause}}


def visibility_clauses(visibility: Visibility) -> list[JsonObject]:
    """What an entry has to pass to be seen, whatever the query is; all must hold."""
    clauses = []
    if visibility.visible_to is not None:
        clauses.append(_one_of(ENTRIES_VISIBLE_TO, sorted(visibility.visible_to)))
    if visibility.principal_sets:
        terms = sorted(
            principal_set_term(name, principal)
            for name in visibility.principal_sets
            for principal in visibility.principals
        )
        clauses.append(_one_of(ENTRIES_PRINCIPAL_SETS, terms))
    return clauses


def _one_of(field: str, values: Sequence[str]) -> JsonObject:
    """The engine bounds the values of one clause; none may be left out."""
    starts = range(0, len(values), MAX_TERMS_VALUES)
    return any_of(
        [{"terms": {field: values[start : start + MAX_TERMS_VALUES]}} for start in starts]
    )
