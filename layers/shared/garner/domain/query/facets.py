"""GFacets as aggregations over entries, and back: counts are of subjects (contract 3.7).

One `nested` aggregation goes to the entries, one `filter` in it leaves those that the caller sees
and that q and the filters match, and each facet stands in there. Where subjects can have several
entries, `reverse_nested` counts subjects; elsewhere an entry is a subject.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from garner.domain.documents import ENTRIES
from garner.domain.fields import FieldType
from garner.domain.query.clauses import all_of
from garner.domain.query.dates import (
    canonical,
    interval_label,
    interval_start,
    next_interval,
    parse_instant,
)
from garner.domain.query.filters import between, compile_filters
from garner.domain.query.scope import Field, Scope
from garner.errors import JsonObject
from garner.limits import CLAMPED_FACET_SIZE

_SCOPE = "scope"
_SUBJECTS = "subjects"
_VALUES = "values"
_HAVING = "having"
_EDGE = "edge_"
_COUNT_SUBJECTS: JsonObject = {_SUBJECTS: {"reverse_nested": {}}}
_EXACT_UP_TO = 40_000  # the engine's largest threshold for counting distinct values

_NUMBERS = (FieldType.INTEGER, FieldType.FLOAT)
_FIELD_TYPES: dict[str, tuple[FieldType, ...]] = {
    "terms": tuple(kind for kind in FieldType if not kind.is_geo),
    "distinct_count": tuple(kind for kind in FieldType if not kind.is_geo),
    "sum": _NUMBERS,
    "avg": _NUMBERS,
    "numeric_histogram": _NUMBERS,
    "date_histogram": (FieldType.DATE,),
}

Bucket = tuple[object, int]


@dataclass(frozen=True, slots=True)
class FacetResult:
    """`buckets` are `(value, count)`; a facet without buckets has `value` under `key`."""

    name: str
    buckets: list[Bucket] | None = None
    key: str = "value"
    value: float | int | None = None


@dataclass(frozen=True, slots=True)
class CompiledFacets:
    """`fields` has the field of each facet, None where it is unknown or of the wrong type."""

    facets: Sequence[Mapping[str, Any]]
    fields: Sequence[Field | None]
    by_subject: bool
    aggregations: JsonObject


# --- writing ------------------------------------------------------------------------------------


def compile_facets(
    facets: Sequence[Mapping[str, Any]],
    matching: Sequence[JsonObject],
    scope: Scope,
    *,
    has_post_filters: bool,
) -> CompiledFacets:
    """`matching` are the clauses that an entry has to pass to be counted, visibility included."""
    by_subject = scope.schema.multi_entry
    fields = [_field_of(facet, scope) for facet in facets]
    inner: JsonObject = dict(_COUNT_SUBJECTS) if has_post_filters and not by_subject else {}
    for number, (facet, field) in enumerate(zip(facets, fields, strict=True)):
        if field is not None:
            narrowing = _narrowing(facet, field, scope)
            aggregations = _facet(facet, field, by_subject)
            inner[_key(number)] = {"filter": all_of(narrowing), "aggs": aggregations}
    in_scope = {_SCOPE: {"filter": all_of(matching), "aggs": inner}}
    nested = {ENTRIES: {"nested": {"path": ENTRIES}, "aggs": in_scope}}
    return CompiledFacets(facets, fields, by_subject, nested)


def _key(number: int) -> str:
    """Facets are numbered: their names may hold what the engine does not take in one."""
    return f"facet_{number}"


def _field_of(facet: Mapping[str, Any], scope: Scope) -> Field | None:
    field = scope.field(facet["field_name"])
    if field is not None and field.type not in _FIELD_TYPES[facet["type"]]:
        scope.refuse("facets", field, f"a {facet['type']} facet can't be made of it")
        return None
    return field


def _narrowing(facet: Mapping[str, Any], field: Field, scope: Scope) -> list[JsonObject]:
    scope.start_list()
    clauses = compile_filters(facet["additional_filters"], scope, "facets")
    if facet["type"] == "date_histogram" and "histogram_range" in facet:
        clauses.append(between(field, *_instants(facet)))
    return clauses


def _facet(facet: Mapping[str, Any], field: Field, by_subject: bool) -> JsonObject:
    counted: JsonObject = {"aggs": _COUNT_SUBJECTS} if by_subject else {}
    match facet["type"]:
        case "terms":
            return {_VALUES: {"terms": _terms(facet, field, by_subject), **counted}}
        case "numeric_histogram":
            ranges = {"field": field.name, "ranges": _equal_ranges(facet)}
            return {_VALUES: {"range": ranges, **counted}}
        case "date_histogram":
            return _date_histogram(facet, field, counted)
        case "distinct_count":
            distinct = {"field": field.value_name, "precision_threshold": _EXACT_UP_TO}
            return {_VALUES: {"cardinality": distinct}}
        case _:
            having = {"filter": {"exists": {"field": field.name}}, "aggs": _COUNT_SUBJECTS}
            stats = {"stats": {"field": field.name}}
            return {_VALUES: stats, _HAVING: having, **_COUNT_SUBJECTS}


def _terms(facet: Mapping[str, Any], field: Field, by_subject: bool) -> JsonObject:
    first = _SUBJECTS if by_subject else "_count"
    return {
        "field": field.value_name,
        "size": min(facet["size"], CLAMPED_FACET_SIZE),
        "order": [{first: "desc"}, {"_key": "asc"}],
    }


def _equal_ranges(facet: Mapping[str, Any]) -> list[JsonObject]:
    low, high, size = (*_ends(facet), facet["size"])
    edges = [low + (high - low) * number / size for number in range(size)] + [high]
    return [{"from": start, "to": end} for start, end in pairwise(edges)]


def _ends(facet: Mapping[str, Any]) -> tuple[float, float]:
    said = facet["histogram_range"]
    return float(said["low"]), float(said["high"])


def _date_histogram(facet: Mapping[str, Any], field: Field, counted: JsonObject) -> JsonObject:
    """With a range, only instants inside of it count. The engine's intervals are whole, so those at
    the two ends are counted by filters of their own."""
    histogram = {
        "field": field.name,
        "calendar_interval": facet["date_interval"],
        "min_doc_count": 1,
    }
    aggregations: JsonObject = {_VALUES: {"date_histogram": histogram, **counted}}
    for start, (first, last) in _ends_of_range(facet).items():
        edge = {"filter": between(field, first, last), **counted}
        aggregations[f"{_EDGE}{start}"] = edge
    return aggregations


def _ends_of_range(facet: Mapping[str, Any]) -> dict[int, tuple[int, int]]:
    """Start of the first and of the last interval of a range → the instants of it that count."""
    if "histogram_range" not in facet:
        return {}
    low, high = _instants(facet)
    first, last = (interval_start(instant, facet["date_interval"]) for instant in (low, high))
    if first == last:
        return {first: (low, high)}
    return {first: (low, next_interval(low, facet["date_interval"]) - 1), last: (last, high)}


def _instants(facet: Mapping[str, Any]) -> tuple[int, int]:
    said = facet["histogram_range"]
    low, high = parse_instant(said["low"]), parse_instant(said["high"])
    assert low is not None
    assert high is not None
    return low, high


# --- reading ------------------------------------------------------------------------------------


def counts_entries(compiled: CompiledFacets, answer: Mapping[str, Any]) -> bool:
    """Whether entries were counted where subjects should have been: the schema at hand is older
    than the first subject with several entries."""
    if compiled.by_subject:
        return False
    scope = answer["aggregations"][ENTRIES][_SCOPE]
    subjects = scope[_SUBJECTS]["doc_count"] if _SUBJECTS in scope else _total(answer)
    return bool(scope["doc_count"] != subjects)


def _total(answer: Mapping[str, Any]) -> int:
    return int(answer["hits"]["total"]["value"])


def read_facets(compiled: CompiledFacets, answer: Mapping[str, Any]) -> list[FacetResult]:
    """In the order of the request."""
    scope = answer["aggregations"][ENTRIES][_SCOPE]
    results = []
    for number, (facet, field) in enumerate(zip(compiled.facets, compiled.fields, strict=True)):
        found = scope.get(_key(number))
        results.append(_empty(facet) if field is None else _read(facet, field, found))
    return results


def _empty(facet: Mapping[str, Any]) -> FacetResult:
    match facet["type"]:
        case "distinct_count":
            return FacetResult(facet["name"], key="approximate_value", value=0)
        case "sum":
            return FacetResult(facet["name"], value=0)
        case "avg":
            return FacetResult(facet["name"])
        case _:
            return FacetResult(facet["name"], buckets=[])


def _read(facet: Mapping[str, Any], field: Field, found: Mapping[str, Any]) -> FacetResult:
    name, values = facet["name"], found[_VALUES]
    match facet["type"]:
        case "terms":
            value_of = _TERM_VALUES.get(field.type, _as_it_is)
            return FacetResult(name, [(value_of(b["key"]), _count(b)) for b in values["buckets"]])
        case "numeric_histogram":
            ranges = [{"from": b["from"], "to": b["to"]} for b in values["buckets"]]
            counts = map(_count, values["buckets"])
            return FacetResult(name, list(zip(ranges, counts, strict=True)))
        case "date_histogram":
            return FacetResult(name, _read_date_histogram(facet, found))
        case "distinct_count":
            return FacetResult(name, key="approximate_value", value=values["value"])
        case _:
            return FacetResult(name, value=_read_metric(facet, found))


def _as_it_is(key: object) -> object:
    return key


_TERM_VALUES: dict[FieldType, Callable[[Any], object]] = {
    FieldType.BOOLEAN: lambda key: "true" if key else "false",
    FieldType.DATE: canonical,
}


def _count(bucket: Mapping[str, Any]) -> int:
    return int(bucket[_SUBJECTS]["doc_count"] if _SUBJECTS in bucket else bucket["doc_count"])


def _read_date_histogram(facet: Mapping[str, Any], found: Mapping[str, Any]) -> list[Bucket]:
    counts = {int(bucket["key"]): _count(bucket) for bucket in found[_VALUES]["buckets"]}
    ends = sorted(_ends_of_range(facet))
    if ends:
        counts = {start: count for start, count in counts.items() if ends[0] < start < ends[-1]}
        counts |= {start: _count(found[f"{_EDGE}{start}"]) for start in ends}
    interval = facet["date_interval"]
    return [(interval_label(start, interval), n) for start, n in sorted(counts.items()) if n]


def _read_metric(facet: Mapping[str, Any], found: Mapping[str, Any]) -> float | None:
    """`missing` stands for each subject that has no entry with a value among those counted."""
    stats = found[_VALUES]
    total, count = stats["sum"] if stats["count"] else 0, stats["count"]
    if "missing" in facet:
        lacking = found[_SUBJECTS]["doc_count"] - found[_HAVING][_SUBJECTS]["doc_count"]
        total, count = total + facet["missing"] * lacking, count + lacking
    if facet["type"] == "sum":
        return float(total)
    return total / count if count else None
