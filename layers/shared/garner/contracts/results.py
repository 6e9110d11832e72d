"""Search results (contract 2.1, 2.3, 2.6, 2.8): what comes from the index is not checked again.

Their models are in `garner.contracts.result_models`.
"""

from collections.abc import Iterable, Sequence

from garner.domain.query.facets import FacetResult
from garner.domain.query.request import Part, ResultFormat
from garner.domain.visibility import VisibleEntry
from garner.errors import JsonObject


def search_result(
    gmeta: list[JsonObject], *, total: int, offset: int, has_next_page: bool
) -> JsonObject:
    return {
        "@datatype": "GSearchResult",
        "@version": "2017-09-01",
        "gmeta": gmeta,
        "count": len(gmeta),
        "total": total,
        "offset": offset,
        "has_next_page": has_next_page,
    }


def gmeta_result(
    subject: str,
    entries: Sequence[VisibleEntry],
    result_format_version: ResultFormat = "2019-08-27",
    fields: Sequence[Part] = ("content",),
) -> JsonObject:
    """One subject; `entries` are what the caller may see of it, at least one."""
    result: JsonObject = {
        "@datatype": "GMetaResult",
        "@version": result_format_version,
        "subject": subject,
    }
    if result_format_version == "2017-09-01":
        result["content"] = [entry.content for entry in entries]
    else:
        result["entries"] = [_result_entry(entry, fields) for entry in entries]
    return result


def _result_entry(entry: VisibleEntry, fields: Iterable[str]) -> JsonObject:
    return {
        "entry_id": entry.entry_id,
        "matched_principal_sets": entry.matched_principal_sets,
        **{field: getattr(entry, field) for field in fields},
    }


def scroll_page(gmeta: Sequence[object], *, total: int, marker: str | None) -> JsonObject:
    """There is a next page if there is a marker for it."""
    return {
        "gmeta": gmeta,
        "count": len(gmeta),
        "total": total,
        "has_next_page": marker is not None,
        "marker": marker,
    }


def facet_results(results: Iterable[FacetResult]) -> list[JsonObject]:
    return [_facet_result(result) for result in results]


def _facet_result(result: FacetResult) -> JsonObject:
    document: JsonObject = {
        "@datatype": "GFacetResult",
        "@version": "2017-09-01",
        "name": result.name,
    }
    if result.buckets is None:
        return {**document, result.key: result.value}
    buckets = [
        {"@datatype": "GBucket", "@version": "2017-09-01", "value": value, "count": count}
        for value, count in result.buckets
    ]
    return {**document, "buckets": buckets}
