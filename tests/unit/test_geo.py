"""Which values a geo field takes (contract 4.5)."""

import pytest

from garner.domain.fields import FieldType
from garner.domain.geo import geo_problem

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]


@pytest.mark.parametrize(
    "value",
    [
        "64.1, -21.9",
        "64.1,-21.9",
        " 64 ,  -21 ",
        "+90,-180",
        {"lat": 64.1, "lon": -21},
        [-21.9, 64.1],
        [-180, 90],
        ["64.1, -21.9", "1,2"],
        [[-21.9, 64.1], [1, 2]],
        [{"lat": 1, "lon": 2}, "3,4"],
    ],
)
def test_the_three_forms_of_points_and_arrays_of_them_are_taken(value):
    assert geo_problem(FieldType.GEO_POINT, value) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("u4pruydqqvj", "not a point"),
        ("POINT (1 2)", "not a point"),
        ("1", "not a point"),
        ("1,2,3", "not a point"),
        ("", "not a point"),
        ({"lat": 1}, "not a point"),
        ({"lat": "1", "lon": "2"}, "not a point"),
        ({"lat": 1, "lon": 2, "z": 3}, "not a point"),
        ([1, 2, 3], "not a point"),
        ([1], "not a point"),
        (1, "not a point"),
        (True, "not a point"),
        ([True, False], "not a point"),
        (["1,2", "x"], "not a point"),
        ("91,0", "latitude outside"),
        ({"lat": -90.5, "lon": 0}, "latitude outside"),
        ([0, 91], "latitude outside"),
        ("0,181", "longitude outside"),
        ([[1, 2], [-180.5, 0]], "longitude outside"),
    ],
)
def test_a_value_that_is_no_point_is_refused_with_a_reason(value, words):
    assert words in (geo_problem(FieldType.GEO_POINT, value) or "")


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "point", "coordinates": [1, 2, 300.5]},
        {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "Polygon", "coordinates": [SQUARE, [[1, 1], [2, 1], [2, 2], [1, 1]]]},
        {"type": "MultiPoint", "coordinates": [[1, 2]]},
        {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]},
        {"type": "Envelope", "coordinates": [[1, 4], [3, 2]]},
        {
            "type": "GeometryCollection",
            "geometries": [{"type": "Point", "coordinates": [1, 2]}],
        },
    ],
)
def test_geojson_geometries_are_shapes(value):
    assert geo_problem(FieldType.GEO_SHAPE, value) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("POINT (1 2)", "not a GeoJSON geometry"),
        ({"coordinates": [1, 2]}, "not a GeoJSON geometry"),
        ({"type": 1, "coordinates": [1, 2]}, "not a GeoJSON geometry"),
        ({"type": "Circle", "coordinates": [1, 2]}, "not known"),
        ({"type": "Point"}, "members"),
        ({"type": "Point", "coordinates": [1, 2], "crs": {}}, "members"),
        ({"type": "Point", "coordinates": ["1", "2"]}, "position"),
        ({"type": "Point", "coordinates": [1]}, "position"),
        ({"type": "Point", "coordinates": None}, "position"),
        ({"type": "Point", "coordinates": [1, 91]}, "latitude"),
        ({"type": "Point", "coordinates": [181, 1]}, "longitude"),
        ({"type": "LineString", "coordinates": [[1, 2]]}, "fewer than 2"),
        ({"type": "LineString", "coordinates": [[1, 2, 3], [3, 4]]}, "height"),
        ({"type": "Polygon", "coordinates": []}, "no ring"),
        ({"type": "Polygon", "coordinates": [SQUARE[:3]]}, "fewer than 4"),
        ({"type": "Polygon", "coordinates": [SQUARE[:-1]]}, "not closed"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}, "without area"),
        ({"type": "Polygon", "coordinates": [[[0, 0], *SQUARE]]}, "twice in a row"),
        ({"type": "MultiPoint", "coordinates": []}, "fewer than 1"),
        ({"type": "MultiPolygon", "coordinates": []}, "no polygon"),
        ({"type": "Envelope", "coordinates": [[1, 2], [3, 4]]}, "northwest"),
        ({"type": "Envelope", "coordinates": [[1, 2]]}, "[west, north]"),
        ({"type": "GeometryCollection", "geometries": []}, "geometries"),
        ({"type": "GeometryCollection", "coordinates": [1, 2]}, "geometries"),
        (
            {
                "type": "GeometryCollection",
                "geometries": [{"type": "GeometryCollection", "geometries": []}],
            },
            "inside another",
        ),
        (
            {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1]}]},
            "position",
        ),
    ],
)
def test_a_value_that_is_no_geometry_is_refused_with_a_reason(value, words):
    assert words in (geo_problem(FieldType.GEO_SHAPE, value) or "")
