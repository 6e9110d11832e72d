"""The read services over a scripted engine: what they ask for, what they tell, what they refuse."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace

import orjson
import pytest

from garner import limits
from garner.api.answer import pack
from garner.domain.fields import FieldType, Schema
from garner.domain.principals import ANONYMOUS
from garner.domain.query.request import SearchRequest
from garner.errors import Forbidden, ResultTooLarge, ValidationFailed
from garner.services.scroll import scroll
from garner.services.search import search
from tests.fakes.query import KEY, StoppedClock, caller

INDEX = "00000000-0000-4000-8000-000000000001"
SCHEMA = Schema({"n": FieldType.INTEGER})
ALICE = caller(1)


@dataclass
class ScriptedReader:
    """`garner.ports.engine.SearchReader` over subjects that all match."""

    stored: list[dict] = field(default_factory=list)
    cached: Schema = SCHEMA
    fresh: Schema | None = None
    bodies: list[dict] = field(default_factory=list)
    reloads: int = 0

    def schema(self, index_id, *, fresh=False):
        self.reloads += fresh
        return (self.fresh or self.cached) if fresh else self.cached

    def search(self, index_id, body):
        self.bodies.append(body)
        after = body.get("search_after", [""])[0]
        behind = [document for document in self.stored if document["subject"] > after]
        start = body.get("from", 0)
        hits = [{"_source": document} for document in behind[start : start + body["size"]]]
        return {"hits": {"hits": hits, "total": {"value": len(self.stored)}}}


def stored(subject, visible_to=("public",), **content):
    entries = [{"visible_to": list(visible_to), "content": content}]
    return {"subject": subject, "live": True, "entries": entries}


def never_asked():
    raise AssertionError("the table was asked for roles")


def page(
    reader, request, by=ANONYMOUS, clock=None, *, roles=never_asked, index_id=INDEX, keys=(KEY,)
):
    clock = clock or StoppedClock()
    answer = scroll(
        index_id, by, request, reader=reader, roles=roles, clock=clock, signing_keys=keys
    )
    return orjson.loads(answer)


def searched(reader, request, by=ANONYMOUS, roles=never_asked):
    return orjson.loads(search(INDEX, by, request, reader=reader, roles=roles))


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [ANONYMOUS, ALICE])
def test_a_plain_search_asks_the_table_for_nothing(by):
    assert (
        searched(ScriptedReader(), SearchRequest(q="x", filter_principal_sets=[]), by)["total"] == 0
    )


def test_an_anonymous_search_never_asks_for_roles():
    wrong = {"type": "like", "field_name": "n", "value": "x"}
    request = SearchRequest(filters=[wrong], bypass_visible_to=True)
    searched(ScriptedReader(), request)
    with pytest.raises(Forbidden):
        searched(ScriptedReader(), SearchRequest(q="x", fields=["visible_to"]))


@pytest.mark.compliance(63)
def test_an_envelope_has_the_keys_of_the_contract():
    reader = ScriptedReader([stored("s", n=1)])
    assert searched(reader, SearchRequest(q="*", limit=1)) == {
        "@datatype": "GSearchResult",
        "@version": "2017-09-01",
        "total": 1,
        "count": 1,
        "offset": 0,
        "has_next_page": False,
        "gmeta": [
            {
                "@datatype": "GMetaResult",
                "@version": "2019-08-27",
                "subject": "s",
                "entries": [{"entry_id": None, "matched_principal_sets": [], "content": {"n": 1}}],
            }
        ],
    }


def test_what_the_engine_gives_is_cut_down_again():
    reader = ScriptedReader(
        [stored("a", [ALICE.identity]), stored("b"), {"subject": "c", "live": False}]
    )
    answer = searched(reader, SearchRequest(q="*"))
    assert [result["subject"] for result in answer["gmeta"]] == ["b"]
    assert answer["count"] == 1


def test_an_unknown_field_reloads_the_schema_once():
    exists = SearchRequest(filters=[{"type": "exists", "field_name": "late"}])
    reader = ScriptedReader(fresh=Schema({"late": FieldType.INTEGER}, version=1))
    searched(reader, exists)
    assert reader.reloads == 1
    assert "entries.content.late" in str(reader.bodies)
    searched(reader, SearchRequest(filters=[{"type": "exists", "field_name": "n"}]))
    assert reader.reloads == 1


# --- scroll ---------------------------------------------------------------------------------------

MANY = [stored(f"s{n}", n=n) for n in range(5)]


@pytest.fixture
def marker():
    return page(ScriptedReader(MANY), SearchRequest(q="*", limit=2), ALICE)["marker"]


def test_a_marker_goes_on_where_the_page_ended(marker):
    request = SearchRequest(q="*", limit=9, marker=marker)
    found = page(ScriptedReader(MANY), request, replace(ALICE, groups=frozenset({"x"})))
    assert [result["subject"] for result in found["gmeta"]] == ["s2", "s3", "s4"]
    assert (found["has_next_page"], found["marker"]) == (False, None)


@pytest.mark.parametrize(
    "change",
    [
        {"by": ANONYMOUS},
        {"by": caller(2)},
        {"index_id": "00000000-0000-4000-8000-000000000002"},
        {"keys": (b"x" * 32,)},
        {"request": SearchRequest(q="lava", limit=2)},
        {"request": SearchRequest(q="*", limit=2, filter_principal_sets=["x"])},
        {"clock": StoppedClock(1_000_001.0 + limits.SCROLL_MARKER_SECONDS)},
    ],
)
def test_a_marker_is_good_for_its_caller_index_and_query_and_for_a_time(marker, change):
    asked = {"request": SearchRequest(q="*", limit=2), "by": ALICE, **change}
    asked["request"] = replace(asked["request"], marker=marker)
    with pytest.raises(ValidationFailed) as refused:
        page(ScriptedReader(MANY), **asked)
    assert list(refused.value.details["messages"]["json"]) == ["marker"]


@pytest.mark.parametrize("text", ["", ".", "x", "a.b.c", "é.é", "W10=.W10=", "0" * 5_000])
def test_what_is_no_marker_is_refused(text):
    with pytest.raises(ValidationFailed):
        page(ScriptedReader(MANY), SearchRequest(q="*", marker=text))


def test_a_changed_marker_is_refused(marker):
    payload, _, signature = marker.partition(".")
    forged = urlsafe_b64encode(orjson.dumps(["s3", 9_999_999_999])).decode()
    for text in (f"{forged}.{signature}", f"{payload}.{signature[:-4]}AAA="):
        with pytest.raises(ValidationFailed):
            page(ScriptedReader(MANY), SearchRequest(q="*", limit=2, marker=text), ALICE)


def test_a_marker_outlives_the_rotation_of_the_key(marker):
    request = SearchRequest(q="*", limit=2, marker=marker)
    rotated = (b"a new key", KEY)
    assert page(ScriptedReader(MANY), request, ALICE, keys=rotated)["count"] == 2
    with pytest.raises(ValidationFailed):
        page(ScriptedReader(MANY), request, ALICE, keys=(b"a new key",))


def test_a_marker_lives_for_at_least_ten_minutes(marker):
    request = SearchRequest(q="*", limit=2, marker=marker)
    page(ScriptedReader(MANY), request, ALICE, StoppedClock(1_000_600.0))


def test_a_page_gets_shorter_where_it_would_not_fit_into_an_answer():
    text = '"' * 900_000  # escaped twice on its way out
    reader = ScriptedReader([stored(f"s{n}", text=text) for n in range(5)])
    request, subjects = SearchRequest(q="*", limit=5), []
    while True:
        answer = page(reader, request)
        pack(orjson.dumps(answer), "identity")
        assert answer["count"] == len(answer["gmeta"]) >= 1
        subjects += [result["subject"] for result in answer["gmeta"]]
        if not answer["has_next_page"]:
            break
        request = replace(request, marker=answer["marker"])
    assert subjects == [f"s{n}" for n in range(5)]


def test_a_subject_that_fits_into_no_answer_is_named():
    reader = ScriptedReader([stored("huge", text="x" * limits.MAX_ANSWER_BYTES)])
    with pytest.raises(ResultTooLarge, match="huge"):
        page(reader, SearchRequest(q="*"))


def test_a_scroll_of_nothing_ends_at_once():
    for request in (SearchRequest(q="*"), SearchRequest(q="*", limit=0)):
        answer = page(ScriptedReader(MANY if not request.limit else []), request)
        assert (answer["count"], answer["has_next_page"], answer["marker"]) == (0, False, None)


def test_the_largest_page_stays_within_the_engines_window():
    reader = ScriptedReader([stored(f"s{n:05}") for n in range(10_001)])
    first = page(reader, SearchRequest(q="*", limit=10_000))
    assert reader.bodies[-1]["size"] == 10_000
    assert (first["count"], first["has_next_page"]) == (10_000, True)
    last = page(reader, SearchRequest(q="*", limit=10_000, marker=first["marker"]))
    assert (last["count"], last["has_next_page"]) == (1, False)
