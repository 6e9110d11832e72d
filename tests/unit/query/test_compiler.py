"""The compiler's stages, as pairs of JSON: what was asked for, what the engine is asked."""

import pytest

from garner.domain.fields import FieldType, Schema
from garner.domain.principals import ANONYMOUS
from garner.domain.query.compiler import compile_scroll, compile_search, match_query
from garner.domain.query.request import SearchRequest
from garner.domain.visibility import Visibility
from garner.errors import BadRequest, ValidationFailed
from garner.limits import MAX_FILTER_CLAUSES, MAX_TERM_CHARACTERS, MAX_TERMS_VALUES
from tests.fakes.query import caller, group, identity

FIELDS = {
    "s": FieldType.STRING,
    "n": FieldType.INTEGER,
    "f": FieldType.FLOAT,
    "b": FieldType.BOOLEAN,
    "d": FieldType.DATE,
    "p": FieldType.GEO_POINT,
    "z": FieldType.GEO_SHAPE,
    "a%2Eb.c": FieldType.STRING,
}
SCHEMA = Schema(FIELDS)
SEVERAL = Schema(FIELDS, multi_entry=True)
PUBLIC = Visibility.of(ANONYMOUS)
LIVE = {"term": {"live": True}}
SEEN = {"terms": {"entries.visible_to": ["public"]}}
S, N, D = "entries.content.s.keyword", "entries.content.n", "entries.content.d"
TERM = "entries.content.s.term"
MATCH = {"type": "match_any", "field_name": "s", "values": ["x"]}
MATCHES = {"terms": {TERM: ["x"]}}
SHORT, LONG = "x" * MAX_TERM_CHARACTERS, "😀" * MAX_TERM_CHARACTERS  # two UTF-16 units each
MAY_2020 = 1_588_291_200_000


def nested(query, mode="none"):
    return {"nested": {"path": "entries", "score_mode": mode, "query": query}}


def together(*clauses):
    return {"bool": {"filter": list(clauses)}}


def compiled(schema=SCHEMA, visibility=PUBLIC, **request):
    return compile_search(SearchRequest(**request), visibility, schema)


def filter_clause(document, schema=SCHEMA):
    """What one filter becomes, beside visibility."""
    query = compiled(schema, filters=[document]).body["query"]
    seen, clause = query["bool"]["filter"][1]["nested"]["query"]["bool"]["filter"]
    assert seen == SEEN
    return clause


# --- visibility -----------------------------------------------------------------------------------


def test_the_smallest_search_still_has_visibility():
    assert compiled(q="*").body == {
        "size": 10,
        "track_total_hits": True,
        "sort": [{"subject": "asc"}],
        "query": {"bool": {"filter": [LIVE, nested(SEEN)]}},
    }


def test_a_bypass_leaves_only_the_living():
    everything = Visibility.of(caller(1), bypass=True)
    assert compiled(q="", visibility=everything).body["query"] == {"bool": {"filter": [LIVE]}}


def test_principal_sets_are_pairs_of_the_callers_principals_and_the_names():
    narrowed = Visibility.of(caller(1, 7), principal_sets=["x y"])
    query = compiled(visibility=narrowed, q="*").body["query"]
    seen, in_set = query["bool"]["filter"][1]["nested"]["query"]["bool"]["filter"]
    assert seen["terms"]["entries.visible_to"] == sorted(
        ["public", "all_authenticated_users", identity(1), group(7)]
    )
    assert in_set == {
        "terms": {"entries.principal_sets": [f"{identity(1)} x y", f"{group(7)} x y"]}
    }


def test_more_principals_than_one_clause_takes_are_split_and_none_is_lost():
    crowd = Visibility(frozenset(map(str, range(MAX_TERMS_VALUES + 1))), frozenset())
    clause = compiled(visibility=crowd, q="*").body["query"]["bool"]["filter"][1]["nested"]["query"]
    parts = [part["terms"]["entries.visible_to"] for part in clause["bool"]["should"]]
    assert [len(part) for part in parts] == [MAX_TERMS_VALUES, 1]
    assert len({value for part in parts for value in part}) == MAX_TERMS_VALUES + 1


# --- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "clause"),
    [
        (MATCH, MATCHES),
        ({**MATCH, "values": [1, 1.5, True, None]}, {"terms": {TERM: ["1", "1.5", "true"]}}),
        ({**MATCH, "values": []}, {"match_none": {}}),
        ({**MATCH, "type": "match_all", "values": []}, {"match_all": {}}),
        ({**MATCH, "type": "match_all", "values": ["x", None]}, {"match_none": {}}),
        (
            {"type": "match_all", "field_name": "n", "values": ["2019", 5.0]},
            together({"term": {N: 2019}}, {"term": {N: 5}}),
        ),
        (
            {**MATCH, "values": [SHORT, LONG, "x"]},
            {"bool": {"should": [{"terms": {TERM: [SHORT, "x"]}}, {"terms": {S: [LONG]}}]}},
        ),
        (
            {**MATCH, "type": "match_all", "values": [SHORT, LONG]},
            together({"term": {TERM: SHORT}}, {"term": {S: LONG}}),
        ),
        (
            {"type": "match_any", "field_name": "n", "values": [True, "x", 1.5, 2**63]},
            {"match_none": {}},
        ),
        (
            {"type": "match_any", "field_name": "d", "values": ["2020-05", 7]},
            {"range": {D: {"gte": MAY_2020, "lte": MAY_2020, "format": "epoch_millis"}}},
        ),
        (
            {"type": "match_any", "field_name": r"a\.b.c", "values": ["x"]},
            {"terms": {"entries.content.a%2Eb.c.term": ["x"]}},
        ),
        ({**MATCH, "field_name": "nowhere"}, {"match_none": {}}),
        ({"type": "exists", "field_name": r"a\.b"}, {"exists": {"field": "entries.content.a%2Eb"}}),
        (
            {"type": "like", "field_name": "s", "value": r"**a\**?"},
            {"wildcard": {S: {"value": r"*a\**?"}}},
        ),
        (
            {"type": "range", "field_name": "n", "values": [{"gt": 1.5, "lt": 3}]},
            {"range": {N: {"gte": 2, "lte": 2}}},
        ),
        (
            {"type": "range", "field_name": "n", "values": [{"gt": 1, "lt": 2}]},
            {"match_none": {}},
        ),
        (
            {"type": "range", "field_name": "d", "values": [{"from": "2020-05", "to": "*"}]},
            {"range": {D: {"gte": MAY_2020, "format": "epoch_millis"}}},
        ),
        (
            {"type": "range", "field_name": "s", "values": [{"from": "*", "to": "*"}]},
            {"exists": {"field": S}},
        ),
        (
            {"type": "range", "field_name": "f", "values": [{"gte": "1e999"}, {"lt": "1e999"}]},
            {"bool": {"should": [{"match_none": {}}, {"exists": {"field": "entries.content.f"}}]}},
        ),
        ({"type": "not", "filter": MATCH}, {"bool": {"must_not": [MATCHES]}}),
        ({"type": "or", "filters": [MATCH, MATCH]}, {"bool": {"should": [MATCHES, MATCHES]}}),
        ({"type": "and", "filters": [MATCH]}, MATCHES),
    ],
)
def test_a_filter_becomes_one_clause(document, clause):
    assert filter_clause(document) == clause


def test_boxes_and_polygons_fit_the_kind_of_place():
    northwest, southeast = {"lat": 3, "lon": 0}, {"lat": 0, "lon": 3}
    box = {"type": "geo_bounding_box", "top_left": northwest, "bottom_right": southeast}
    assert filter_clause({**box, "field_name": "p"}) == {
        "geo_bounding_box": {
            "entries.content.p": {"top_left": northwest, "bottom_right": southeast}
        }
    }
    envelope = {"type": "envelope", "coordinates": [[0, 3], [3, 0]]}
    assert filter_clause({**box, "field_name": "z"}) == {
        "geo_shape": {"entries.content.z": {"shape": envelope, "relation": "intersects"}}
    }
    shape = {"type": "Polygon", "coordinates": [[]]}
    within = {"type": "geo_shape", "shape": shape, "relation": "within"}
    for field, relation in (("p", "intersects"), ("z", "within")):
        clause = filter_clause({**within, "field_name": field})["geo_shape"]
        assert clause[f"entries.content.{field}"]["relation"] == relation


def test_filters_have_a_budget_of_clauses():
    many = {"type": "match_all", "field_name": "n", "values": list(range(MAX_FILTER_CLAUSES))}
    compiled(filters=[many])
    with pytest.raises(BadRequest):
        compiled(filters=[many], post_filters=[MATCH])


def test_unknown_fields_and_problems_are_remembered():
    fine = compiled(filters=[MATCH]).scope
    assert (fine.has_unknown_fields, fine.problems) == (False, {})
    for request in (
        {"filters": [{**MATCH, "field_name": "late"}]},
        {"sort": [{"field_name": "late", "order": "asc"}]},
        {"q": "late:x", "mode": "advanced_query_string"},
    ):
        assert compiled(**request).scope.has_unknown_fields, request
    like = {"type": "like", "field_name": "n", "value": "x"}
    assert list(compiled(post_filters=[like]).scope.problems) == ["post_facet_filters"]
    assert list(compiled(sort=[{"field_name": "p", "order": "asc"}]).scope.problems) == ["sort"]


# --- text, facets, sort, page ---------------------------------------------------------------------


def test_text_scores_by_the_best_entry_and_filters_do_not_score():
    body = compiled(q="lava", filters=[MATCH]).body
    (scored,) = body["query"]["bool"]["must"]
    entry = scored["nested"]["query"]["bool"]
    assert scored["nested"]["score_mode"] == "max"
    assert entry["filter"] == [SEEN, MATCHES]
    assert "entries.text" in str(entry["must"])
    assert body["sort"] == [{"_score": "desc"}, {"subject": "asc"}]


def test_a_sort_needs_no_score_and_looks_at_visible_entries():
    body = compiled(q="lava", sort=[{"field_name": "s", "order": "desc"}]).body
    assert "must" not in body["query"]["bool"]
    assert body["sort"] == [
        {
            S: {
                "order": "desc",
                "mode": "max",
                "missing": "_last",
                "nested": {"path": "entries", "filter": SEEN},
            }
        },
        {"subject": "asc"},
    ]


def test_boosts_change_the_text_and_nothing_where_a_sort_decides():
    boosts = [{"field_name": "s", "factor": 3}]
    plain, boosted = (compiled(q="lava", boosts=given).body for given in ([], boosts))
    assert boosted["query"] != plain["query"]
    sort = [{"field_name": "s", "order": "asc"}]
    assert compiled(q="lava", boosts=boosts, sort=sort).body == compiled(q="lava", sort=sort).body


def facet(**said):
    return {
        "type": "terms",
        "name": "x",
        "field_name": "s",
        "size": 10,
        "additional_filters": [],
        **said,
    }


def aggregation(schema, *facets, **request):
    return compiled(schema, facets=list(facets), **request).body["aggs"]["entries"]


def test_a_facet_counts_visible_matching_entries_or_their_subjects():
    def expected(first, counted):
        terms = {"field": S, "size": 10, "order": [{first: "desc"}, {"_key": "asc"}]}
        facets = {
            "facet_0": {
                "filter": {"match_all": {}},
                "aggs": {"values": {"terms": terms, **counted}},
            }
        }
        scope = {"filter": together(SEEN, MATCHES), "aggs": facets}
        return {"nested": {"path": "entries"}, "aggs": {"scope": scope}}

    count = {"aggs": {"subjects": {"reverse_nested": {}}}}
    assert aggregation(SCHEMA, facet(), filters=[MATCH]) == expected("_count", {})
    assert aggregation(SEVERAL, facet(), filters=[MATCH]) == expected("subjects", count)


def test_a_huge_size_is_clamped():
    (values,) = aggregation(SCHEMA, facet(size=2**31 - 1))["aggs"]["scope"]["aggs"].values()
    assert values["aggs"]["values"]["terms"]["size"] == 10_000


def test_post_filters_repeat_q_and_filters_for_the_same_entry():
    body = compiled(
        facets=[facet()], filters=[MATCH], post_filters=[{**MATCH, "values": ["y"]}]
    ).body
    after = {"terms": {TERM: ["y"]}}
    assert body["post_filter"] == nested(together(SEEN, MATCHES, after))
    assert body["query"] == {"bool": {"filter": [LIVE, nested(together(SEEN, MATCHES))]}}


def test_without_facets_post_filters_are_filters():
    body = compiled(filters=[MATCH], post_filters=[MATCH]).body
    assert "post_filter" not in body
    assert body["query"] == {"bool": {"filter": [LIVE, nested(together(SEEN, MATCHES, MATCHES))]}}


def test_intervals_of_a_numeric_histogram_are_equal():
    said = {"type": "numeric_histogram", "field_name": "n", "size": 10}
    inner = aggregation(SCHEMA, facet(**said, histogram_range={"low": 15000, "high": 30000}))
    ranges = inner["aggs"]["scope"]["aggs"]["facet_0"]["aggs"]["values"]["range"]["ranges"]
    assert ranges[2] == {"from": 18000.0, "to": 19500.0}
    assert (ranges[0]["from"], ranges[-1]["to"], len(ranges)) == (15000.0, 30000.0, 10)


def test_a_page_has_its_place():
    page = compiled(q="*", limit=5, offset=20).body
    assert (page["size"], page["from"]) == (5, 20)
    assert "from" not in compiled(q="*", limit=0, offset=10_000).body


def test_a_scroll_goes_on_behind_a_subject():
    first = compile_scroll(SearchRequest(q="lava"), PUBLIC, SCHEMA, size=11, after=None).body
    later = compile_scroll(SearchRequest(q="lava"), PUBLIC, SCHEMA, size=11, after="s").body
    assert later == {**first, "search_after": ["s"]}
    assert first["sort"] == [{"subject": "asc"}]
    assert SEEN in first["query"]["bool"]["filter"][1]["nested"]["query"]["bool"]["filter"]


def test_a_delete_never_makes_do_with_less():
    wrong = {"type": "not", "filter": {"type": "like", "field_name": "n", "value": "x"}}
    assert match_query(SearchRequest(filters=[MATCH]), PUBLIC, SCHEMA) == {
        "bool": {"filter": [LIVE, nested(together(SEEN, MATCHES))]}
    }
    with pytest.raises(ValidationFailed):
        match_query(SearchRequest(filters=[wrong]), PUBLIC, SCHEMA)
