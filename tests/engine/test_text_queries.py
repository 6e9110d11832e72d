"""What query text finds, and how it ranks; first of all the examples of docs/query-language.md."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest

from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.domain.query.text import compile_text, parse_text
from garner.errors import QuerySyntaxError
from garner.storage.opensearch.indexes import OpenSearchIndexes

PAGE = Path(__file__).parents[2].joinpath("docs/query-language.md").read_text("utf-8")
MODES = {
    "Plain": "query_string",
    "Advanced": "advanced_query_string",
    "text_match": "text_match",
}


class Searched:
    """An index of these subjects, each with one entry."""

    def __init__(self, engine, fields, contents):
        self.schema = Schema({path: FieldType(kind) for path, kind in fields.items()})
        self._engine = engine
        self._id = str(uuid4())
        indexes = OpenSearchIndexes(engine)
        indexes.create(self._id, 1, self.schema)
        for subject, content in contents.items():
            entry = {"visible_to": ["public"], "content": content}
            body = {"subject": subject, "live": True, "slot": 1, "entries": [entry]}
            path = f"/{doc.write_alias(self._id)}/_doc/{doc.document_id(subject)}"
            assert engine.request("PUT", path, body).ok
        indexes.refresh(self._id)

    def find(self, q, mode="query_string", boosts=(), **settings):
        """The subjects that `q` finds, best first."""
        clause = compile_text(parse_text(q, mode, **settings), self.schema, dict(boosts))
        nested = {"path": doc.ENTRIES, "query": clause, "score_mode": "max"}
        body = {"query": {"nested": nested}, "size": 100, "sort": ["_score", "subject"]}
        answer = self._engine.request("POST", f"/{doc.read_alias(self._id)}/_search", body)
        assert answer.status == 200, (q, answer.body)
        return [hit["_source"]["subject"] for hit in answer.json()["hits"]["hits"]]


# --- the page ------------------------------------------------------------------------------------


def examples():
    """(mode, q, what the page says of it)"""
    for section in PAGE.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        for cell, finds in re.findall(r"^\| `(.+?)` \| ([^|]+?) \|", section, re.MULTILINE):
            yield MODES[title], cell.replace(r"\|", "|"), finds


@pytest.fixture(scope="module")
def page(engine):
    contents = json.loads(re.search(r"```json documents\n(.*?)```", PAGE, re.DOTALL)[1])
    text = dict.fromkeys(("rock", "site", "title", "doi", "dc.creator", "a%2Eb"), "string")
    rest = {"depth_m": "integer", "ratio": "float", "open": "boolean", "collected": "date"}
    projected = {
        subject: {key.replace(".", "%2E"): value for key, value in content.items()}
        for subject, content in contents.items()
    }
    return Searched(engine, text | rest, projected)


@pytest.mark.parametrize(("mode", "q", "finds"), list(examples()))
def test_an_example_of_the_page_finds_what_the_page_says(page, mode, q, finds):
    if column := re.fullmatch(r"column (\d+)", finds):
        with pytest.raises(QuerySyntaxError) as caught:
            page.find(q, mode)
        assert caught.value.details["column"] == int(column[1])
        return
    everything = [f"core-{number}" for number in range(1, 6)]
    expected = {"nothing": [], "everything": everything}.get(finds, finds.split())
    assert sorted(page.find(q, mode)) == expected


def test_the_page_has_examples_of_every_mode():
    assert {mode for mode, _, _ in examples()} == set(MODES.values())


# --- words, phrases and values -------------------------------------------------------------------


@pytest.fixture(scope="module")
def values(engine):
    fields = {
        "a": "string", "b": "string", "list": "string", "n": "integer", "x": "float",
        "when": "date", "place": "geo_point",
    }  # fmt: skip
    contents = {
        "fields": {"a": "red ochre", "b": "clay pit"},
        "list": {"list": ["red chalk", "white clay"]},
        "long": {"a": f"{'sand ' * 4000}needle"},
        "accent": {"a": "Éboulis ΟΔΟΣ İstanbul 😀 日本語"},
        "float": {"x": 2.0},
        "integer": {"n": 2},
        "negative": {"n": -7},
        "big": {"n": 9007199254740993},
        "moment": {"when": "2020-05-01T23:30:00-06:00"},
        "day": {"when": "2020-05-01"},
        "year": {"a": "2020"},
        "place": {"place": "10, 20"},
    }
    return Searched(engine, fields, contents)


def test_a_phrase_in_a_field_does_not_span_two_values_of_a_list(values):
    assert values.find('list:"white clay"', "advanced_query_string") == ["list"]
    assert values.find('list:"chalk white"~99', "advanced_query_string") == []


@pytest.fixture
def apart(request):
    """Skips where the engine does not keep values apart that it copies to one field."""
    if "osmem" in request.node.name:
        pytest.skip("osmem lets every copied value start at position 0 (docs/engines.md)")


def test_a_phrase_does_not_span_two_values_of_a_list(values):
    assert values.find('"white clay"') == ["list"]
    assert values.find('"chalk white"') == []


@pytest.mark.usefixtures("apart")
def test_nor_does_it_when_its_words_may_be_apart(values):
    assert values.find('"chalk white"~99') == []


@pytest.mark.usefixtures("apart")
def test_a_phrase_does_not_span_two_fields(values):
    assert values.find('"red pit"') == []
    assert values.find('"red pit"~99') == []
    assert values.find("red + pit") == ["fields"]


def test_a_value_of_20_000_characters_is_found(values):
    assert values.find("needle") == ["long"]
    assert values.find("a:needle", "advanced_query_string") == ["long"]


@pytest.mark.parametrize(
    "q", ["éboulis", "ÉBOULIS", "ébo*", "ÉBO*", "ΟΔΟΣ", "ΟΔΟ*", "日本", '"日本語"']
)
def test_words_of_any_script_ignore_case_and_keep_accents(values, q):
    assert values.find(q) == ["accent"]
    assert values.find("eboulis") == []


@pytest.mark.parametrize("q", ["/ÉB.*S/", "a:/éBOU.+/", "É?OULI?", "a:éb*s", "a:*日本語"])
def test_patterns_ignore_case_in_any_script(values, q):
    assert values.find(q, "advanced_query_string") == ["accent"]


@pytest.mark.parametrize("q", ["2", "2.0", "2e0", "02"])
def test_a_number_is_found_in_any_spelling(values, q):
    assert sorted(values.find(q)) == ["float", "integer"]


def test_integers_are_compared_exactly(values):
    advanced = "advanced_query_string"
    assert values.find("n:9007199254740993", advanced) == ["big"]
    assert values.find("n:9007199254740992", advanced) == []
    assert values.find("n:>9007199254740992", advanced) == ["big"]
    assert values.find("n:-7.0", advanced) == ["negative"]


def test_a_date_is_found_by_its_value_and_not_by_how_it_was_written(values):
    assert values.find("2020-05-01", default_operator="and") == ["day"]
    assert values.find("2020-05-02", default_operator="and") == ["moment"]
    assert values.find('when:"2020-05-02T05:30:00Z"', "advanced_query_string") == ["moment"]
    assert sorted(values.find("2020")) == ["day", "moment", "year"]


def test_geo_fields_only_tell_that_they_have_a_value(values):
    assert values.find("place:*", "advanced_query_string") == ["place"]
    assert values.find("place:10", "advanced_query_string") == []
    assert values.find("10") == []


def test_a_range_without_a_field_holds_for_numbers_and_dates(values):
    assert sorted(values.find("[1 TO 3]", "advanced_query_string")) == ["float", "integer"]
    assert sorted(values.find("[2019 TO 2021]", "advanced_query_string")) == ["day", "moment"]


def test_edits_in_text_match_stop_at_the_engines_two(values):
    assert values.find("neeble", "text_match") == ["long"]
    assert values.find("meeble", "text_match") == []
    assert values.find("meeble", "text_match", fuzziness=2) == ["long"]
    assert values.find("meebbe", "text_match", fuzziness=5) == []
    assert values.find("needle", "text_match", fuzziness=0) == ["long"]


def test_short_words_have_fewer_edits(values):
    assert values.find("pot", "text_match", fuzziness=2) == ["fields"]
    assert values.find("pox", "text_match", fuzziness=2) == []
    assert values.find("pi", "text_match", fuzziness=2) == []


# --- ranking -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ranked(engine):
    contents = {
        "both": {"title": "lava flow", "text": "of the north"},
        "one": {"title": "lava", "text": "of the south"},
        "in-text": {"title": "of the west", "text": "granite dome"},
        "in-title": {"title": "granite dome", "text": "of the east"},
    }
    return Searched(engine, {"title": "string", "text": "string"}, contents)


def test_subjects_with_more_of_the_words_come_first(ranked):
    assert ranked.find("lava flow") == ["both", "one"]
    assert ranked.find("flow lava") == ["both", "one"]


@pytest.mark.parametrize(
    ("boosts", "first"),
    [
        ({"title": 5}, "in-title"),
        ({"text": 5}, "in-text"),
        ({"title": 0.1}, "in-text"),
        ({"text": 0}, "in-title"),
        ({"title": 5, "text": 2}, "in-title"),
        ({"title": 0.5, "text": 0.1}, "in-title"),
    ],
)
@pytest.mark.parametrize("q", ["granite", '"granite dome"', "gran*", "granibe~1", "granite dome"])
def test_a_boost_changes_the_order_and_not_what_is_found(ranked, boosts, first, q):
    found = ranked.find(q, boosts=boosts)
    assert found[0] == first
    assert sorted(found) == ["in-text", "in-title"]


def test_a_boost_holds_for_words_that_name_the_field(ranked):
    q = "title:granite text:granite"
    assert ranked.find(q, "advanced_query_string", {"text": 5})[0] == "in-text"
    assert ranked.find(q, "advanced_query_string", {"title": 5})[0] == "in-title"


def test_a_weight_in_the_query_changes_the_order(ranked):
    for best, other in (("title", "text"), ("text", "title")):
        found = ranked.find(f"{best}:granite^5 {other}:granite", "advanced_query_string")
        assert found == [f"in-{best}", f"in-{other}"]
