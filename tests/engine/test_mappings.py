"""What the checker accepts, the engine accepts, and finds again."""

from urllib.parse import quote

import pytest

from garner.domain import documents as doc
from garner.domain.content import CheckedContent, Checker
from garner.domain.fields import FieldType, Schema
from garner.storage.opensearch.indexes import OpenSearchIndexes

POINT, SHAPE = FieldType.GEO_POINT, FieldType.GEO_SHAPE
SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]


class Index:
    """One index and its checker: what the worker does, for one entry at a time."""

    def __init__(self, engine, index_id, declared):
        self.engine = engine
        self.index_id = index_id
        self.indexes = OpenSearchIndexes(engine)
        self.checker = Checker(Schema(), declared)
        self.indexes.create(index_id, 1, Schema(dict(self.checker.new_fields)))

    def put(self, name, content):
        result = self.checker.check(content)
        assert isinstance(result, CheckedContent), result
        fields = dict(self.checker.new_fields)
        self.indexes.put_fields(self.index_id, fields, Schema(fields))
        entry = {"visible_to": ["public"], "content": result.indexed}
        if result.differs:
            entry["original"] = content
        path = f"/{doc.write_alias(self.index_id)}/_doc/{quote(name)}?require_alias=true"
        body = {"subject": name, "live": True, "entries": [entry]}
        answer = self.engine.request("PUT", path, body)
        assert answer.ok, (content, answer.body)

    def find(self, query):
        """The names of what one entry matches, sorted."""
        self.indexes.refresh(self.index_id)
        body = {"size": 100, "query": {"nested": {"path": doc.ENTRIES, "query": query}}}
        answer = self.engine.request("POST", f"/{doc.read_alias(self.index_id)}/_search", body)
        assert answer.ok, answer.body
        return sorted(hit["_id"] for hit in answer.json()["hits"]["hits"])

    def field(self, path):
        return f"{doc.ENTRIES_CONTENT}.{path}"


@pytest.fixture
def new_index(engine, index_id):
    return lambda declared=None: Index(engine, index_id, declared)


DATES = {
    "day": "2020-05-01",
    "no zone": "2020-05-01 10:11:12",
    "slashes": "2020/05/01 10:11:12 +0000",
    "slashes, colon": "2020/05/01 04:11:12 -06:00",
    "slashes, Z": "2020/05/01 10:11:12 Z",
    "zulu": "2020-05-01T10:11:12Z",
    "offset": "2020-05-01T15:41:12+05:30",
    "offset without colon": "2020-05-01T15:41:12+0530",
    "far west": "2020-04-30T16:11:12-18:00",
    "first": "0001-01-01",
    "last": "9999-12-31",
    "leap": "2020-02-29",
    **{f"{n} digits": f"2020-05-01T10:11:12.{'123456789'[:n]}Z" for n in range(1, 10)},
    "digits and offset": "2020-05-01T10:11:12.123456+00:00",
}
AT_10_11_12 = [
    "far west", "no zone", "offset", "offset without colon", "slashes", "slashes, Z",
    "slashes, colon", "zulu",
]  # fmt: skip


def test_all_forms_of_dates_are_indexed_and_the_same_instant_is_the_same_value(new_index):
    index = new_index()
    for name, text in DATES.items():
        index.put(name, {"when": text})
    when = index.field("when")
    instant = {"gte": "2020-05-01T10:11:12.000Z", "lte": "2020-05-01T10:11:12.000Z"}
    assert index.find({"range": {when: instant}}) == AT_10_11_12
    millisecond = {"gte": "2020-05-01T10:11:12.123Z", "lt": "2020-05-01T10:11:12.124Z"}
    digits = [f"{n} digits" for n in range(3, 10)]
    assert index.find({"range": {when: millisecond}}) == [*digits, "digits and offset"]
    assert index.find({"range": {when: {"lt": "0001-01-02"}}}) == ["first"]
    assert index.find({"range": {when: {"gte": "9999", "format": "uuuu"}}}) == ["last"]


def test_numbers_are_indexed_to_the_ends_of_their_range(new_index):
    index = new_index()
    index.put("lowest", {"n": -(2**63), "f": -1.7976931348623157e308})
    index.put("highest", {"n": 2**63 - 1, "f": 1.7976931348623157e308})
    index.put("tiny", {"n": 0, "f": 5e-324})
    index.put("whole", {"n": 1, "f": 2**62})
    assert index.find({"term": {index.field("n"): -(2**63)}}) == ["lowest"]
    assert index.find({"term": {index.field("n"): 2**63 - 1}}) == ["highest"]
    assert index.find({"range": {index.field("f"): {"gt": 0, "lt": 1}}}) == ["tiny"]
    assert index.find({"term": {index.field("f"): 2.0**62}}) == ["whole"]


def test_numbers_and_booleans_in_a_string_field_are_text(new_index):
    index = new_index()
    for name, value in {"text": "x", "one": 1, "half": 0.5, "true": True}.items():
        index.put(name, {"s": value})
    index.put("all", {"s": ["x", 1, 0.5, True, "2020-05-01"]})
    for name, text in {"text": "x", "one": "1", "half": "0.5", "true": "true"}.items():
        assert index.find({"term": {index.field("s.keyword"): text}}) == sorted(["all", name])


def test_text_numbers_booleans_and_dates_are_found_by_the_default_field(new_index):
    index = new_index()
    index.put("a", {"text": "Lava flow", "n": 1017, "f": 2.75, "b": True, "d": "2020-05-01"})
    index.put("b", {"deep": {"er": [{"x": "needle"}, {"x": ["in", "hay"]}]}})
    for word in ("LAVA", "1017", "2.75", "true", "2020-05-01"):
        assert index.find({"match": {doc.ENTRIES_TEXT: word}}) == ["a"]
    assert index.find({"match": {doc.ENTRIES_TEXT: "hay"}}) == ["b"]


NAMES = [
    "a.b", "a%2Eb", "type", "properties", "fields", "copy_to", "keyword", "_id", "_source", "_",
    "", " ", " x ", "é", "日本", "😀", "\x00", "\n", "\\", '"', "a,b", "*", "?", ".", "..", "#",
    "http://x.org/a.b#c", "@context", "$ref", "[0]", "<x>", "'", "null", "1", "-", "x" * 900,
]  # fmt: skip


def test_any_name_is_a_field_of_its_own(new_index):
    index = new_index()
    names = [name for name in NAMES if name]
    content = {name: {"in": f"value {n}"} for n, name in enumerate(names)}
    index.put("all", content)
    paths = list(index.checker.new_fields)
    assert len(paths) == len(names)
    for n, path in enumerate(paths):
        assert index.find({"term": {index.field(f"{path}.keyword"): f"value {n}"}}) == ["all"]


def test_content_of_20_levels_and_an_index_of_1000_fields_are_mapped(new_index):
    index = new_index()
    leaf = "needle"
    for level in range(20):
        leaf = {f"level{level}": leaf}
    index.put("deep", leaf)
    index.put("wide", {f"o{n}": {f"f{m}": "x" for m in range(27)} for n in range(37)})
    assert len(index.checker.new_fields) == 1000
    assert index.find({"match": {doc.ENTRIES_TEXT: "needle"}}) == ["deep"]


def test_a_long_value_is_found_by_its_words_and_not_as_a_whole(new_index):
    index = new_index()
    whole = index.field("s.keyword")
    for name, text in {"fits": "é" * 10_000, "long": "w " * 6_000 + "needle"}.items():
        index.put(name, {"s": text})
    index.put("32 KB", {"s": "日" * 10_922})
    index.put("one word", {"s": "x" * 32_768})
    assert index.find({"term": {whole: "é" * 10_000}}) == ["fits"]
    assert index.find({"exists": {"field": whole}}) == ["fits"]
    assert index.find({"match": {doc.ENTRIES_TEXT: "needle"}}) == ["long"]


def test_nothing_of_an_original_is_searched_or_mapped(new_index):
    index = new_index()
    index.put("a", {"a.b": "x", "gone": None, "mixed": [[1, [2]], None]})
    index.put("b", {"c": "y", "gone": {"or": []}})
    assert index.find({"exists": {"field": f"{doc.ENTRIES}.{doc.ORIGINAL}.a.b"}}) == []
    assert index.find({"term": {index.field("mixed"): 2}}) == ["a"]


POINTS = {
    "text": "64.1, -21.9",
    "tight": "64.1,-21.9",
    "object": {"lat": 64.1, "lon": -21.9},
    "pair": [-21.9, 64.1],
    "several": [[0, 0], "64.1,-21.9"],
    "members": [{"lat": 64.1, "lon": -21.9}, None],
}


def test_all_forms_of_points_are_the_same_place(new_index):
    index = new_index({"site": POINT})
    for name, value in POINTS.items():
        index.put(name, {"site": value})
    index.put("elsewhere", {"site": "0, 0"})
    box = {"top_left": {"lat": 65, "lon": -22}, "bottom_right": {"lat": 64, "lon": -21}}
    assert index.find({"geo_bounding_box": {index.field("site"): box}}) == sorted(POINTS)


SHAPES = {
    "point": {"type": "Point", "coordinates": [1, 2]},
    "lower case": {"type": "point", "coordinates": [1, 2]},
    "height": {"type": "Point", "coordinates": [1, 2, 300]},
    "line": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
    "polygon": {"type": "Polygon", "coordinates": [SQUARE]},
    "clockwise": {"type": "Polygon", "coordinates": [SQUARE[::-1]]},
    "hole": {"type": "Polygon", "coordinates": [SQUARE, [[7, 7], [8, 7], [8, 8], [7, 7]]]},
    "points": {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]},
    "lines": {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]},
    "polygons": {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]},
    "envelope": {"type": "Envelope", "coordinates": [[1, 4], [3, 2]]},
    "collection": {
        "type": "GeometryCollection",
        "geometries": [{"type": "Point", "coordinates": [1, 2]}],
    },
    "array": [{"type": "Point", "coordinates": [1, 2]}, {"type": "Point", "coordinates": [3, 4]}],
}


def test_all_geometries_are_taken(new_index):
    index = new_index({"area": SHAPE})
    for name, value in SHAPES.items():
        index.put(name, {"area": value})
    assert index.find({"match_all": {}}) == sorted(SHAPES)


@pytest.mark.usefixtures("only_opensearch")
def test_all_geometries_are_found(new_index):
    index = new_index({"area": SHAPE})
    for name, value in SHAPES.items():
        index.put(name, {"area": value})
    index.put("elsewhere", {"area": {"type": "Point", "coordinates": [50, 50]}})
    index.put("nowhere", {"x": "text"})
    around = {"type": "Polygon", "coordinates": [SQUARE]}
    inside = {"geo_shape": {index.field("area"): {"shape": around, "relation": "intersects"}}}
    assert index.find(inside) == sorted(SHAPES)
