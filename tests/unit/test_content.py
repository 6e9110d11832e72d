"""Checking content against an index's fields, and its projection (contract 4.5 to 4.7)."""

import pytest

from garner import limits
from garner.domain.content import CheckedContent, Checker, FieldProblem
from garner.domain.fields import FieldType, Schema

STRING, INTEGER, FLOAT = FieldType.STRING, FieldType.INTEGER, FieldType.FLOAT
BOOLEAN, DATE = FieldType.BOOLEAN, FieldType.DATE
POINT, SHAPE = FieldType.GEO_POINT, FieldType.GEO_SHAPE


def checker(fields=None, **options):
    return Checker(Schema(fields or {}, **options))


def accepted(result):
    assert isinstance(result, CheckedContent), result
    return result


def refused(result):
    assert isinstance(result, FieldProblem), result
    return result


# --- detection ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, BOOLEAN),
        (0, INTEGER),
        (-(2**63), INTEGER),
        (2**63 - 1, INTEGER),
        (2.0, FLOAT),
        (-1e300, FLOAT),
        ("2020-05-01", DATE),
        ("2020-05-01T10:00:00Z", DATE),
        ("2020-05-01T10:00:00", STRING),
        ("spring", STRING),
        ("", STRING),
        ("64.1, -21.9", STRING),
        ([None, [], ["x"]], STRING),
        ([1, 2], INTEGER),
    ],
)
def test_the_first_value_decides_the_type(value, kind):
    check = checker()
    accepted(check.check({"field": value}))
    assert check.new_fields == {"field": kind}


@pytest.mark.parametrize(
    "value", [None, [], {}, [None], [[], {}], {"x": None}, {"x": {"y": []}}, [{"x": {}}]]
)
def test_null_and_empty_values_create_no_field_and_leave_the_name_free(value):
    check = checker()
    assert accepted(check.check({"field": value})) == ({}, True)
    assert check.new_fields == {}
    accepted(check.check({"field": 1}))
    assert check.new_fields == {"field": INTEGER}


def test_members_of_objects_are_fields_and_objects_are_not():
    check = checker()
    accepted(check.check({"a": {"b": {"c": 1}, "d": "x"}}))
    assert check.new_fields == {"a.b.c": INTEGER, "a.d": STRING}


def test_arrays_of_objects_are_fields_of_their_members():
    check = checker()
    accepted(check.check({"a": [{"x": 1}, [{"y": "t"}], {"x": 2, "z": [{"w": True}]}]}))
    assert check.new_fields == {"a.x": INTEGER, "a.y": STRING, "a.z.w": BOOLEAN}


def test_without_date_detection_a_date_is_text():
    check = checker(date_detection=False)
    accepted(check.check({"version": "2020-05-01"}))
    assert check.new_fields == {"version": STRING}


def test_without_date_detection_a_declared_date_is_a_date():
    check = Checker(Schema(date_detection=False), {"released": DATE})
    accepted(check.check({"released": "2020-05-01"}))
    assert refused(check.check({"released": "soon"})).expected == "date"


# --- conversions --------------------------------------------------------------------------------

CONVERSIONS = [
    (STRING, "x", True),
    (STRING, 1, True),
    (STRING, 1.5, True),
    (STRING, True, True),
    (STRING, "2020-05-01", True),
    (FLOAT, 1, True),
    (FLOAT, 1.5, True),
    (FLOAT, "5", False),
    (FLOAT, True, False),
    (INTEGER, 1, True),
    (INTEGER, 2.0, False),
    (INTEGER, 1.5, False),
    (INTEGER, "5", False),
    (INTEGER, False, False),
    (BOOLEAN, True, True),
    (BOOLEAN, 1, False),
    (BOOLEAN, "true", False),
    (DATE, "2020-05-01 10:00:00", True),
    (DATE, "spring", False),
    (DATE, "2020", False),
    (DATE, 2020, False),
    (DATE, True, False),
    *((kind, {"x": 1}, False) for kind in (STRING, INTEGER, FLOAT, BOOLEAN, DATE)),
    *((kind, None, True) for kind in FieldType),
    *((kind, [], True) for kind in FieldType),
]


@pytest.mark.parametrize(("kind", "value", "fits"), CONVERSIONS)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: [[v]]])
def test_values_convert_into_existing_fields_by_the_table(kind, value, fits, wrap):
    result = checker({"a.f": kind}).check({"a": {"f": wrap(value)}})
    assert isinstance(result, CheckedContent) is fits
    if not fits:
        assert (result.code, result.field, result.expected) == ("TYPE_CONFLICT", "a.f", kind.value)


@pytest.mark.parametrize(
    ("found", "value"),
    [("integer", 1), ("string", "x"), ("boolean", True), ("float", 0.5)],
)
def test_a_single_value_in_place_of_an_object_is_a_conflict(found, value):
    problem = refused(checker({"a.b.c": INTEGER}).check({"a": {"b": [value]}}))
    assert (problem.field, problem.expected, problem.found) == ("a.b", "object", found)


def test_an_object_in_place_of_a_new_single_value_is_a_conflict():
    check = checker()
    accepted(check.check({"a": 1}))
    problem = refused(check.check({"a": {"b": 1}}))
    assert (problem.field, problem.expected, problem.found) == ("a", "integer", "object")


@pytest.mark.parametrize("values", [[1, "x"], ["2020-05-01", "x"], [{"x": 1}, 2], [2, {"x": 1}]])
def test_in_an_array_the_first_element_decides(values):
    problem = refused(checker().check({"field": values}))
    assert problem.code == "TYPE_CONFLICT"


def test_text_first_then_numbers_is_an_array_of_text():
    check = checker()
    assert accepted(check.check({"field": ["x", 1, True]})).indexed == {"field": ["x", 1, True]}


def test_a_problem_says_what_to_do_and_quotes_no_value():
    problem = refused(checker({"depth": INTEGER}).check({"depth": "very secret"}))
    assert problem == FieldProblem(
        "TYPE_CONFLICT",
        "depth",
        "integer",
        "string",
        "The field is of type integer in this index and the value is of type string; send a number "
        "without quotes, fraction or exponent, or use another field name: a field keeps its first "
        "type",
    )


# --- what one entry brings, and what a refused one does not --------------------------------------


def test_a_refused_entry_leaves_no_field_behind():
    check = checker({"known": INTEGER})
    accepted(check.check({"kept": 1}))
    refused(check.check({"a": {"b": "text"}, "c": 1, "kept": 2, "known": "no"}))
    assert check.new_fields == {"kept": INTEGER}
    accepted(check.check({"a": 5, "c": "text", "kept": 3}))
    assert check.new_fields == {"kept": INTEGER, "a": INTEGER, "c": STRING}


def test_a_field_of_an_accepted_entry_binds_the_next_one():
    check = checker()
    accepted(check.check({"a": 1}))
    assert refused(check.check({"a": "x"})).expected == "integer"


def test_a_checker_without_new_fields_goes_on():
    check = checker({"a": INTEGER})
    refused(check.check({"a": "x"}))
    accepted(check.check({"a": 1}))
    assert check.new_fields == {}


# --- the projection ------------------------------------------------------------------------------


def test_content_that_needs_no_change_is_its_own_projection():
    content = {"a": 1, "b": {"c": ["x", "y"], "d": [1.5, 2]}, "e": True, "f": "2020-05-01"}
    result = accepted(checker().check(content))
    assert result.indexed is content
    assert not result.differs


def test_names_are_escaped_so_that_a_dot_is_no_level():
    check = checker()
    content = {"a.b": 1, "a": {"b": "x", "c d": {"e*": True}}}
    result = accepted(check.check(content))
    assert result == ({"a%2Eb": 1, "a": {"b": "x", "c%20d": {"e%2A": True}}}, True)
    assert check.new_fields == {"a%2Eb": INTEGER, "a.b": STRING, "a.c%20d.e%2A": BOOLEAN}
    assert content == {"a.b": 1, "a": {"b": "x", "c d": {"e*": True}}}


def test_a_name_that_looks_like_an_escaped_one_stays_apart_from_it():
    result = accepted(checker().check({"a.b": 1, "a%2Eb": "x"}))
    assert result.indexed == {"a%2Eb": 1, "a%252Eb": "x"}


def test_escaped_names_are_refused_by_their_contract_path():
    assert refused(checker({"a%2Eb.c": INTEGER}).check({"a.b": {"c": "x"}})).field == "a\\.b.c"


def test_null_and_empty_values_are_left_out_even_of_known_fields():
    known = {"a": INTEGER, "b.c": STRING, "d": STRING, "site": POINT}
    content = {
        "a": None,
        "b": {"c": [], "x": None},
        "d": ["x", None, [], {}],
        "site": [None, "1,2"],
        "e": 1,
    }
    result = accepted(checker(known).check(content))
    assert result == ({"d": ["x"], "site": ["1,2"], "e": 1}, True)


def test_nested_arrays_are_flattened():
    result = accepted(checker().check({"a": [[1, [2]], 3], "o": [[{"x": 1}], {"x": [[2]]}]}))
    assert result == ({"a": [1, 2, 3], "o": [{"x": 1}, {"x": [2]}]}, True)


def test_the_projection_does_not_depend_on_what_is_known():
    content = {"a": [1, None], "b.c": {"d": None}, "e": {"f": "x", "g": {}}}
    fresh = checker()
    first = accepted(fresh.check(content))
    known = checker({"a": INTEGER, "b%2Ec.d": STRING, "e.f": STRING, "e.g": INTEGER})
    assert accepted(known.check(content)) == first == accepted(fresh.check(content))


# --- sizes and names -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["x" * 32_768, "é" * 16_384, "日" * 10_922])
def test_a_value_of_32_kb_is_accepted_and_a_byte_more_is_not(text):
    assert not isinstance(checker().check({"field": text}), FieldProblem)
    for wrapped in (text + "x" * 3, [text + "x" * 3]):
        check = checker({"field": STRING})
        accepted(check.check({"field": text}))
        assert refused(check.check({"field": wrapped})).code == "VALUE_TOO_LONG"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64 - 1])
@pytest.mark.parametrize("kind", [INTEGER, STRING, FLOAT])
def test_integers_have_at_most_64_bits(number, kind):
    assert refused(checker({"n": kind}).check({"n": number})).code == "NUMBER_OUT_OF_RANGE"
    assert refused(checker().check({"n": number})).code == "NUMBER_OUT_OF_RANGE"


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_floats_are_finite(number):
    check = checker()
    accepted(check.check({"n": 1.7976931348623157e308}))
    assert refused(check.check({"n": number})).code == "NUMBER_OUT_OF_RANGE"


def nested(levels, leaf=1):
    content = leaf
    for _ in range(levels):
        content = {"a": content}
    return content


def test_content_is_at_most_20_levels_deep():
    accepted(checker().check(nested(20)))
    assert refused(checker().check(nested(21))).code == "DEPTH_LIMIT"
    assert refused(checker().check(nested(300, None))).code == "DEPTH_LIMIT"


def test_arrays_are_nested_at_most_20_levels_deep():
    value = 1
    for _ in range(20):
        value = [value]
    assert accepted(checker().check({"a": value})).indexed == {"a": [1]}
    assert refused(checker().check({"a": [value]})).code == "DEPTH_LIMIT"


def test_an_index_has_at_most_1000_fields():
    check = checker({f"f{n}": INTEGER for n in range(999)})
    problem = refused(check.check({"new": 1, "one too many": 2}))
    assert (problem.code, problem.field) == ("FIELD_LIMIT", "one too many")
    accepted(check.check({"f0": 1, "objects": {"do not": {"count": 1}}}))
    assert refused(check.check({"new": 1})).code == "FIELD_LIMIT"
    accepted(check.check({"f0": 1, "new": None}))


@pytest.mark.parametrize("value", [1, None, {"x": 1}, [], {"x": {"": 2}}])
def test_an_empty_name_is_refused(value):
    assert refused(checker().check({"a": {"": value}})).code == "INVALID_FIELD_NAME"


def test_a_field_path_has_at_most_1024_bytes():
    accepted(checker().check({"x" * limits.MAX_FIELD_PATH_BYTES: 1}))
    assert refused(checker().check({"x" * 600: {"y" * 600: 1}})).code == "INVALID_FIELD_NAME"


def test_half_of_a_surrogate_pair_is_refused_in_text_and_in_names():
    assert refused(checker().check({"a": "x\ud800"})).code == "INVALID_TEXT"
    assert refused(checker().check({"a": ["x", "\udfff"]})).code == "INVALID_TEXT"
    assert refused(checker().check({"a": {"\ud800": 1}})).code == "INVALID_FIELD_NAME"


@pytest.mark.parametrize(
    "name",
    ["type", "properties", "_id", "é", "日本", "😀", " ", "\n", "\x00", "*", "http://x.org/a#b"],
)
def test_any_other_string_is_a_name(name):
    check = checker()
    content = {name: {name: "x"}}
    accepted(check.check(content))
    accepted(check.check(content))
    assert len(check.new_fields) == 1


# --- geo fields and declared types ---------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["64.1, -21.9", {"lat": 64.1, "lon": -21.9}, [-21.9, 64.1], [[1, 2], [3, 4]]]
)
def test_a_declared_point_is_one_field_whatever_its_form(value):
    check = Checker(Schema(), {"site": POINT})
    for content in ({"site": value}, {"site": value}):
        assert accepted(check.check(content)).indexed is content
    assert check.new_fields == {"site": POINT}


def test_the_members_of_a_shape_are_not_fields():
    shape = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    check = Checker(Schema({"a.area": SHAPE}))
    result = accepted(check.check({"a": [{"area": shape}, {"area": shape}]}))
    assert result.indexed == {"a": [{"area": shape}, {"area": shape}]}
    assert check.new_fields == {}


def test_an_array_of_shapes_is_indexed_as_a_collection():
    point = {"type": "Point", "coordinates": [1, 2]}
    result = accepted(checker({"area": SHAPE}).check({"area": [point, None, point]}))
    collection = {"type": "GeometryCollection", "geometries": [point, point]}
    assert result == ({"area": collection}, True)


@pytest.mark.parametrize("value", ["91, 0", "spring", 1, {"lat": 1}, ["1,2", "x"]])
def test_a_value_that_is_no_point_is_refused(value):
    problem = refused(checker({"site": POINT}).check({"site": value}))
    assert (problem.code, problem.field, problem.expected) == ("INVALID_GEO", "site", "geo_point")


@pytest.mark.parametrize(
    ("bound", "declared", "field"),
    [
        ({"a": STRING}, {"a": POINT}, "a"),
        ({"a.b": STRING}, {"a": POINT}, "a"),
        ({"a": STRING}, {"a.b": POINT}, "a"),
        ({}, {"a": POINT, "a.b": STRING}, "a"),
        ({}, {"a.b": STRING, "a": POINT}, "a"),
        ({}, {"a..b": STRING}, "a."),
        ({}, {"": STRING}, ""),
        ({}, {"x" * 1025: STRING}, "x" * 1025),
        ({}, {".".join("a" * 21): STRING}, ".".join("a" * 21)),
        ({f"f{n}": STRING for n in range(1000)}, {"a": DATE}, "a"),
    ],
)
def test_a_declaration_that_can_not_be_kept_is_a_problem(bound, declared, field):
    check = Checker(Schema(bound), declared)
    assert check.declaration_problem is not None
    assert check.declaration_problem.field == field
    assert check.new_fields == {}


def test_declaring_what_is_bound_already_changes_nothing():
    check = Checker(Schema({"site": POINT}), {"site": POINT})
    assert check.declaration_problem is None
    assert check.new_fields == {}


def test_declared_types_bind_before_any_value():
    declared = {"version": STRING, "size": FLOAT, "a.b": DATE}
    check = Checker(Schema(), declared)
    assert check.new_fields == declared
    accepted(check.check({"version": "2020-05-01", "size": 1, "a": {"b": "2020-05-01"}}))
    assert check.new_fields == declared
    assert refused(check.check({"a": 1})).expected == "object"
