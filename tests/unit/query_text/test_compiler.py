"""Clauses for the engine, where their form matters and not only what they find."""

import pytest

from garner import limits
from garner.domain.fields import FieldType, Schema
from garner.domain.query.text import compile_text, parse_text
from garner.errors import BadRequest

SCHEMA = Schema(
    {
        "rock": FieldType.STRING,
        "depth": FieldType.INTEGER,
        "ratio": FieldType.FLOAT,
        "when": FieldType.DATE,
        "open": FieldType.BOOLEAN,
        "place": FieldType.GEO_POINT,
        "dc.title": FieldType.STRING,
        "dc.date": FieldType.DATE,
    }
)
NOTHING = {"match_none": {}}


def plain(q, boosts=(), operator="or"):
    return compile_text(parse_text(q, "query_string", operator), SCHEMA, dict(boosts))


def advanced(q, boosts=()):
    return compile_text(parse_text(q, "advanced_query_string"), SCHEMA, dict(boosts))


@pytest.mark.parametrize(
    "q",
    ["nofield:a", "nofield:*", "depth:abc", "depth:1.5", "depth:1*", "depth:/1/", "depth:[a TO 5]",
     "depth:[6 TO 5]", "ratio:1e999", "ratio:[1e999 TO *]", "when:abc", "when:[abc TO *]",
     "open:yes", "open:[false TO true]", "place:x", "place:[1 TO 2]", "dc:x", "rock..x:a",
     '"?!"', 'rock:"?!"'],
)  # fmt: skip
def test_what_no_value_can_be_matches_nothing(q):
    assert advanced(q) == NOTHING


def test_a_word_without_letters_has_no_say_among_others():
    assert plain("? lava", operator="and") == plain("lava", operator="and")


def test_a_sign_that_only_the_engine_knows_for_no_word_has_no_say_among_required_ones():
    first, second = plain("lava →", operator="and")["bool"]["must"]
    assert second["match"]["entries.text"]["zero_terms_query"] == "all"
    assert first["match"]["entries.text"]["query"] == "lava"


def test_a_date_is_sought_in_the_date_fields_as_well():
    found = str(plain("2020-05"))
    assert "entries.content.when" in found
    assert "entries.content.dc.date" in found
    assert "entries.content.depth" not in found


def test_bounds_beyond_a_type_are_left_open():
    assert advanced("depth:[* TO 1e30]") == {"exists": {"field": "entries.content.depth"}}
    assert advanced("ratio:>-1e999") == {"exists": {"field": "entries.content.ratio"}}


def test_boosts_of_unknown_and_geo_fields_change_nothing():
    assert plain("lava", {"nofield": 5, "place": 5}) == plain("lava")


def test_a_boost_multiplies_the_score_of_a_word_where_it_matches_in_the_field():
    body = plain("lava", {"rock": 5})["function_score"]
    assert body["query"] == plain("lava")
    there = {"match": {"entries.content.rock": {"query": "lava", "operator": "or"}}}
    assert body["functions"] == [{"filter": there, "weight": 5}]
    assert (body["score_mode"], body["boost_mode"]) == ("max", "multiply")


def test_nested_boosts_stay_finite():
    q = "(" * 19 + "lava" + "^1000)" * 19 + "^1000"
    assert advanced(q)["match_phrase"]["entries.text"]["boost"] == limits.MAX_QUERY_BOOST


def test_words_times_boosts_beyond_the_budget_are_a_bad_request():
    schema = Schema({f"f{i}": FieldType.STRING for i in range(100)})
    boosts = dict.fromkeys(schema.fields, 2.0)
    compile_text(parse_text("a b c d e"), schema, boosts)
    with pytest.raises(BadRequest, match="too many words"):
        compile_text(parse_text("a b c d e f"), schema, boosts)


def test_words_with_edits_share_their_expansions():
    def expansions(count):
        clause = compile_text(parse_text("ab " * count, "text_match"), SCHEMA, {})
        first = clause["bool"]["must"][0] if count > 1 else clause
        return first["match"]["entries.text"]["max_expansions"]

    assert expansions(1) == limits.MAX_FUZZY_EXPANSIONS
    assert expansions(64) == limits.MAX_FUZZY_CLAUSES // 64
    assert expansions(256) == 1


def test_a_query_of_256_numbers_stays_within_the_budget():
    assert plain(" ".join(map(str, range(limits.MAX_QUERY_WORDS))))


def test_too_many_words_are_a_bad_request_in_plain_mode_too():
    with pytest.raises(BadRequest, match="too long"):
        plain("lava " * (limits.MAX_QUERY_WORDS + 1))


def test_an_object_has_a_value_if_a_field_of_it_has():
    shoulds = advanced("dc:*")["constant_score"]["filter"]["bool"]["should"]
    assert [clause["exists"]["field"] for clause in shoulds] == [
        "entries.content.dc.title",
        "entries.content.dc.date",
    ]
