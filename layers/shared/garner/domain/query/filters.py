"""GFilters as clauses that hold for one entry (contract 3.5)."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from garner.domain.documents import ENTRIES_CONTENT
from garner.domain.fields import FieldType, engine_path, parse_contract_path
from garner.domain.query.clauses import MATCH_ALL, MATCH_NONE, all_of, any_of, none_of
from garner.domain.query.dates import parse_instant
from garner.domain.query.scope import Field, Scope
from garner.domain.query.text.values import as_integer, integer_bounds, parse_number
from garner.errors import JsonObject
from garner.limits import MAX_FACETED_CHARACTERS

OPEN = "*"
_MILLISECONDS = {"format": "epoch_millis"}
_ESCAPE_OR_STARS = re.compile(r"(\\.)|\*+", re.DOTALL)


def compile_filters(
    filters: Iterable[Mapping[str, Any]], scope: Scope, part: str = "filters"
) -> list[JsonObject]:
    """One clause per filter; all must hold. `part` is where they stand in the request."""
    return [_compile(document, scope, part) for document in filters]


def _compile(document: Mapping[str, Any], scope: Scope, part: str) -> JsonObject:
    match document["type"]:
        case "not":
            return none_of(_compile(document["filter"], scope, part))
        case "and":
            return all_of(compile_filters(document["filters"], scope, part))
        case "or":
            return any_of(compile_filters(document["filters"], scope, part))
        case "exists":
            return _exists(document["field_name"], scope)
        case "match_all" if not document["values"]:
            return MATCH_ALL
        case leaf:
            field = scope.field(document["field_name"])
            return MATCH_NONE if field is None else _LEAVES[leaf](field, document, scope, part)


def _exists(given: str, scope: Scope) -> JsonObject:
    """An object exists if one of its fields does."""
    scope.spend(1)
    path = engine_path(parse_contract_path(given))
    if scope.field(given) is None and not scope.is_object(path):
        return MATCH_NONE
    return {"exists": {"field": f"{ENTRIES_CONTENT}.{path}"}}


# --- whole values -------------------------------------------------------------------------------


def _match_any(field: Field, document: Mapping[str, Any], scope: Scope, _: str) -> JsonObject:
    values = document["values"]
    found = [value for value in map(_coercion(field.type), values) if value is not None]
    if field.type is FieldType.DATE:
        scope.spend(len(found))
        return any_of([between(field, instant, instant) for instant in found])
    values_of = defaultdict(list)
    for value in found:
        values_of[field.lookup_name(value)].append(value)
    scope.spend(max(1, len(values_of)))
    return any_of([{"terms": {name: values}} for name, values in values_of.items()])


def _match_all(field: Field, document: Mapping[str, Any], scope: Scope, _: str) -> JsonObject:
    values = document["values"]
    found = [value for value in map(_coercion(field.type), values) if value is not None]
    if len(found) < len(values):
        return MATCH_NONE
    scope.spend(len(found))
    if field.type is FieldType.DATE:
        return all_of([between(field, instant, instant) for instant in found])
    return all_of([{"term": {field.lookup_name(value): value}} for value in found])


def between(field: Field, first: int, last: int) -> JsonObject:
    """A date field has a value among these instants, both included."""
    return {"range": {field.name: {"gte": first, "lte": last, **_MILLISECONDS}}}


def _coercion(kind: FieldType) -> Any:
    """Value → what the engine compares with, or None where no document can hold it."""
    match kind:
        case FieldType.STRING:
            return _as_string
        case FieldType.INTEGER:
            return _as_integer
        case FieldType.FLOAT:
            return _as_float
        case FieldType.BOOLEAN:
            return _as_boolean
        case FieldType.DATE:
            return parse_instant
        case _:
            return _as_nothing


def _as_string(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= MAX_FACETED_CHARACTERS else None


def _as_number(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(value)
    return parse_number(value) if isinstance(value, str) else None


def _as_integer(value: object) -> int | None:
    number = _as_number(value)
    return None if number is None else as_integer(number)


def _as_float(value: object) -> float | None:
    number = _as_number(value)
    return None if number is None or not isfinite(float(number)) else float(number)


def _as_boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def _as_nothing(value: object) -> None:
    return None


# --- ranges -------------------------------------------------------------------------------------

_ENDS = {"from": "gte", "to": "lte"}  # both inclusive (contract 7.12)


def _ranges(field: Field, document: Mapping[str, Any], scope: Scope, part: str) -> JsonObject:
    if field.type.is_geo or field.type is FieldType.BOOLEAN:
        scope.refuse(part, field, "a range needs strings, numbers or dates")
        return MATCH_NONE
    found = []
    for said in document["values"]:
        scope.spend(1)
        bounds = {_ENDS.get(key, key): value for key, value in said.items() if value != OPEN}
        if any(_bound(field.type, value) is None for value in bounds.values()):
            scope.refuse(part, field, "a bound of the range is no value of this type")
        else:
            found.append(_range(field, bounds))
    return any_of(found)


def _bound(kind: FieldType, value: object) -> Any:
    match kind:
        case FieldType.STRING:
            return value if isinstance(value, str) else orjson.dumps(value).decode()
        case FieldType.DATE:
            return parse_instant(value)
        case _:
            return _as_number(value)


def _range(field: Field, given: Mapping[str, object]) -> JsonObject:
    if not given:
        return {"exists": {"field": field.value_name}}
    bounds = {key: _bound(field.type, value) for key, value in given.items()}
    match field.type:
        case FieldType.DATE:
            bounds |= _MILLISECONDS
        case FieldType.INTEGER:
            lower, upper = (bounds.get(f"{end}e", bounds.get(end)) for end in ("gt", "lt"))
            integers = integer_bounds(lower, upper, "gte" in bounds, "lte" in bounds)
            if integers is None:
                return MATCH_NONE
            bounds = dict(zip(("gte", "lte"), integers, strict=True))
        case FieldType.FLOAT:
            bounds = {key: float(value) for key, value in bounds.items()}
            if not all(map(isfinite, bounds.values())):
                return _beyond_floats(field, bounds)
    return {"range": {field.value_name: bounds}}


def _beyond_floats(field: Field, bounds: Mapping[str, float]) -> JsonObject:
    """A bound that no float reaches excludes everything, or nothing."""
    lower = bounds.get("gte", bounds.get("gt", 0.0))
    upper = bounds.get("lte", bounds.get("lt", 0.0))
    if lower == float("inf") or upper == float("-inf"):
        return MATCH_NONE
    finite = {key: value for key, value in bounds.items() if isfinite(value)}
    return _range(field, finite)


# --- strings and places -------------------------------------------------------------------------


def _like(field: Field, document: Mapping[str, Any], scope: Scope, part: str) -> JsonObject:
    r"""`*` is any run, `?` one character; a backslash makes the next character an ordinary one."""
    if field.type is not FieldType.STRING:
        scope.refuse(part, field, "like needs a string")
        return MATCH_NONE
    scope.spend(1)
    pattern = _ESCAPE_OR_STARS.sub(lambda match: match[1] or OPEN, document["value"])
    return {"wildcard": {field.value_name: {"value": pattern}}}


def _box(field: Field, document: Mapping[str, Any], scope: Scope, part: str) -> JsonObject:
    if not field.type.is_geo:
        scope.refuse(part, field, "a bounding box needs places")
        return MATCH_NONE
    scope.spend(1)
    northwest, southeast = document["top_left"], document["bottom_right"]
    if field.type is FieldType.GEO_POINT:
        corners = {"top_left": northwest, "bottom_right": southeast}
        return {"geo_bounding_box": {field.name: corners}}
    corner_pair = [[corner["lon"], corner["lat"]] for corner in (northwest, southeast)]
    return _geo_shape(field, {"type": "envelope", "coordinates": corner_pair}, "intersects")


def _shape(field: Field, document: Mapping[str, Any], scope: Scope, part: str) -> JsonObject:
    if not field.type.is_geo:
        scope.refuse(part, field, "geo_shape needs places")
        return MATCH_NONE
    scope.spend(1)
    polygon = {"type": "polygon", "coordinates": document["shape"]["coordinates"]}
    # A point lies within what it intersects, and the engine knows only that for points.
    is_point = field.type is FieldType.GEO_POINT
    return _geo_shape(field, polygon, "intersects" if is_point else document["relation"])


def _geo_shape(field: Field, shape: JsonObject, relation: str) -> JsonObject:
    return {"geo_shape": {field.name: {"shape": shape, "relation": relation}}}


_LEAVES: dict[str, Callable[[Field, Mapping[str, Any], Scope, str], JsonObject]] = {
    "match_any": _match_any,
    "match_all": _match_all,
    "range": _ranges,
    "like": _like,
    "geo_bounding_box": _box,
    "geo_shape": _shape,
}
