"""Query documents as they arrive: dialects, forms, and what is refused (contract 2, 3)."""

import pytest

from garner.api.parameters import Parameters
from garner.contracts.query import (
    delete_request_from_body,
    read_request_from_parameters,
    scroll_request_from_body,
    search_request_from_body,
    search_request_from_parameters,
)
from garner.domain.query.request import ReadRequest, SearchRequest
from garner.errors import BadRequest, ValidationFailed
from garner.limits import MAX_QUERY_DEPTH

MATCH = {"type": "match_any", "field_name": "a", "values": ["x"]}


def get(query):
    return search_request_from_parameters(Parameters.parse(query))


def messages(call, *args):
    with pytest.raises(ValidationFailed) as refused:
        call(*args)
    return refused.value.details["messages"]


def refused(**body):
    return messages(search_request_from_body, body)["json"]


# --- the two forms --------------------------------------------------------------------------------


@pytest.mark.compliance(66)
def test_a_get_needs_q():
    assert messages(get, "limit=5") == {"query": {"q": ["Missing data for required field."]}}
    assert get("q=").q == ""


@pytest.mark.compliance(8)
@pytest.mark.parametrize(("text", "mode"), [("True", True), ("true", True), ("False", False)])
def test_booleans_come_in_every_spelling(text, mode):
    asked = get(f"q=a&advanced={text}")
    assert (asked.mode == "advanced_query_string") is mode


def test_a_get_has_the_same_meaning_as_a_post():
    query = "q=a+b&limit=3&offset=2&bypass_visible_to=true&fields=content,visible_to"
    body = {
        "q": "a b",
        "limit": 3,
        "offset": "2",
        "bypass_visible_to": True,
        "fields": ["content", "visible_to"],
        "filter_principal_sets": "x,y",
    }
    assert get(f"{query}&filter_principal_sets=x&filter_principal_sets=y") == (
        search_request_from_body(body)
    )


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "offset=1.5", "advanced=maybe",
                                   "fields=secrets", "result_format_version=1"])  # fmt: skip
def test_a_bad_parameter_is_named(query):
    assert list(messages(get, f"q=a&{query}")["query"]) == [query.partition("=")[0]]


def test_reads_take_a_subject_and_an_empty_entry_id_is_the_null_entry():
    asked = Parameters.parse("subject=https%3A//x/a,b&entry_id=&bypass_visible_to=1")
    assert read_request_from_parameters(asked) == ReadRequest("https://x/a,b", None, True)


@pytest.mark.compliance(11)
def test_reads_need_a_subject():
    assert messages(read_request_from_parameters, Parameters.parse("")) == {
        "query": {"subject": ["Missing data for required field."]}
    }


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.compliance(66)
def test_a_post_needs_q_or_filters():
    for body in ({}, {"filters": []}, {"filter_principal_sets": ["x"]}, {"q": None}):
        assert "_schema" in refused(**body)
    assert search_request_from_body({"q": ""}).q == ""
    assert search_request_from_body({"filters": [MATCH]}).q is None


@pytest.mark.compliance(13)
def test_unknown_keys_and_nulls_are_as_good_as_absent():
    body = {"q": "a", "@datatype": "GSearchRequest", "mimetype": 1, "limit": None, "sort": None}
    assert search_request_from_body(body) == SearchRequest(q="a")


def test_a_null_is_as_good_as_absent_on_every_level():
    exists = {"type": "exists", "field_name": "a", "post_filter": None}
    span = {"gt": 1, "gte": None, "lt": None}
    body = {
        "filters": [exists, {"type": "range", "field_name": "a", "values": [span]}],
        "facets": [{"field_name": "a", "type": None, "name": None, "additional_filters": None}],
        "q_settings": {"mode": "text_match", "fuzziness": None},
    }
    asked = search_request_from_body(body)
    assert asked.filters[1]["values"] == [{"gt": 1}]
    assert asked.facets == [
        {"field_name": "a", "type": "terms", "name": "a", "size": 10, "additional_filters": []}
    ]
    assert asked.fuzziness == 1
    assert refused(filters=[{"type": "exists", "field_name": None}]) == {
        "filters": {"0": {"field_name": ["Missing data for required field."]}}
    }


def test_all_problems_are_told_at_once_in_plain_words():
    body = {"q": 5, "limit": -1, "offset": True, "advanced": "yes", "fields": ["secrets"]}
    assert refused(**body, filters="x", sort=[5, {"field_name": "", "order": "up"}]) == {
        "q": ["Not a valid string."],
        "limit": ["Must be between 0 and 10000."],
        "offset": ["Not a valid integer."],
        "advanced": ["Not a valid boolean."],
        "fields": {"0": ["Must be one of: content, visible_to, principal_sets."]},
        "filters": ["Not a valid list."],
        "sort": {
            "0": ["Not a valid object."],
            "1": {"field_name": ["Shorter than minimum length 1."],
                  "order": ["Must be one of: asc, desc."]},
        },
    }  # fmt: skip


def test_only_pages_come_as_text_too():
    asked = search_request_from_body({"q": "a", "limit": "20", "offset": 3.0})
    assert (asked.limit, asked.offset) == (20, 3)
    for wrong in ("", " 5", "+5", "5.0", "1e3", "9" * 5_000, "٣"):
        assert list(refused(q="a", limit=wrong)) == ["limit"]
    assert refused(q="a", boosts=[{"field_name": "a", "factor": "2"}])
    assert refused(q="a", facets=[{"field_name": "a", "size": "5"}])


@pytest.mark.compliance(14)
def test_an_unknown_version_is_refused():
    assert list(refused(q="a", **{"@version": "query#2.0.0"})) == ["@version"]
    assert list(messages(scroll_request_from_body, {"q": "a", "@version": "query#1.0.0"})["json"])


@pytest.mark.compliance(70)
def test_advanced_and_q_settings_exclude_each_other():
    settings = {"mode": "text_match", "default_operator": "OR", "fuzziness": 2}
    assert "_schema" in refused(q="a", advanced=True, q_settings=settings)
    asked = search_request_from_body({"q": "a", "advanced": False, "q_settings": settings})
    assert (asked.mode, asked.default_operator, asked.fuzziness) == ("text_match", "or", 2)


@pytest.mark.compliance(10)
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"q": 5}, ["q"]),
        ({"q": "a", "limit": True}, ["limit"]),
        ({"q": "a", "limit": 10_001}, ["limit"]),
        ({"q": "a", "fields": []}, ["fields"]),
        ({"q": "a", "q_settings": {}}, ["q_settings", "mode"]),
        ({"q": "a", "q_settings": {"mode": "text_match", "fuzziness": 6}},
         ["q_settings", "fuzziness"]),
        ({"filters": "x"}, ["filters"]),
        ({"filters": [5]}, ["filters", "0"]),
        ({"filters": [{"type": "magic"}]}, ["filters", "0"]),
        ({"filters": [MATCH, {"type": "match_any", "field_name": "a"}]},
         ["filters", "1", "values"]),
        ({"filters": [{"type": "range", "field_name": "a", "values": [{"gt": []}]}]},
         ["filters", "0", "values", "0", "gt"]),
        ({"filters": [{**MATCH, "values": [{}]}]}, ["filters", "0", "values", "0"]),
        ({"filters": [{**MATCH, "field_name": ""}]}, ["filters", "0", "field_name"]),
        ({"filters": [{"type": "not", "filter": {"type": "exists"}}]},
         ["filters", "0", "filter", "field_name"]),
        ({"q": "a", "boosts": [{"field_name": "a", "factor": 11}]}, ["boosts", "0", "factor"]),
        ({"q": "a", "sort": [{"field_name": "a", "order": "up"}]}, ["sort", "0", "order"]),
        ({"q": "a", "facets": [{"field_name": "a", "size": 2**31}]}, ["facets", "0", "size"]),
        ({"q": "a", "facets": [{"field_name": "a", "type": "sum", "missing": "x"}]},
         ["facets", "0", "missing"]),
        ({"q": "a", "facets": [{"field_name": "a", "type": "date_histogram"}]},
         ["facets", "0", "date_interval"]),
    ],
)  # fmt: skip
def test_a_problem_is_told_at_its_place(body, path):
    node = refused(**body)
    for part in path:
        assert list(node) == [part]
        node = node[part]
    assert isinstance(node, list)
    assert all(isinstance(text, str) for text in node)


@pytest.mark.parametrize(
    "span",
    [{}, {"from": 1}, {"to": 1}, {"from": 1, "to": 2, "gt": 1}, {"gt": 1, "gte": 1}, {"low": 1},
     {"gt": True}, {"gt": [1]}],
)  # fmt: skip
def test_a_range_has_one_style_and_at_least_one_bound(span):
    assert refused(filters=[{"type": "range", "field_name": "a", "values": [span]}])


@pytest.mark.compliance(79)
@pytest.mark.parametrize(
    ("top_left", "bottom_right"),
    [((0, 3), (3, 0)), ((3, 3), (0, 0)), ((91, 0), (0, 3)), ((3, -181), (0, 3)), ((3, 0), (3, 3))],
)
def test_a_box_must_lie_northwest_to_southeast(top_left, bottom_right):
    corners = [{"lat": lat, "lon": lon} for lat, lon in (top_left, bottom_right)]
    box = {"type": "geo_bounding_box", "field_name": "a"}
    assert refused(filters=[{**box, "top_left": corners[0], "bottom_right": corners[1]}])


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Point", "coordinates": [1, 1]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [200, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]] * 2},
    ],
)
def test_only_one_closed_ring_is_a_shape(shape):
    assert refused(filters=[{"type": "geo_shape", "field_name": "a", "shape": shape}])


@pytest.mark.parametrize(
    "facet",
    [
        {"type": "numeric_histogram", "size": 5, "histogram_range": {"low": 5, "high": 5}},
        {"type": "numeric_histogram", "size": 5, "histogram_range": {"low": -1e308, "high": 1e308}},
        {"type": "numeric_histogram", "size": 5},
        {"type": "numeric_histogram", "size": 0, "histogram_range": {"low": 0, "high": 5}},
        {"type": "date_histogram", "date_interval": "days"},
        {"type": "date_histogram", "date_interval": "day",
         "histogram_range": {"low": "2021", "high": "2020"}},
        {"type": "date_histogram", "date_interval": "day",
         "histogram_range": {"low": "spring", "high": "2020"}},
        {"type": "median"},
    ],
)  # fmt: skip
def test_a_facet_that_makes_no_sense_is_refused(facet):
    assert refused(q="a", facets=[{"field_name": "a", **facet}])


@pytest.mark.compliance(81)
def test_facets_on_one_field_need_different_names():
    two = [{"field_name": "a"}, {"field_name": "a"}]
    assert list(refused(q="a", facets=two)) == ["facets"]
    named = [{"field_name": "a"}, {"field_name": "a", "name": "b"}]
    assert [f["name"] for f in search_request_from_body({"q": "a", "facets": named}).facets] == [
        "a",
        "b",
    ]


@pytest.mark.compliance(73)
def test_pages_beyond_the_window_are_refused():
    assert "_schema" in refused(q="a", offset=9_990, limit=100)
    assert search_request_from_body({"q": "a", "offset": 10_000, "limit": 0}).offset == 10_000


def nested(depth):
    document = MATCH
    for _ in range(depth):
        document = {"type": "not", "filter": document}
    return document


@pytest.mark.parametrize("place", ["filters", "post_facet_filters"])
def test_filters_may_nest_only_so_deep(place):
    search_request_from_body({"q": "a", place: [nested(MAX_QUERY_DEPTH - 1)]})
    with pytest.raises(BadRequest):
        search_request_from_body({"q": "a", place: [nested(900)]})
    deep = {"field_name": "a", "additional_filters": [nested(900)]}
    with pytest.raises(BadRequest):
        search_request_from_body({"q": "a", "facets": [deep]})


# --- dialects -------------------------------------------------------------------------------------


@pytest.mark.compliance(80)
def test_in_2017_filters_are_post_filters_unless_they_say_or_match_all():
    every = {**MATCH, "type": "match_all"}
    asked = [
        MATCH,
        every,
        {**MATCH, "post_filter": False},
        {**every, "post_filter": True},
    ]
    request = search_request_from_body({"@version": "2017-09-01", "filters": asked})
    assert request.filters == [every, MATCH]
    assert request.post_filters == [MATCH, every]
    assert search_request_from_body({"filters": asked}).post_filters == []


def test_the_default_dialect_can_be_set():
    assert search_request_from_body({"filters": [MATCH]}, "2017-09-01").post_filters == [MATCH]


def test_keys_of_v1_mean_nothing_in_2017():
    body = {
        "@version": "2017-09-01",
        "q": "a",
        "q_settings": 5,
        "fields": ["visible_to"],
        "post_facet_filters": "x",
        "facets": [{"field_name": "a", "additional_filters": [MATCH]}],
    }
    request = search_request_from_body(body)
    assert (request.fields, request.post_filters) == (["content"], [])
    assert request.facets[0]["additional_filters"] == []


def test_a_delete_is_narrowed_by_everything_that_narrows_a_search():
    body = {"filters": [MATCH], "filter_principal_sets": ["x"], "limit": "ignored", "sort": 5}
    request = delete_request_from_body({**body, "@version": "2017-09-01"})
    assert (request.filters, request.post_filters) == ([MATCH], [])
    assert request.filter_principal_sets == ["x"]
    assert delete_request_from_body({"q": "a", "post_facet_filters": [MATCH]}).filters == [MATCH]


def test_a_request_survives_the_task_log():
    request = search_request_from_body({"filters": [MATCH, {"type": "not", "filter": MATCH}]})
    assert SearchRequest.from_json(request.to_json()) == request
