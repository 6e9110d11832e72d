"""Filters, facets, sort and paging, asked of an engine (contract 3)."""

import pytest

from garner.domain.fields import FieldType
from garner.errors import BadRequest, ValidationFailed
from garner.limits import MAX_FACETED_CHARACTERS, MAX_TERM_CHARACTERS
from tests.fakes.query import Collection, caller, entry, subjects_of

OWNER = caller(1)


def filter_of(kind, field, *values):
    return {"type": kind, "field_name": field, "values": list(values)}


def span(field, *ranges):
    return filter_of("range", field, *ranges)


def like(field, value):
    return {"type": "like", "field_name": field, "value": value}


def exists(field):
    return {"type": "exists", "field_name": field}


def negation(inner):
    return {"type": "not", "filter": inner}


def either(*inner):
    return {"type": "or", "filters": list(inner)}


def both(*inner):
    return {"type": "and", "filters": list(inner)}


def one(**content):
    return [entry(content)]


def values(*pairs):
    return [value for value, _ in pairs]


@pytest.fixture(scope="module")
def rocks(engine):
    return Collection(
        engine,
        "00000000-0000-4000-8000-00000000000a",
        {
            "core:1": one(rock="basalt", depth=100, wet=True, year=2019, tags=["a", "b"]),
            "core:2": one(rock="Basalt", depth=200, ratio=1.5, day="2020-05-01", site={"x": "s"}),
            "core:3": one(rock="gabbro", depth=[300, 20], wet=False, tags=["b"]),
            "core:4": one(note="nothing else", **{"a.b": "dotted"}, a={"b": "nested"}),
        },
    )


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.compliance(75)
def test_match_any_finds_whole_values_and_coerces_them(rocks):
    assert rocks.found(filter_of("match_any", "rock", "basalt", "gabbro")) == ["core:1", "core:3"]
    assert rocks.found(filter_of("match_any", "rock", "bas")) == []
    assert rocks.found(filter_of("match_any", "year", "2019")) == ["core:1"]
    assert rocks.found(filter_of("match_any", "year", "abc", None)) == []
    assert rocks.found(filter_of("match_any", "wet", True)) == ["core:1"]
    assert rocks.found(filter_of("match_any", "wet", "false")) == ["core:3"]
    assert rocks.found(filter_of("match_any", "ratio", "1.5", 7)) == ["core:2"]
    assert rocks.found(filter_of("match_any", "rock")) == []


@pytest.mark.compliance(75)
def test_match_all_wants_every_value_in_an_array(rocks):
    assert rocks.found(filter_of("match_any", "tags", "a", "b")) == ["core:1", "core:3"]
    assert rocks.found(filter_of("match_all", "tags", "a", "b")) == ["core:1"]
    assert rocks.found(filter_of("match_all", "depth", 300, "20")) == ["core:3"]
    assert len(rocks.found(filter_of("match_all", "tags"))) == 4


def test_equal_instants_match_whatever_their_spelling(rocks):
    for spelling in ("2020-05-01", "2020-05-01T02:00:00+02:00", "2020/05/01 00:00:00 Z", "2020-05"):
        assert rocks.found(filter_of("match_any", "day", spelling)) == ["core:2"], spelling
        assert rocks.found(filter_of("match_all", "day", spelling)) == ["core:2"], spelling


@pytest.mark.compliance(76)
def test_ranges_have_inclusive_exclusive_and_open_ends(rocks):
    assert rocks.found(span("depth", {"from": 100, "to": 200})) == ["core:1", "core:2"]
    assert rocks.found(span("depth", {"gt": 100, "lt": 300})) == ["core:2"]
    assert rocks.found(span("depth", {"gte": 100, "lt": "*"})) == ["core:1", "core:2", "core:3"]
    assert rocks.found(span("depth", {"from": "*", "to": "*"})) == ["core:1", "core:2", "core:3"]
    assert rocks.found(span("depth", {"gt": 199.5, "lte": 200.5})) == ["core:2"]
    assert rocks.found(span("depth", {"from": 200, "to": 100})) == []
    assert rocks.found(span("depth", {"lt": 30}, {"gt": 150, "lt": 250})) == ["core:2", "core:3"]
    assert rocks.found(span("depth", {"gt": 10**30})) == []
    assert rocks.found(span("ratio", {"gt": 1, "lt": "1e999"})) == ["core:2"]


def test_ranges_on_dates_take_partial_dates_and_years(rocks):
    assert rocks.found(span("day", {"gte": "2020", "lt": "2021"})) == ["core:2"]
    assert rocks.found(span("day", {"from": 2020, "to": 2021})) == ["core:2"]
    assert rocks.found(span("day", {"gt": "2020-05-01", "lt": "*"})) == []
    assert rocks.found(span("day", {"from": "2020-05-01 00:00:00", "to": "2020-05"})) == ["core:2"]


def test_ranges_on_strings_are_lexicographic(rocks):
    assert rocks.found(span("rock", {"gte": "a", "lt": "c"})) == ["core:1"]
    assert rocks.found(span("rock", {"from": "Basalt", "to": "basalt"})) == ["core:1", "core:2"]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("rock", ["core:1", "core:2", "core:3"]),
        ("depth", ["core:1", "core:2", "core:3"]),
        ("ratio", ["core:2"]),
        ("day", ["core:2"]),
        ("wet", ["core:1", "core:3"]),
    ],
)
def test_values_of_each_type_exist(rocks, field, names):
    assert rocks.found(exists(field)) == names


@pytest.mark.compliance(77)
def test_exists_like_and_logic_select_and_nest(rocks):
    assert rocks.found(exists("wet")) == ["core:1", "core:3"]
    assert rocks.found(exists("site")) == ["core:2"]
    assert rocks.found(exists("nowhere")) == []
    assert rocks.found(like("rock", "bas*")) == ["core:1"]
    assert rocks.found(like("rock", "?asalt")) == ["core:1", "core:2"]
    assert rocks.found(like("rock", "b?lt")) == []
    deep = negation(either(both(exists("wet"), negation(like("rock", "g*"))), exists("note")))
    assert rocks.found(deep) == ["core:2", "core:3"]
    assert rocks.found(both()) == rocks.found()
    assert rocks.found(either()) == []


def test_a_backslash_makes_a_wildcard_ordinary(engine, index_id):
    names = Collection(engine, index_id, {"s": one(n="50*"), "t": one(n="50a"), "u": one(n="5**")})
    assert names.found(like("n", r"50\*")) == ["s"]
    assert names.found(like("n", "50**")) == ["s", "t"]
    assert names.found(like("n", r"5\**")) == ["u"]


LENGTHS = (1, MAX_TERM_CHARACTERS, MAX_TERM_CHARACTERS + 1, MAX_FACETED_CHARACTERS)
"""Up to the second one a value is a term, up to the last one it is kept to be compared."""


@pytest.fixture(scope="module")
def lengths(engine):
    plain = {f"a{length:05}": one(t="a" * length) for length in LENGTHS}
    pairs = {"pairs": one(t="😀" * MAX_TERM_CHARACTERS)}
    return Collection(engine, "00000000-0000-4000-8000-000000000010", plain | pairs)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_whole_value_is_found_whatever_its_length(lengths, length):
    value, name = "a" * length, f"a{length:05}"
    assert lengths.found(filter_of("match_any", "t", value)) == [name]
    assert lengths.found(filter_of("match_all", "t", value)) == [name]
    assert lengths.found(span("t", {"from": value, "to": value})) == [name]
    others = [other for other in lengths.found() if other != name]
    assert lengths.found(negation(filter_of("match_any", "t", value))) == others


def test_long_and_short_values_are_looked_for_together(lengths):
    every = ["a" * length for length in LENGTHS]
    assert lengths.found(filter_of("match_any", "t", *every)) == lengths.found(like("t", "a*"))
    assert lengths.found(filter_of("match_all", "t", *every)) == []
    assert lengths.found(filter_of("match_any", "t", "😀" * MAX_TERM_CHARACTERS)) == ["pairs"]
    assert lengths.found(like("t", "?" * (MAX_TERM_CHARACTERS + 1))) == ["a00257"]


@pytest.mark.compliance(78)
def test_an_escaped_dot_is_part_of_a_key(rocks):
    assert rocks.found(filter_of("match_any", r"a\.b", "dotted")) == ["core:4"]
    assert rocks.found(filter_of("match_any", r"a\.b", "nested")) == []
    assert rocks.found(filter_of("match_any", "a.b", "nested")) == ["core:4"]


def test_an_unknown_field_matches_nothing_and_its_negation_all(rocks):
    unknown = filter_of("match_any", "nowhere", "x")
    assert rocks.found(unknown) == []
    assert len(rocks.found(negation(unknown))) == 4


BOX = [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]]


@pytest.fixture(scope="module")
def places(engine):
    square = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]]}
    long = {"type": "LineString", "coordinates": [[1, 1], [9, 9]]}
    return Collection(
        engine,
        "00000000-0000-4000-8000-00000000000b",
        {
            "in": one(point="1.5, 2", shape=square),
            "over": one(point="1, 50", shape=long),
            "out": one(point="-40, -50", shape={"type": "Point", "coordinates": [50, 50]}),
        },
        {"point": FieldType.GEO_POINT, "shape": FieldType.GEO_SHAPE},
    )


def box(field):
    corners = {"top_left": {"lat": 3, "lon": 0}, "bottom_right": {"lat": 0, "lon": 3}}
    return {"type": "geo_bounding_box", "field_name": field, **corners}


def polygon(field, relation="intersects"):
    shape = {"type": "Polygon", "coordinates": [BOX]}
    return {"type": "geo_shape", "field_name": field, "shape": shape, "relation": relation}


@pytest.fixture
def shapes(request, places):
    if request.node.callspec.params["engine"] == "osmem":
        pytest.skip("osmem finds no geo_shape value in nested documents (docs/engines.md)")
    return places


@pytest.mark.compliance(79)
def test_a_box_or_a_polygon_finds_the_points_inside(places):
    assert places.found(box("point")) == ["in"]
    assert places.found(polygon("point")) == ["in"]
    assert places.found(polygon("point", "within")) == ["in"]


@pytest.mark.compliance(79)
def test_a_box_or_a_polygon_finds_the_shapes_that_touch_it(shapes):
    assert shapes.found(box("shape")) == ["in", "over"]
    assert shapes.found(polygon("shape")) == ["in", "over"]


def test_places_and_shapes_exist(shapes):
    assert shapes.found(exists("point")) == ["in", "out", "over"]
    assert shapes.found(exists("shape")) == ["in", "out", "over"]


@pytest.mark.compliance(79)
def test_a_shape_that_only_overlaps_is_not_within(shapes):
    assert shapes.found(polygon("shape", "within")) == ["in"]


# --- what must not be told ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        like("depth", "1*"),
        span("depth", {"from": "abc", "to": 2}),
        span("wet", {"gt": 1}),
        box("rock"),
    ],
)
def test_a_filter_of_the_wrong_type_is_told_to_role_holders_only(rocks, wrong):
    body = {"filters": [wrong]}
    assert rocks.search(body)["total"] == 0
    assert rocks.search(body, OWNER)["total"] == 0
    with pytest.raises(ValidationFailed) as refused:
        rocks.search(body, OWNER, ["writer"])
    assert list(refused.value.details["messages"]["json"]) == ["filters"]


@pytest.mark.parametrize(
    ("facet", "empty"),
    [
        ({"type": "sum", "field_name": "rock"}, 0),
        ({"type": "avg", "field_name": "rock"}, None),
        ({"type": "date_histogram", "field_name": "depth", "date_interval": "day"}, []),
        ({"type": "terms", "field_name": "nowhere"}, []),
        ({"type": "distinct_count", "field_name": "nowhere"}, 0),
    ],
)
def test_a_facet_that_can_not_be_made_is_empty(rocks, facet, empty):
    assert rocks.facet(**facet) == empty


def test_a_facet_of_the_wrong_type_is_told_to_role_holders_only(rocks):
    with pytest.raises(ValidationFailed):
        rocks.facet(OWNER, ["owner"], type="sum", field_name="rock")


def test_no_filter_makes_the_engine_fail(rocks):
    crossed = [[0, 0], [3, 3], [3, 0], [0, 3], [0, 0]]
    shape = {"type": "Polygon", "coordinates": [crossed]}
    strange = [
        like("rock", "*a" + "?" * 300),
        like("rock", "\\"),
        like("rock", "?*" * 400),
        span("rock", {"gt": "x" * 40_000}),
        filter_of("match_any", "rock", "x" * 40_000, ""),
        filter_of("match_any", "depth", 2**63, -(2**63), 1e300, "9" * 400),
        filter_of("match_any", "ratio", "1e-999", 2**64),
        {"type": "geo_shape", "field_name": "rock", "shape": shape},
    ]
    for document in strange:
        try:
            rocks.found(document)
        except BadRequest:
            continue


# --- text ----------------------------------------------------------------------------------------


@pytest.mark.compliance(67)
def test_a_star_finds_everything_in_every_mode(rocks):
    for body in ({"q": "*"}, {"q": "*", "advanced": True}, {"q": ""}):
        assert rocks.search(body)["total"] == 4, body


@pytest.mark.compliance(68)
def test_no_punctuation_is_an_error_in_plain_mode(rocks):
    for q in ("rock:(", '"', "((", "+-|*~^", "a AND (", "\\", "/[/", "basalt~9 {[", "\x00 ' ;"):
        rocks.search({"q": q})


@pytest.mark.compliance(69)
def test_the_advanced_grammar_selects_and_its_errors_are_told(rocks):
    query = "rock:basalt AND depth:[50 TO 300] AND NOT site:*"
    assert rocks.found(q=query, advanced=True) == ["core:1"]
    for wrong in ("rock:(", "ro*:x"):
        with pytest.raises(BadRequest):
            rocks.search({"q": wrong, "advanced": True})


@pytest.mark.compliance(70)
def test_text_match_forgives_an_edit(rocks):
    settings = {"mode": "text_match", "fuzziness": 1}
    assert sorted(rocks.found(q="basalr", q_settings=settings)) == ["core:1", "core:2"]
    assert rocks.found(q="basalr") == []


# --- facets --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(engine):
    many = {
        f"s:{n:02}": one(
            kind=f"k{n % 12:02}", size=n, half=n / 2, on=n % 2 == 0, day=f"2017-{n % 3 + 1:02}-10"
        )
        for n in range(24)
    }
    many["t:1"] = one(kind=["k00", "k00", "k99"], size=[100, 101], day="2018-01-01T05:30:00Z")
    return Collection(engine, "00000000-0000-4000-8000-00000000000c", many)


@pytest.mark.compliance(82)
def test_terms_gives_the_most_frequent_values_ties_by_value(samples):
    buckets = samples.facet(type="terms", field_name="kind")
    assert buckets[0] == ("k00", 3)
    assert buckets[1:] == [(f"k{n:02}", 2) for n in range(1, 10)]
    assert len(samples.facet(field_name="kind", size=2_000_000_000)) == 13
    assert samples.facet(field_name="kind", size=1) == [("k00", 3)]


@pytest.mark.parametrize(
    ("field", "first"),
    [
        ("size", (0, 1)),
        ("half", (0.0, 1)),
        ("on", ("false", 12)),
        ("day", ("2017-01-10 00:00:00", 8)),
    ],
)
def test_terms_values_have_the_form_of_their_type(samples, field, first):
    bucket = samples.facet(field_name=field, size=1)[0]
    assert bucket == first
    assert type(bucket[0]) is type(first[0])


@pytest.mark.compliance(83)
def test_numeric_histogram_has_equal_half_open_intervals_zeros_included(samples):
    assert samples.facet(
        type="numeric_histogram", field_name="size", size=5, histogram_range={"low": 0, "high": 10}
    ) == [({"from": float(n), "to": n + 2.0}, 2) for n in range(0, 10, 2)]
    ten = {"low": 0, "high": 10}
    quarters = {"type": "numeric_histogram", "field_name": "size", "size": 4}
    assert samples.facet(**quarters, histogram_range=ten) == [
        ({"from": start, "to": start + 2.5}, count)
        for start, count in ((0.0, 3), (2.5, 2), (5.0, 3), (7.5, 2))
    ]
    empty = samples.facet(
        type="numeric_histogram", field_name="size", size=2, histogram_range={"low": 50, "high": 52}
    )
    assert empty == [({"from": 50.0, "to": 51.0}, 0), ({"from": 51.0, "to": 52.0}, 0)]


@pytest.mark.compliance(84)
@pytest.mark.parametrize(
    ("interval", "buckets"),
    [
        ("year", [("2017", 24), ("2018", 1)]),
        ("quarter", [("2017-01", 24), ("2018-01", 1)]),
        ("month", [("2017-01", 8), ("2017-02", 8), ("2017-03", 8), ("2018-01", 1)]),
        ("week", [("2017-01-09", 8), ("2017-02-06", 8), ("2017-03-06", 8), ("2018-01-01", 1)]),
        ("day", [("2017-01-10", 8), ("2017-02-10", 8), ("2017-03-10", 8), ("2018-01-01", 1)]),
    ],
)
def test_date_histogram_gives_the_start_of_each_interval(samples, interval, buckets):
    facet = {"type": "date_histogram", "field_name": "day", "date_interval": interval}
    assert samples.facet(**facet) == buckets


@pytest.mark.compliance(84)
@pytest.mark.parametrize(
    ("interval", "last"),
    [
        ("hour", "2018-01-01 05:00:00"),
        ("minute", "2018-01-01 05:30:00"),
        ("second", "2018-01-01 05:30:00"),
    ],
)
def test_date_histogram_of_short_intervals_has_the_long_form(samples, interval, last):
    facet = {"type": "date_histogram", "field_name": "day", "date_interval": interval}
    assert samples.facet(**facet)[-1] == (last, 1)


@pytest.mark.parametrize(
    ("low", "high", "interval", "buckets"),
    [
        ("2017-01-11", "2017-03-10", "month", [("2017-02", 8), ("2017-03", 8)]),
        ("2017-01-10", "2017-03-09", "year", [("2017", 16)]),
        ("2017-01-01", "2018-02-01", "year", [("2017", 24), ("2018", 1)]),
        ("1990", "1991", "day", []),
    ],
)
def test_date_histogram_counts_only_dates_in_its_range(samples, low, high, interval, buckets):
    facet = {"type": "date_histogram", "field_name": "day", "date_interval": interval}
    assert samples.facet(**facet, histogram_range={"low": low, "high": high}) == buckets


def test_a_date_outside_of_the_range_does_not_count_for_another_of_its_entry(engine, index_id):
    days = Collection(engine, index_id, {"s": one(day=["2017-01-05", "2017-01-25", "2017-04-01"])})
    facet = {"type": "date_histogram", "field_name": "day", "date_interval": "month"}
    inside = {"low": "2017-01-20", "high": "2017-03-01"}
    assert days.facet(**facet, histogram_range=inside) == [("2017-01", 1)]
    outside = {"low": "2017-01-10", "high": "2017-01-20"}
    assert days.facet(**facet, histogram_range=outside) == []


@pytest.mark.compliance(85)
def test_metrics_have_a_value_and_respect_missing(samples):
    below_four = filter_of("range", "size", {"lt": 4})
    narrowed = {"field_name": "half", "additional_filters": [below_four]}
    assert samples.facet(type="sum", **narrowed) == 3.0
    assert samples.facet(type="avg", **narrowed) == 0.75
    assert samples.facet(type="avg", field_name="half") == 5.75
    assert samples.facet(type="avg", field_name="half", missing=12) == 6.0
    assert samples.facet(type="sum", field_name="half", missing=12) == 150.0
    assert samples.facet(type="distinct_count", field_name="kind") == 13
    nothing = {"field_name": "half", "additional_filters": [filter_of("match_any", "kind", "x")]}
    assert samples.facet(type="avg", **nothing) is None


@pytest.mark.compliance(85)
def test_metric_results_have_no_buckets(samples):
    facets = [
        {"type": kind, "field_name": "size", "name": kind} for kind in ("sum", "distinct_count")
    ]
    total, distinct = samples.search({"q": "*", "facets": facets})["facet_results"]
    assert set(total) == {"@datatype", "@version", "name", "value"}
    assert set(distinct) == {"@datatype", "@version", "name", "approximate_value"}


@pytest.mark.compliance(86)
def test_additional_filters_change_only_their_own_facet(samples):
    facets = [
        {"field_name": "on", "name": "all"},
        {"field_name": "on", "name": "few", "additional_filters": [span("size", {"lt": 3})]},
    ]
    whole, few = samples.search({"q": "*", "facets": facets})["facet_results"]
    assert [bucket["count"] for bucket in whole["buckets"]] == [12, 12]
    assert [(bucket["value"], bucket["count"]) for bucket in few["buckets"]] == [
        ("true", 2),
        ("false", 1),
    ]


@pytest.mark.compliance(80)
def test_in_v1_filters_narrow_facets_and_post_filters_do_not(samples):
    wanted, facet = filter_of("match_any", "on", True), {"field_name": "on"}
    before = samples.search({"q": "*", "filters": [wanted], "facets": [facet]})
    after = samples.search({"q": "*", "post_facet_filters": [wanted], "facets": [facet]})
    assert before["total"] == after["total"] == 12
    assert [bucket["value"] for bucket in before["facet_results"][0]["buckets"]] == ["true"]
    assert len(after["facet_results"][0]["buckets"]) == 2


@pytest.mark.compliance(80)
@pytest.mark.parametrize(
    ("document", "buckets"),
    [
        (filter_of("match_any", "on", True), 2),
        (filter_of("match_all", "on", True), 1),
        ({**filter_of("match_any", "on", True), "post_filter": False}, 1),
        ({**filter_of("match_all", "on", True), "post_filter": True}, 2),
    ],
)
def test_in_the_dialect_of_2017_the_filter_decides(samples, document, buckets):
    body = {"@version": "2017-09-01", "filters": [document], "facets": [{"field_name": "on"}]}
    answer = samples.search(body)
    assert answer["total"] == 12
    assert len(answer["facet_results"][0]["buckets"]) == buckets


@pytest.mark.compliance(81)
def test_facet_results_keep_order_and_names_and_are_absent_without_facets(samples):
    facets = [{"field_name": "size", "name": "B"}, {"field_name": "kind"}]
    results = samples.search({"q": "*", "facets": facets})["facet_results"]
    assert [result["name"] for result in results] == ["B", "kind"]
    assert "facet_results" not in samples.search({"q": "*", "facets": []})


# --- sort and pages ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sortable(engine):
    return Collection(
        engine,
        "00000000-0000-4000-8000-00000000000d",
        {
            "a": one(n=2, s="b", d="2020-01-01", arr=[1, 9]),
            "b": one(n=1, s="B", d="2019-01-01", arr=[5]),
            "c": one(n=2, s="a", d="2021-01-01", arr=[0, 3]),
            "d": one(other=1),
        },
    )


@pytest.mark.compliance(87)
@pytest.mark.parametrize(
    ("keys", "order"),
    [
        ([("n", "asc")], "bacd"),
        ([("n", "desc")], "acbd"),
        ([("n", "desc"), ("s", "asc")], "cabd"),
        ([("s", "asc")], "bcad"),
        ([("s", "desc")], "acbd"),
        ([("d", "asc")], "bacd"),
        ([("d", "desc")], "cabd"),
        ([("arr", "asc")], "cabd"),
        ([("arr", "desc")], "abcd"),
        ([("nowhere", "asc"), ("n", "asc")], "bacd"),
    ],
)
def test_sort_takes_keys_in_turn_and_puts_the_missing_last(sortable, keys, order):
    sort = [{"field_name": field, "order": way} for field, way in keys]
    assert sortable.found(sort=sort) == list(order)


@pytest.mark.compliance(88)
def test_a_very_long_value_is_found_but_neither_counted_nor_sorted(engine, index_id):
    long = " ".join(["lava"] * 4_000)
    texts = Collection(engine, index_id, {"long": one(t=long), "short": one(t="lava flow")})
    assert len(texts.found(q="lava")) == 2
    assert texts.facet(field_name="t") == [("lava flow", 1)]
    assert len(texts.found(exists("t"))) == 2
    assert texts.found(span("t", {"from": "*", "to": "*"})) == ["short"]
    for order in ("asc", "desc"):
        assert texts.found(sort=[{"field_name": "t", "order": order}]) == ["short", "long"]


@pytest.fixture(scope="module")
def pages(engine):
    many = {f"p:{n:03}": one(n=n, even=n % 2 == 0) for n in range(250)}
    return Collection(engine, "00000000-0000-4000-8000-00000000000e", many)


@pytest.mark.compliance(72)
def test_pages_cover_everything_once_and_tell_when_they_end(pages):
    answers = [pages.search({"q": "*", "limit": 100, "offset": n}) for n in (0, 100, 200)]
    assert [answer["has_next_page"] for answer in answers] == [True, True, False]
    assert [answer["count"] for answer in answers] == [100, 100, 50]
    assert {answer["total"] for answer in answers} == {250}
    assert [answer["offset"] for answer in answers] == [0, 100, 200]
    assert len({subject for answer in answers for subject in subjects_of(answer)}) == 250


@pytest.mark.compliance(71)
def test_a_limit_of_zero_gives_counts_alone(pages):
    facets = [{"field_name": "even"}]
    answer = pages.search({"q": "*", "limit": 0, "facets": facets})
    assert (answer["gmeta"], answer["count"], answer["has_next_page"]) == ([], 0, False)
    assert answer["total"] == 250
    assert [bucket["count"] for bucket in answer["facet_results"][0]["buckets"]] == [125, 125]


@pytest.mark.compliance(71)
def test_a_limit_of_zero_counts_what_post_filters_leave(pages):
    post = [filter_of("match_any", "even", True)]
    body = {"q": "*", "limit": 0, "facets": [{"field_name": "even"}], "post_facet_filters": post}
    assert pages.search(body)["total"] == 125


@pytest.mark.compliance(73)
def test_the_window_of_results_ends_at_ten_thousand(pages):
    assert pages.search({"q": "*", "limit": 10_000})["count"] == 250
    assert pages.search({"q": "*", "limit": 0, "offset": 10_000})["total"] == 250
    with pytest.raises(ValidationFailed):
        pages.search({"q": "*", "limit": 100, "offset": 9_990})


@pytest.mark.compliance(74)
def test_a_scroll_gives_each_subject_once_and_markers_until_the_end(pages):
    body = {"filters": [span("n", {"lt": 25})], "limit": 10}
    first = pages.scroll(body)
    second = pages.scroll({**body, "marker": first["marker"]})
    third = pages.scroll({**body, "marker": second["marker"]})
    answers = [first, second, third]
    assert [answer["has_next_page"] for answer in answers] == [True, True, False]
    assert all(isinstance(answer["marker"], str) and answer["marker"] for answer in answers[:2])
    assert third["marker"] is None
    assert [answer["count"] for answer in answers] == [10, 10, 5]
    assert {answer["total"] for answer in answers} == {25}
    found = [subject for answer in answers for subject in subjects_of(answer)]
    assert found == [f"p:{n:03}" for n in range(25)]


def test_a_scroll_that_ends_with_a_full_page_has_no_page_after_it(pages):
    body = {"filters": [span("n", {"lt": 20})], "limit": 10}
    second = pages.scroll({**body, "marker": pages.scroll(body)["marker"]})
    assert (second["count"], second["has_next_page"], second["marker"]) == (10, False, None)


def test_boosts_change_the_order_of_relevance(engine, index_id):
    texts = Collection(
        engine, index_id, {"x": one(a="lava", b="tuff"), "y": one(a="tuff", b="lava")}
    )
    for field, first in (("a", "x"), ("b", "y")):
        boosts = [{"field_name": field, "factor": 5}]
        assert texts.found(q="lava", boosts=boosts)[0] == first


def test_a_field_can_be_used_as_soon_as_its_task_is_done(engine, index_id):
    growing = Collection(engine, index_id, {"old": one(a="x")})
    assert growing.found(filter_of("match_any", "late", "y")) == []
    growing.add({"new": one(late="y")})
    assert growing.found(filter_of("match_any", "late", "y")) == ["new"]
    assert growing.found(q="late:y", advanced=True) == ["new"]
