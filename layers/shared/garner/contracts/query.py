"""Queries as they arrive, in both dialects and both forms (contract 2.1 to 2.3, 2.11, 3).

The parse functions are all that others need; the models exist for them and for the OpenAPI
document. What differs between the dialects ends here: a `SearchRequest` has none.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core.core_schema import CoreSchema, no_info_plain_validator_function

from garner import limits
from garner.contracts.base import Document, parse
from garner.domain.query.dates import Interval, parse_instant
from garner.domain.query.request import Part, ReadRequest, ResultFormat, SearchRequest
from garner.domain.query.text import Mode, Operator
from garner.errors import BadRequest, JsonObject, ValidationFailed

Dialect = Literal["1.0.0", "2017-09-01"]
V1: Dialect = "1.0.0"
LEGACY: Dialect = "2017-09-01"


def _not_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("Not a valid number.")
    return value


def _scalar(value: object) -> object:
    """Before pydantic tries one type after the other, and tells of each."""
    if isinstance(value, dict | list):
        raise ValueError("Not a string, number, boolean or null.")
    return value


def _bound(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("Not a string or a number.")
    return value


@dataclass(frozen=True)
class _ByType:
    """Chooses the model by `type`: pydantic's own choice would put the name of the type into the
    path of every error (contract 0.7), and would build all of them for each request that has none.
    """

    models: dict[str, type[BaseModel]]
    default: str | None = None

    def __get_pydantic_core_schema__(self, *_: object) -> CoreSchema:
        return no_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(self, *_: object) -> JsonObject:
        """Only for the OpenAPI document, whose generator puts references in the place of names."""
        return {"x-models": {kind: model.__name__ for kind, model in self.models.items()}}

    def _validate(self, value: Any) -> BaseModel:
        if not isinstance(value, dict):
            raise ValueError("Not a valid object.")
        kind = value.get("type", self.default)
        model = self.models.get(kind) if isinstance(kind, str) else None
        if model is None:
            raise ValueError(f"'type' must be one of: {', '.join(self.models)}.")
        return model.model_validate({**value, "type": kind})


Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_not_boolean)]
FieldName = Annotated[str, Field(min_length=1, max_length=limits.MAX_FIELD_PATH_BYTES)]
Scalar = Annotated[bool | int | float | str | None, BeforeValidator(_scalar)]
Bound = Annotated[int | float | str, BeforeValidator(_bound)]


# --- filters (contract 3.5) ---------------------------------------------------------------------


class _Filter(Document):
    post_filter: bool | None = None


class MatchFilter(_Filter):
    type: Literal["match_any", "match_all"]
    field_name: FieldName
    values: Annotated[list[Scalar], Field(max_length=limits.MAX_FILTER_VALUES)]


class RangeValues(Document):
    from_: Bound | None = Field(None, alias="from")
    to: Bound | None = None
    gt: Bound | None = None
    gte: Bound | None = None
    lt: Bound | None = None
    lte: Bound | None = None

    @model_validator(mode="after")
    def _one_style(self) -> Self:
        inclusive = self.from_ is not None, self.to is not None
        lower = self.gt is not None, self.gte is not None
        upper = self.lt is not None, self.lte is not None
        if any(inclusive) and any(lower + upper):
            raise ValueError("Use 'from' and 'to', or 'gt'/'gte' and 'lt'/'lte', not both styles.")
        if any(inclusive) and not all(inclusive):
            raise ValueError("'from' and 'to' are both required; \"*\" leaves an end open.")
        if all(lower) or all(upper):
            raise ValueError("Use one of 'gt' and 'gte', and one of 'lt' and 'lte'.")
        if not any(inclusive + lower + upper):
            raise ValueError("A range needs at least one bound.")
        return self


class RangeFilter(_Filter):
    type: Literal["range"]
    field_name: FieldName
    values: Annotated[list[RangeValues], Field(max_length=limits.MAX_QUERY_CLAUSES)]


class ExistsFilter(_Filter):
    type: Literal["exists"]
    field_name: FieldName


class LikeFilter(_Filter):
    type: Literal["like"]
    field_name: FieldName
    value: Annotated[str, Field(max_length=limits.MAX_LIKE_CHARACTERS)]


Latitude = Annotated[Number, Field(ge=-90, le=90)]
Longitude = Annotated[Number, Field(ge=-180, le=180)]


class Coordinates(Document):
    lat: Latitude
    lon: Longitude


class BoxFilter(_Filter):
    type: Literal["geo_bounding_box"]
    field_name: FieldName
    top_left: Coordinates
    bottom_right: Coordinates

    @model_validator(mode="after")
    def _northwest(self) -> Self:
        if self.top_left.lat <= self.bottom_right.lat or self.top_left.lon >= self.bottom_right.lon:
            raise ValueError("'top_left' must lie northwest of 'bottom_right'.")
        return self


Position = tuple[Longitude, Latitude]
Ring = Annotated[list[Position], Field(min_length=4, max_length=limits.MAX_POLYGON_POSITIONS)]


class Polygon(Document):
    type: Literal["Polygon"]
    coordinates: Annotated[list[Ring], Field(min_length=1, max_length=1)]

    @field_validator("coordinates")
    @classmethod
    def _closed(cls, rings: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        if rings[0][0] != rings[0][-1]:
            raise ValueError("The ring must end where it starts.")
        return rings


class ShapeFilter(_Filter):
    type: Literal["geo_shape"]
    field_name: FieldName
    shape: Polygon
    relation: Literal["intersects", "within"] = "intersects"


class NotFilter(_Filter):
    type: Literal["not"]
    filter: "GFilter"


class ListFilter(_Filter):
    type: Literal["and", "or"]
    filters: Annotated[list["GFilter"], Field(max_length=limits.MAX_QUERY_CLAUSES)]


FILTERS: dict[str, type[BaseModel]] = {
    "match_any": MatchFilter,
    "match_all": MatchFilter,
    "range": RangeFilter,
    "exists": ExistsFilter,
    "like": LikeFilter,
    "geo_bounding_box": BoxFilter,
    "geo_shape": ShapeFilter,
    "not": NotFilter,
    "and": ListFilter,
    "or": ListFilter,
}
AnyFilter = (
    MatchFilter
    | RangeFilter
    | ExistsFilter
    | LikeFilter
    | BoxFilter
    | ShapeFilter
    | NotFilter
    | ListFilter
)
GFilter = Annotated[AnyFilter, _ByType(FILTERS)]
Filters = Annotated[list[GFilter], Field(max_length=limits.MAX_QUERY_CLAUSES, default_factory=list)]


# --- facets, boosts, sort (contract 3.7, 3.8) ---------------------------------------------------


class _Facet(Document):
    field_name: FieldName
    name: str | None = None
    additional_filters: Filters

    @property
    def effective_name(self) -> str:
        return self.field_name if self.name is None else self.name


class TermsFacet(_Facet):
    type: Literal["terms"]
    size: Annotated[int, Field(ge=1, le=limits.MAX_FACET_SIZE), BeforeValidator(_not_boolean)] = 10


class MetricFacet(_Facet):
    type: Literal["sum", "avg"]
    missing: Number | None = None


class DistinctCountFacet(_Facet):
    type: Literal["distinct_count"]


class DateRange(Document):
    low: Bound
    high: Bound

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        low, high = parse_instant(self.low), parse_instant(self.high)
        if low is None or high is None:
            raise ValueError("'low' and 'high' must be dates.")
        if low >= high:
            raise ValueError("'low' must be before 'high'.")
        return self


class DateHistogramFacet(_Facet):
    type: Literal["date_histogram"]
    date_interval: Interval
    histogram_range: DateRange | None = None


class NumericRange(Document):
    low: Number
    high: Number

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.low < self.high:
            raise ValueError("'low' must be less than 'high'.")
        if not math.isfinite((self.high - self.low) * limits.MAX_HISTOGRAM_BUCKETS):
            raise ValueError("The range is too wide.")
        return self


class NumericHistogramFacet(_Facet):
    type: Literal["numeric_histogram"]
    size: Annotated[
        int, Field(ge=1, le=limits.MAX_HISTOGRAM_BUCKETS), BeforeValidator(_not_boolean)
    ]
    histogram_range: NumericRange


FACETS: dict[str, type[BaseModel]] = {
    "terms": TermsFacet,
    "sum": MetricFacet,
    "avg": MetricFacet,
    "distinct_count": DistinctCountFacet,
    "date_histogram": DateHistogramFacet,
    "numeric_histogram": NumericHistogramFacet,
}
AnyFacet = (
    TermsFacet | MetricFacet | DistinctCountFacet | DateHistogramFacet | NumericHistogramFacet
)
GFacet = Annotated[AnyFacet, _ByType(FACETS, default="terms")]


class GBoost(Document):
    field_name: FieldName
    factor: Annotated[Number, Field(ge=0, le=limits.MAX_BOOST_FACTOR)]


class GSort(Document):
    field_name: FieldName
    order: Literal["asc", "desc"] = "desc"


# --- requests -----------------------------------------------------------------------------------


def _only_content() -> list[Part]:
    return ["content"]


Parts = Annotated[list[Part], Field(min_length=1, default_factory=_only_content)]


def _comma_list(value: object) -> object:
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class QSettings(Document):
    mode: Mode
    default_operator: Annotated[Operator | None, BeforeValidator(_lower)] = None
    fuzziness: Annotated[
        int, Field(ge=0, le=limits.MAX_FUZZINESS), BeforeValidator(_not_boolean)
    ] = 1


Limit = Annotated[int, Field(ge=0, le=limits.MAX_RESULT_WINDOW), BeforeValidator(_not_boolean)]
SetNames = Annotated[
    list[str],
    Field(max_length=limits.MAX_PRINCIPAL_SETS, default_factory=list),
    BeforeValidator(_comma_list),
]


class _Matching(Document):
    """What all kinds of query have: which entries match."""

    version: str | None = Field(None, alias="@version")
    q: str | None = None
    advanced: bool = False
    q_settings: QSettings | None = None
    filters: Filters
    bypass_visible_to: bool = False
    filter_principal_sets: SetNames

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        return {key: value for key, value in document.items() if value is not None}

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        if self.q is None and not self.filters:
            raise ValueError("Either 'q' or 'filters' is required.")
        if self.advanced and self.q_settings is not None:
            raise ValueError("'advanced' and 'q_settings' exclude each other.")
        return self


class GDeleteByQuery(_Matching):
    """Unlike the rest of a search, what would narrow the set is not ignored here: a delete must
    never reach further than the search that its caller tried before."""

    post_facet_filters: Filters


class GScrollRequest(_Matching):
    marker: str | None = None
    limit: Limit = limits.DEFAULT_LIMIT
    fields: Parts
    result_format_version: ResultFormat = "2019-08-27"


class GSearchRequest(_Matching):
    limit: Limit = limits.DEFAULT_LIMIT
    offset: Limit = 0
    post_facet_filters: Filters
    facets: Annotated[list[GFacet], Field(max_length=limits.MAX_FACETS, default_factory=list)]
    boosts: Annotated[list[GBoost], Field(max_length=limits.MAX_BOOSTS, default_factory=list)]
    sort: Annotated[list[GSort], Field(max_length=limits.MAX_SORT_KEYS, default_factory=list)]
    fields: Parts
    result_format_version: ResultFormat = "2019-08-27"

    @field_validator("facets")
    @classmethod
    def _names_differ(cls, facets: list[AnyFacet]) -> list[AnyFacet]:
        names = [(facet.field_name, facet.effective_name) for facet in facets]
        if len(set(names)) < len(names):
            raise ValueError("Facets on one field must have different names.")
        return facets

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.offset + self.limit > limits.MAX_RESULT_WINDOW:
            raise ValueError(
                f"'offset' and 'limit' reach at most the first {limits.MAX_RESULT_WINDOW} results;"
                " use scroll."
            )
        return self


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
    return _request(parse(GSearchRequest, document, "query"), V1)


def search_request_from_body(document: JsonObject, default: Dialect = V1) -> SearchRequest:
    """The POST form of a search (contract 2.2); `default` is the dialect without `@version`."""
    dialect = _dialect(document, "query#1.0.0", default)
    return _request(_parse(GSearchRequest, document, dialect), dialect)


def scroll_request_from_body(document: JsonObject, default: Dialect = V1) -> SearchRequest:
    """A scroll (contract 2.3); with a marker it must repeat the query that the marker is from."""
    dialect = _dialect(document, "scroll#1.0.0", default)
    return _request(_parse(GScrollRequest, document, dialect), dialect)


def delete_request_from_body(document: JsonObject, default: Dialect = V1) -> SearchRequest:
    """What a delete by query matches (contract 2.11): all filters narrow it, whatever they say."""
    dialect = _dialect(document, "delete_by_query#1.0.0", default)
    request = _request(_parse(GDeleteByQuery, document, dialect), dialect)
    return replace(request, filters=[*request.filters, *request.post_filters], post_filters=[])


class _Read(Document):
    """What `subject` and `entry` take (contract 2.6, 2.8)."""

    subject: str
    entry_id: str | None = None
    bypass_visible_to: bool = False
    result_format_version: ResultFormat = "2019-08-27"


def read_request_from_parameters(parameters: QueryParameters) -> ReadRequest:
    """The parameters of Subject Show and Entry Show; an empty `entry_id` is the null entry."""
    document = {
        "subject": parameters.required("subject"),
        "entry_id": parameters.text("entry_id") or None,
        "bypass_visible_to": parameters.boolean("bypass_visible_to"),
        "result_format_version": parameters.text("result_format_version") or "2019-08-27",
    }
    return ReadRequest(**parse(_Read, document, "query").model_dump())


_ONLY_V1 = ("q_settings", "post_facet_filters", "fields")


def _dialect(document: JsonObject, version: str, default: Dialect) -> Dialect:
    said = document.get("@version")
    if said is None:
        return default
    if said not in (version, LEGACY):
        raise ValidationFailed.of("json", "@version", f"Must be one of: {version}, {LEGACY}.")
    return V1 if said == version else LEGACY


def _parse(model: type[_Matching], document: JsonObject, dialect: Dialect) -> _Matching:
    _check_depth(document)
    if dialect == LEGACY:
        document = {key: value for key, value in document.items() if key not in _ONLY_V1}
    return parse(model, document)


def _check_depth(document: JsonObject) -> None:
    """Before validation, which recurses."""
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


def _request(document: _Matching, dialect: Dialect) -> SearchRequest:
    said = document.model_dump(by_alias=True, exclude_none=True)
    settings = said.pop("q_settings", None) or {}
    if said.pop("advanced"):
        settings = {"mode": "advanced_query_string"}
    said.pop("@version", None)
    before, after = _split_filters(said.pop("filters", []), dialect)
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
