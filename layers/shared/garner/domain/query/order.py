"""GSorts as sort keys: the best value over the entries that the caller sees (contract 3.8)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from garner.domain.documents import ENTRIES, SUBJECT
from garner.domain.query.clauses import all_of
from garner.domain.query.scope import Scope
from garner.errors import JsonObject

BY_SUBJECT: JsonObject = {SUBJECT: "asc"}
BY_RELEVANCE: JsonObject = {"_score": "desc"}


def compile_sort(
    keys: Iterable[Mapping[str, Any]], seen: Sequence[JsonObject], scope: Scope
) -> list[JsonObject]:
    """`seen` are the clauses of visibility: a hidden value must not decide a place. Ties are
    broken by subject, so that pages are repeatable; a subject without a value comes last."""
    nested: JsonObject = {"path": ENTRIES}
    if seen:
        nested["filter"] = all_of(seen)
    sort = []
    for key in keys:
        field = scope.field(key["field_name"])
        if field is None:
            continue
        if field.type.is_geo:
            scope.refuse("sort", field, "places have no order")
            continue
        ascending = key["order"] == "asc"
        direction = (
            {"order": "asc", "mode": "min"} if ascending else {"order": "desc", "mode": "max"}
        )
        sort.append({field.value_name: {**direction, "missing": "_last", "nested": nested}})
    return [*sort, BY_SUBJECT]
