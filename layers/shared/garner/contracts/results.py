"""Search results (contract 2.1, 2.3, 2.6, 2.8).

The models describe the answers for the OpenAPI document. Answers are made by the functions below:
what comes from the index is not checked again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from garner.domain.query.facets import FacetResult
from garner.domain.query.request import Part, ResultFormat
from garner.domain.visibility import VisibleEntry
from garner.errors import JsonObject


class ResultEntry(BaseModel):
    """`content`, `visible_to` and `principal_sets` are there as `fields` asks for them."""

    entry_id: str | None
    matched_principal_sets: list[str]
    content: dict[str, Any] | None = None
    visible_to: list[str] | None = None
    principal_sets: list[str] | None = None


class GMetaResult(BaseModel):
    """`entries` in the format of 2019-08-27, `content` in that of 2017-09-01."""

    datatype: Literal["GMetaResult"] = Field("GMetaResult", alias="@datatype")
    document_version: Literal["2019-08-27", "2017-09-01"] = Field("2019-08-27", alias="@version")
    subject: str
    entries: list[ResultEntry] | None = None
    content: list[dict[str, Any]] | None = None


class GBucket(BaseModel):
    datatype: Literal["GBucket"] = Field("GBucket", alias="@datatype")
    document_version: Literal["2017-09-01"] = Field("2017-09-01", alias="@version")
    value: str | int | float | dict[Literal["from", "to"], float]
    count: int


class GFacetResult(BaseModel):
    """Exactly one of `buckets`, `value` and `approximate_value`."""

    datatype: Literal["GFacetResult"] = Field("GFacetResult", alias="@datatype")
    document_version: Literal["2017-09-01"] = Field("2017-09-01", alias="@version")
    name: str
    buckets: list[GBucket] | None = None
    value: float | None = None
    approximate_value: int | None = None


class GSearchResult(BaseModel):
    """`facet_results` is absent where no facets were asked for."""

    datatype: Literal["GSearchResult"] = Field("GSearchResult", alias="@datatype")
    document_version: Literal["2017-09-01"] = Field("2017-09-01", alias="@version")
    gmeta: list[GMetaResult]
    count: int
    total: int
    offset: int
    has_next_page: bool
    facet_results: list[GFacetResult] | None = None


class ScrollResult(BaseModel):
    """`marker` is null on the last page."""

    gmeta: list[GMetaResult]
    count: int
    total: int
    has_next_page: bool
    marker: str | None


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
