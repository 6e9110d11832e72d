"""The models of search results, for the OpenAPI document (contract 2.1, 2.3, 2.6, 2.8).

Apart from `garner.contracts.results`, which makes the answers, because no request needs them and
building them costs a cold start 50 ms (2026-11-22, 2 cores under load).
"""

from typing import Any, Literal

from pydantic import BaseModel, Field


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
