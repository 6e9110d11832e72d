"""Queries through the functions, over data that came in through them (contract 2.1, 3.2, 3.4)."""

import pytest

from tests.fakes.index_client import IndexClient, entry
from tests.functions.conftest import identity


@pytest.fixture
def rocks(cores: IndexClient) -> IndexClient:
    cores.write(
        entry("a", rock="basalt", depth_m=200),
        entry("b", rock="basalt", depth_m=300, site="north"),
        entry("c", rock="basalt", depth_m=301),
        entry("d", rock="chert", depth_m=150),
        entry("hidden", rock="basalt", depth_m=150) | {"visible_to": [identity(9)]},
    )
    return cores


@pytest.mark.compliance(66)
def test_a_search_needs_q_or_filters_and_q_may_be_empty(rocks: IndexClient) -> None:
    nothing = rocks.send("GET", "/search", by=None)
    assert (nothing.status, nothing.code) == (400, "BadRequest.ValidationError")
    assert nothing.json["error_data"]["messages"]["query"].keys() == {"q"}
    for body in ({}, {"filters": []}, {"q": None}):
        refused = rocks.send("POST", "/search", body, by=None)
        assert (refused.status, refused.code) == (400, "BadRequest.ValidationError")
    chert = {"type": "match_any", "field_name": "rock", "values": ["chert"]}
    assert rocks.subjects("", filters=[chert], by=None) == ["d"]
    assert rocks.subjects(None, filters=[chert], by=None) == ["d"]


@pytest.mark.compliance(67)
def test_a_star_is_everything_that_its_caller_sees(rocks: IndexClient) -> None:
    for advanced in ("false", "true"):
        answer = rocks.send("GET", "/search", by=None, q="*", advanced=advanced)
        assert (answer.status, answer.json["total"]) == (200, 4)
        assert rocks.subjects("*", advanced=advanced == "true", by=None) == ["a", "b", "c", "d"]


@pytest.mark.compliance(68)
def test_punctuation_is_no_error_in_plain_mode(rocks: IndexClient) -> None:
    signs = "+-=&|><!(){}[]^\"~*?:\\/'`,;.@#$%§°€\t\n\x00"
    texts = [*signs, *(sign * 3 for sign in signs), signs, signs[::-1]]
    texts += [f"basalt {sign}" for sign in signs] + [f"{sign}basalt" for sign in signs]
    for q in texts:
        answer = rocks.send("GET", "/search", by=None, q=q)
        assert answer.status == 200, (q, answer.json)


@pytest.mark.compliance(69)
def test_an_advanced_query_selects_and_its_mistakes_are_told(rocks: IndexClient) -> None:
    q = "rock:basalt AND depth_m:[100 TO 300] AND NOT site:*"
    assert rocks.subjects(q, advanced=True, by=None) == ["a"]
    assert rocks.subjects("rock:basalt AND depth_m:[100 TO 300]", advanced=True, by=None) == [
        "a",
        "b",
    ]
    for wrong in ("rock:(", "ro*:x"):
        for answer in (
            rocks.send("GET", "/search", by=None, q=wrong, advanced="True"),
            rocks.send("POST", "/search", {"q": wrong, "advanced": True}, by=None),
        ):
            assert (answer.status, answer.code) == (400, "BadRequest.Generic")


@pytest.mark.compliance(70)
def test_text_match_forgives_a_letter_and_excludes_advanced(rocks: IndexClient) -> None:
    one_edit = {"mode": "text_match", "fuzziness": 1}
    assert rocks.subjects("basalr", q_settings=one_edit, by=None) == ["a", "b", "c"]
    assert rocks.subjects("basalr", q_settings=one_edit | {"fuzziness": 0}, by=None) == []
    both = {"q": "basalr", "q_settings": one_edit, "advanced": True}
    refused = rocks.send("POST", "/search", both, by=None)
    assert (refused.status, refused.code) == (400, "BadRequest.ValidationError")
