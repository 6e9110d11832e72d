"""Who sees what, and that nothing tells of a hidden entry (contract 1, 3.10 to 3.12, 8.1, 8.2)."""

from dataclasses import replace

import orjson
import pytest

from garner.contracts.query import delete_request_from_body
from garner.domain.documents import document_id, write_alias
from garner.domain.principals import ALL_AUTHENTICATED, ANONYMOUS, PUBLIC
from garner.domain.query.request import ReadRequest
from garner.errors import Forbidden, NotFound, Unauthorized, ValidationFailed
from garner.services.delete_by_query import compile_stored, stored_query
from garner.services.read_subject import show_entry, show_subject
from tests.fakes.query import Collection, caller, entry, group, identity, subjects_of

ALICE, BOB, CAROL = caller(1), caller(2, 7), caller(3, linked=[1])
TERMS = {"field_name": "kind", "size": 100}


def matching(field, *values):
    return {"type": "match_any", "field_name": field, "values": list(values)}


@pytest.fixture(scope="module")
def shared(engine):
    """Subject `mixed` has a public and a hidden entry; the rest has one reader each."""
    return Collection(
        engine,
        "00000000-0000-4000-8000-0000000000f0",
        {
            "public": [entry({"kind": "rock", "n": 1})],
            "token": [entry({"kind": "rock", "n": 2}, visible_to=[ALL_AUTHENTICATED])],
            "alice": [entry({"kind": "gem", "n": 3}, visible_to=[identity(1)])],
            "group": [entry({"kind": "sand", "n": 4}, visible_to=[group(7)])],
            "mixed": [
                entry({"kind": "rock", "n": 5}, entry_id="b"),
                entry({"kind": "secret", "n": 0, "only": "x"}, visible_to=[identity(1)]),
                entry({"kind": "ore", "n": 6}, entry_id="a"),
            ],
        },
    )


def sees(collection, by, **body):
    return set(collection.found(by=by, **body))


@pytest.mark.compliance(59)
def test_everyone_sees_what_names_one_of_their_principals(shared):
    assert sees(shared, ANONYMOUS) == {"public", "mixed"}
    assert sees(shared, caller(9)) == {"public", "mixed", "token"}
    assert sees(shared, BOB) == {"public", "mixed", "token", "group"}
    assert sees(shared, ALICE) == {"public", "mixed", "token", "alice"}
    assert sees(shared, CAROL) == sees(shared, ALICE)


@pytest.mark.compliance(62)
def test_bypass_is_for_owners_and_admins_and_nothing_to_anonymous_callers(shared):
    body = {"q": "*", "bypass_visible_to": True}
    for role in ("owner", "admin"):
        answer = shared.search(body, caller(9), [role])
        assert answer["total"] == 5
        assert [e["entry_id"] for e in entries_of(answer, "mixed")] == [None, "a", "b"]
    for roles in ([], ["writer"]):
        with pytest.raises(Forbidden):
            shared.search(body, caller(9), roles)
    assert shared.search(body)["total"] == 2


def entries_of(answer, subject):
    (found,) = [result for result in answer["gmeta"] if result["subject"] == subject]
    return found["entries"]


# --- what is hidden leaves no trace ---------------------------------------------------------------


def test_an_answer_shows_only_visible_entries_null_id_first(shared):
    assert [e["entry_id"] for e in entries_of(shared.search({"q": "*"}), "mixed")] == ["a", "b"]
    whole = entries_of(shared.search({"q": "*"}, ALICE), "mixed")
    assert [e["entry_id"] for e in whole] == [None, "a", "b"]


def test_a_hidden_entry_satisfies_no_query(shared):
    for query in (
        {"q": "secret"},
        {"q": "only:x", "advanced": True},
        {"q": "kind:*", "advanced": True, "filters": [matching("only", "x")]},
        {"filters": [{"type": "exists", "field_name": "only"}]},
        {"filters": [{"type": "range", "field_name": "n", "values": [{"lt": 1}]}]},
    ):
        assert shared.search(query)["total"] == 0, query
        assert shared.search(query, ALICE)["total"] == 1, query


def test_conditions_are_not_met_by_several_entries_together(shared):
    together = [matching("kind", "rock"), matching("n", 6)]
    assert shared.search({"filters": together})["total"] == 0
    assert shared.search({"q": "ore", "filters": [matching("kind", "rock")]})["total"] == 0
    post = {"q": "*", "filters": [together[0]], "post_facet_filters": [together[1]]}
    assert shared.search({**post, "facets": [TERMS]})["total"] == 0


def test_a_negation_holds_for_one_entry(shared):
    no_rock = {"type": "not", "filter": matching("kind", "rock")}
    assert shared.found(no_rock) == ["mixed"]


def test_facets_count_subjects_and_only_visible_entries(shared):
    assert shared.facet(**TERMS) == [("rock", 2), ("ore", 1)]
    assert shared.facet(ALICE, **TERMS) == [("rock", 3), ("gem", 1), ("ore", 1), ("secret", 1)]
    assert shared.facet(type="distinct_count", field_name="kind") == 2
    assert shared.facet(type="sum", field_name="n") == 12
    ten = {"low": 0, "high": 10}
    histogram = {"type": "numeric_histogram", "field_name": "n", "histogram_range": ten, "size": 1}
    assert shared.facet(**histogram) == [({"from": 0.0, "to": 10.0}, 2)]


def test_a_facet_of_hidden_values_is_as_empty_as_that_of_an_unknown_field(shared):
    for field in ("only", "nowhere"):
        assert shared.facet(field_name=field) == []
        assert shared.facet(type="distinct_count", field_name=field) == 0


def test_facets_with_post_filters_do_not_count_hidden_entries(shared):
    body = {"q": "*", "facets": [TERMS], "post_facet_filters": [matching("n", 0)]}
    answer = shared.search(body)
    assert answer["total"] == 0
    values = [bucket["value"] for bucket in answer["facet_results"][0]["buckets"]]
    assert values == ["rock", "ore"]


def test_a_hidden_value_decides_no_place(shared):
    keys = [{"field_name": "n", "order": "asc"}]
    assert shared.found(sort=keys) == ["public", "mixed"]
    assert shared.found(sort=keys, by=ALICE)[0] == "mixed"
    assert shared.found(sort=[{"field_name": "only", "order": "asc"}]) == ["mixed", "public"]


def test_a_tombstone_is_found_by_nothing(engine, index_id):
    gone = Collection(engine, index_id, {"there": [entry({"a": 1})]})
    tombstone = {"subject": "gone", "live": False, "slot": 3, "entries": []}
    path = f"/{write_alias(index_id)}/_doc/{document_id('gone')}?refresh=true"
    assert engine.request("PUT", path, tombstone).ok
    everything = {"q": "*", "bypass_visible_to": True}
    assert subjects_of(gone.search(everything, ALICE, ["owner"])) == ["there"]
    with pytest.raises(NotFound):
        show(gone, "gone", ALICE, bypass=True)


def test_what_was_revoked_disappears_from_the_next_page(engine, index_id):
    one = {f"s:{n}": [entry({"n": n}, visible_to=[identity(1)])] for n in range(3)}
    pages = Collection(engine, index_id, one)
    first = pages.scroll({"q": "*", "limit": 1}, ALICE)
    pages.add({"s:1": [entry({"n": 1}, visible_to=[identity(2)])]})
    second = pages.scroll({"q": "*", "limit": 1, "marker": first["marker"]}, ALICE)
    assert subjects_of(second) == ["s:2"]


def test_the_first_second_entry_is_counted_right_at_once(engine, index_id):
    growing = Collection(engine, index_id, {"s": [entry({"kind": "rock"})]})
    assert growing.facet(**TERMS) == [("rock", 1)]
    growing.add({"s": [entry({"kind": "rock"}), entry({"kind": "rock"}, entry_id="x")]})
    assert growing.facet(**TERMS) == [("rock", 1)]
    with_post_filter = {"q": "*", "facets": [TERMS], "post_facet_filters": [matching("kind", "x")]}
    growing.reader._schemas.clear()
    (result,) = growing.search(with_post_filter)["facet_results"]
    assert [bucket["count"] for bucket in result["buckets"]] == [1]


# --- principal sets -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curated(engine):
    return Collection(
        engine,
        "00000000-0000-4000-8000-0000000000f1",
        {
            "one": [
                entry({"n": 1}, principal_sets={"curator": [identity(1)], "the rest": [group(7)]}),
                entry({"n": 2}, entry_id="x", principal_sets={"monitor": [identity(1)]}),
            ],
            "two": [entry({"n": 3}, principal_sets={"curator": [group(7)]})],
            "hidden": [
                entry({"n": 4}, visible_to=[identity(5)], principal_sets={"curator": [identity(1)]})
            ],
        },
    )


@pytest.mark.compliance(64)
def test_filter_principal_sets_keeps_entries_whose_set_has_the_caller(curated):
    answer = curated.search({"q": "*", "filter_principal_sets": ["curator"]}, ALICE)
    assert subjects_of(answer) == ["one"]
    (shown,) = entries_of(answer, "one")
    assert (shown["entry_id"], shown["matched_principal_sets"]) == (None, ["curator"])
    by_group = {"q": "*", "filter_principal_sets": "curator"}
    assert subjects_of(curated.search(by_group, BOB)) == ["two"]
    either = {"q": "*", "filter_principal_sets": ["monitor", "curator"]}
    assert len(entries_of(curated.search(either, ALICE), "one")) == 2
    assert curated.search({"q": "*", "filter_principal_sets": ["boss"]}, ALICE)["total"] == 0


@pytest.mark.compliance(64)
def test_filter_principal_sets_is_refused_without_a_token(curated):
    with pytest.raises(Unauthorized):
        curated.search({"q": "*", "filter_principal_sets": ["curator"]})


@pytest.mark.compliance(63)
def test_matched_principal_sets_are_told_without_the_filter_and_other_sets_never(curated):
    answer = curated.search({"q": "*"}, BOB)
    assert [e["matched_principal_sets"] for e in entries_of(answer, "one")] == [["the rest"], []]
    assert set(entries_of(answer, "two")[0]) == {"entry_id", "content", "matched_principal_sets"}


def test_a_name_with_a_space_is_no_other_set(curated):
    body = {"q": "*", "filter_principal_sets": ["the rest"]}
    assert subjects_of(curated.search(body, BOB)) == ["one"]
    assert curated.search({**body, "filter_principal_sets": ["rest"]}, BOB)["total"] == 0


# --- fields, formats, reads -----------------------------------------------------------------------


def test_fields_beyond_content_are_for_role_holders(curated):
    body = {"q": "*", "fields": ["visible_to", "principal_sets"]}
    for by, roles in ((ANONYMOUS, []), (BOB, [])):
        with pytest.raises(Forbidden):
            curated.search(body, by, roles)
    shown = entries_of(curated.search(body, BOB, ["writer"]), "one")[0]
    assert shown == {
        "entry_id": None,
        "matched_principal_sets": ["the rest"],
        "visible_to": [PUBLIC],
        "principal_sets": ["curator", "the rest"],
    }


@pytest.mark.compliance(65)
def test_the_old_format_has_contents_and_no_entries(shared):
    answer = shared.search({"filters": [matching("n", 5)], "result_format_version": "2017-09-01"})
    assert answer["gmeta"] == [
        {
            "@datatype": "GMetaResult",
            "@version": "2017-09-01",
            "subject": "mixed",
            "content": [{"kind": "ore", "n": 6}, {"kind": "rock", "n": 5}],
        }
    ]


def show(collection, subject, by=ANONYMOUS, *, bypass=False, entry_id=None, use=show_subject):
    request = ReadRequest(subject, entry_id, bypass)
    roles = ["owner"] if bypass else []
    answer = use(collection.index_id, by, request, reader=collection.reader, roles=lambda: roles)
    return orjson.loads(answer)


@pytest.mark.compliance(60)
def test_subject_show_has_the_visible_entries_or_is_not_found(shared):
    assert [e["entry_id"] for e in show(shared, "mixed")["entries"]] == ["a", "b"]
    assert len(show(shared, "mixed", ALICE)["entries"]) == 3
    assert len(show(shared, "mixed", BOB, bypass=True)["entries"]) == 3
    for hidden in ("alice", "no such subject"):
        with pytest.raises(NotFound):
            show(shared, hidden)


@pytest.mark.compliance(61)
def test_entry_show_has_exactly_the_entry_of_that_id(shared):
    (found,) = show(shared, "mixed", entry_id="a", use=show_entry)["entries"]
    assert found["entry_id"] == "a"
    (null,) = show(shared, "mixed", ALICE, use=show_entry)["entries"]
    assert null["entry_id"] is None
    for by, entry_id in ((ANONYMOUS, None), (ALICE, "c")):
        with pytest.raises(NotFound):
            show(shared, "mixed", by, entry_id=entry_id, use=show_entry)


def test_content_comes_back_as_it_went_in(engine, index_id):
    content = {"a.b": {"c": [1, None, []]}, "n": 1.0, "big": 2**63 - 1, "none": None, "": {}}
    content.pop("")
    kept = Collection(engine, index_id, {"s": [entry(content)]})
    assert kept.search({"q": "*"})["gmeta"][0]["entries"][0]["content"] == content
    assert show(kept, "s")["entries"][0]["content"] == content


# --- deletes by query -----------------------------------------------------------------------------


def deleted(collection, by, body):
    """The subjects that a delete by query takes, as its worker finds them from the task log."""
    header = orjson.loads(orjson.dumps(stored_query(delete_request_from_body(body), by)))
    query = compile_stored(header, collection.reader.schema(collection.index_id))
    found = collection.reader.search(
        collection.index_id, {"query": query, "sort": ["subject"], "size": 100}
    )
    return [hit["_source"]["subject"] for hit in found["hits"]["hits"]]


@pytest.mark.compliance(58)
def test_a_delete_by_query_takes_what_the_same_search_shows_its_caller(shared):
    secret = {"filters": [matching("kind", "secret")]}
    assert deleted(shared, BOB, {"filters": [matching("kind", "rock")]}) == [
        "mixed",
        "public",
        "token",
    ]
    assert deleted(shared, BOB, secret) == []
    assert deleted(shared, BOB, {**secret, "bypass_visible_to": True}) == ["mixed"]


def test_a_delete_by_query_reaches_no_further_than_its_principal_sets(curated):
    body = {"q": "*", "filter_principal_sets": ["curator"]}
    assert deleted(curated, ALICE, body) == ["one"]
    assert deleted(curated, BOB, body) == ["two"]


def test_a_delete_by_query_never_makes_do_with_less(shared):
    wrong = {"type": "not", "filter": {"type": "like", "field_name": "n", "value": "x"}}
    with pytest.raises(ValidationFailed):
        deleted(shared, BOB, {"filters": [wrong]})


def test_a_caller_of_thousands_of_groups_is_not_cut_off(shared):
    crowded = replace(BOB, groups=BOB.groups | {group(n) for n in range(1_000, 71_000)})
    assert "group" in sees(shared, crowded)
