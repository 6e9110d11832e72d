"""Which values a geo field takes (contract 4.5): the engine's rules, copied, so that a bad value is
a reason in words before anything is written.

Not copied: a polygon that crosses itself, or has a hole outside of it. The engine finds these while
it cuts the polygon into triangles, and its refusal is reported for that entry.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from garner.domain.fields import FieldType

Reason = str
"""What is wrong and what to send instead."""

_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?"
_LAT_LON = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\Z", re.ASCII)

_POINT_FORMS = 'send "<lat>, <lon>", {"lat": …, "lon": …} or [lon, lat]'


def geo_problem(kind: FieldType, value: Any) -> Reason | None:
    """Why `value` (one value, or an array of them) can't go into a field of this geo type."""
    check = _point_problem if kind is FieldType.GEO_POINT else _shape_problem
    if not isinstance(value, list) or (kind is FieldType.GEO_POINT and _is_position(value)):
        return check(value)
    return next(filter(None, map(check, value)), None)


def _is_position(value: list[Any]) -> bool:
    return bool(value) and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _point_problem(value: Any) -> Reason | None:
    match value:
        case str() if pair := _LAT_LON.match(value):
            return _range_problem(float(pair[1]), float(pair[2]))
        case {"lat": lat, "lon": lon, **rest} if not rest and _is_number(lat) and _is_number(lon):
            return _range_problem(lat, lon)
        case [lon, lat] if _is_number(lat) and _is_number(lon):
            return _range_problem(lat, lon)
    return f"is not a point: {_POINT_FORMS}"


def _range_problem(lat: float, lon: float) -> Reason | None:
    if not -90 <= lat <= 90:
        return "has a latitude outside -90 to 90; in text it comes first, in arrays second"
    if not -180 <= lon <= 180:
        return "has a longitude outside -180 to 180"
    return None


def _shape_problem(value: Any) -> Reason | None:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return 'is not a GeoJSON geometry: send an object with "type" and "coordinates"'
    name = value["type"].lower()
    if name == "geometrycollection":
        return _collection_problem(value)
    check = _GEOMETRIES.get(name)
    if check is None:
        return "is of a geometry type that is not known: send Point, LineString, Polygon or Multi…"
    if value.keys() != {"type", "coordinates"}:
        return 'has members that are not of a GeoJSON geometry: send only "type" and "coordinates"'
    return check(value["coordinates"]) or _height_problem(value["coordinates"])


def _height_problem(coordinates: list[Any]) -> Reason | None:
    if len(_dimensions(coordinates)) > 1:
        return "has positions with and without a height: send it for all of them or for none"
    return None


def _dimensions(coordinates: list[Any]) -> set[int]:
    """How many numbers the positions have, in coordinates that are in order otherwise."""
    if _is_position(coordinates):
        return {len(coordinates)}
    return set().union(*map(_dimensions, coordinates))


def _collection_problem(value: dict[str, Any]) -> Reason | None:
    parts = value.get("geometries")
    if value.keys() != {"type", "geometries"} or not isinstance(parts, list) or not parts:
        return 'is a GeometryCollection without "geometries": send "type" and "geometries"'
    if any(isinstance(p, dict) and "geometries" in p for p in parts):
        return "is a GeometryCollection inside another one: put its geometries into one"
    return next(filter(None, map(_shape_problem, parts)), None)


def _position(value: Any) -> Reason | None:
    """Longitude first; a height is allowed and not indexed."""
    if not isinstance(value, list) or len(value) not in (2, 3) or not _is_position(value):
        return "has a position that is not [lon, lat]"
    return _range_problem(value[1], value[0])


def _positions(least: int, what: str) -> Callable[[Any], Reason | None]:
    def check(value: Any) -> Reason | None:
        if not isinstance(value, list) or len(value) < least:
            return f"has {what} of fewer than {least} positions"
        return next(filter(None, map(_position, value)), None)

    return check


def _ring(value: Any) -> Reason | None:
    if reason := _ring_positions(value):
        return reason
    if value[0] != value[-1]:
        return "has a ring that is not closed: repeat its first position at its end"
    if any(a == b for a, b in pairwise(value)):
        return "has a ring with the same position twice in a row"
    if _doubled_area(value) == 0:
        return "has a ring without area"
    return None


def _doubled_area(ring: Sequence[Sequence[float]]) -> float:
    (x0, y0, *_), *_ = ring
    return sum((a[0] - x0) * (b[1] - y0) - (b[0] - x0) * (a[1] - y0) for a, b in pairwise(ring))


def _envelope(value: Any) -> Reason | None:
    if not isinstance(value, list) or len(value) != 2:
        return "is an Envelope that is not [[west, north], [east, south]]"
    if reason := next(filter(None, map(_position, value)), None):
        return reason
    (west, north, *_), (east, south, *_) = value
    if west >= east or south >= north:
        return "is an Envelope whose first position does not lie northwest of the second"
    return None


def _each(check: Callable[[Any], Reason | None], what: str) -> Callable[[Any], Reason | None]:
    def check_all(value: Any) -> Reason | None:
        if not isinstance(value, list) or not value:
            return f"has no {what}"
        return next(filter(None, map(check, value)), None)

    return check_all


_ring_positions = _positions(4, "a ring")
_line = _positions(2, "a line")
_polygon = _each(_ring, "ring")

_GEOMETRIES: dict[str, Callable[[Any], Reason | None]] = {
    "point": _position,
    "linestring": _line,
    "polygon": _polygon,
    "multipoint": _positions(1, "a MultiPoint"),
    "multilinestring": _each(_line, "line"),
    "multipolygon": _each(_polygon, "polygon"),
    "envelope": _envelope,
}
