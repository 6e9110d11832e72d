"""Builds, aliases, mapping, cursor document and rebuild."""

import pytest

from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.errors import JsonObject, NoSuchIndex, Unavailable
from garner.ports.engine_indexes import IndexStats, MappingRefused
from garner.storage.opensearch.indexes import OpenSearchIndexes

ROCK = Schema({"rock": FieldType.STRING}, version=1)


@pytest.fixture
def indexes(engine):
    return OpenSearchIndexes(engine)


def write(engine, index_id, subject, version, *entries):
    """A subject of these entries; none at all is a tombstone."""
    body: JsonObject = {"subject": subject, "live": bool(entries), "entries": list(entries)}
    if not entries:
        body["slot"] = version >> 24
    path = f"/{doc.write_alias(index_id)}/_doc/{doc.document_id(subject)}"
    answer = engine.request(
        "PUT", f"{path}?version={version}&version_type=external_gte&require_alias=true", body
    )
    assert answer.ok or answer.status == 409, answer.body
    return answer


def entry(**content):
    return {"visible_to": ["public"], "content": content}


def subjects(engine, index_id):
    body = {"query": {"match_all": {}}, "sort": ["subject"]}
    found = engine.request("POST", f"/{doc.read_alias(index_id)}/_search", body).json()
    return [hit["_source"].get("subject") for hit in found["hits"]["hits"]]


def stored(engine, index_id, subject):
    path = f"/{doc.write_alias(index_id)}/_doc/{doc.document_id(subject)}"
    return engine.request("GET", path).json()


# --- life of an index ----------------------------------------------------------------------------


def test_a_created_index_can_be_written_and_read_through_its_aliases(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    write(engine, index_id, "core:1", 1, entry(rock="basalt"))
    indexes.refresh(index_id)
    assert subjects(engine, index_id) == ["core:1"]


def test_creating_again_after_a_crash_changes_nothing(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    write(engine, index_id, "core:1", 1, entry(rock="basalt"))
    indexes.create(index_id, 1, Schema())
    indexes.refresh(index_id)
    assert subjects(engine, index_id) == ["core:1"]
    assert indexes.schema(index_id) == ROCK


def test_without_aliases_nothing_reads_or_writes_and_reopening_brings_the_data_back(
    engine, indexes, index_id
):
    indexes.create(index_id, 1, ROCK)
    write(engine, index_id, "core:1", 1, entry(rock="basalt"))
    for _ in range(2):
        indexes.remove_aliases(index_id)
    with pytest.raises(NoSuchIndex):
        indexes.refresh(index_id)
    path = f"/{doc.write_alias(index_id)}/_doc/x?require_alias=true"
    assert engine.request("PUT", path, {"subject": "x"}).status == 404
    for _ in range(2):
        indexes.restore_aliases(index_id, 1)
    indexes.refresh(index_id)
    assert subjects(engine, index_id) == ["core:1"]


def test_a_dropped_index_is_gone_and_dropping_it_again_is_fine(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    indexes.remove_aliases(index_id)
    for _ in range(2):
        indexes.drop(index_id)
    assert engine.request("GET", f"/{doc.physical_index(index_id, 1)}").status == 404
    with pytest.raises(NoSuchIndex):
        indexes.restore_aliases(index_id, 1)


@pytest.mark.parametrize(
    "use",
    [
        lambda indexes, index_id: indexes.schema(index_id),
        lambda indexes, index_id: indexes.stats(index_id),
        lambda indexes, index_id: indexes.refresh(index_id),
        lambda indexes, index_id: indexes.cursor(index_id),
        lambda indexes, index_id: indexes.write_cursor(index_id, 1),
        lambda indexes, index_id: indexes.put_fields(index_id, {}, Schema()),
        lambda indexes, index_id: indexes.rebuild(index_id, 2, Schema()),
    ],
)
def test_an_index_that_is_not_there_is_said_so_and_does_not_come_into_being(
    engine, indexes, index_id, use
):
    with pytest.raises(NoSuchIndex):
        use(indexes, index_id)
    assert engine.request("GET", f"/{doc.read_alias(index_id)}-*/_alias").json() == {}


# --- fields --------------------------------------------------------------------------------------


def test_added_fields_are_mapped_and_the_registry_travels_with_them(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    new = {"a%2Eb.c": FieldType.INTEGER, "when": FieldType.DATE}
    schema = Schema({**ROCK.fields, **new}, multi_entry=True, version=2)
    for _ in range(2):
        indexes.put_fields(index_id, new, schema)
    assert indexes.schema(index_id) == schema
    content = {"rock": "chert", "a%2Eb": {"c": 1}, "when": "2020-05-01"}
    assert write(engine, index_id, "core:1", 1, entry(**content)).ok


def test_the_registry_alone_can_change(indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    schema = Schema(ROCK.fields, multi_entry=True, version=2)
    indexes.put_fields(index_id, {}, schema)
    assert indexes.schema(index_id) == schema


@pytest.mark.parametrize("fields", [{"rock": FieldType.DATE}, {"rock.type": FieldType.STRING}])
def test_a_mapping_that_contradicts_is_refused_and_changes_nothing(indexes, index_id, fields):
    indexes.create(index_id, 1, ROCK)
    with pytest.raises(MappingRefused):
        indexes.put_fields(index_id, fields, Schema(fields, version=2))
    assert indexes.schema(index_id) == ROCK


# --- what is in it -------------------------------------------------------------------------------


def test_stats_count_live_subjects_and_their_entries(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    indexes.refresh(index_id)
    empty = indexes.stats(index_id)
    assert (empty.num_subjects, empty.num_entries) == (0, 0)
    write(engine, index_id, "core:1", 1 << 24, entry(rock="basalt"), entry(rock="chert"))
    write(engine, index_id, "core:2", 2 << 24, entry(rock="basalt"))
    write(engine, index_id, "core:3", 3 << 24)
    indexes.write_cursor(index_id, 3)
    indexes.refresh(index_id)
    stats = indexes.stats(index_id)
    assert stats == IndexStats(2, 3, stats.size_in_bytes)
    assert stats.size_in_bytes > 0


def test_the_cursor_never_goes_back_and_is_found_by_no_search(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    assert indexes.cursor(index_id) == 0
    for applied in (7, 7, 5):
        indexes.write_cursor(index_id, applied)
    indexes.refresh(index_id)
    assert indexes.cursor(index_id) == 7
    assert subjects(engine, index_id) == []
    tombstones = {"query": {"bool": {"filter": [{"range": {"slot": {"lte": 100}}}]}}}
    path = f"/{doc.write_alias(index_id)}/_search"
    assert engine.request("POST", path, tombstones).json()["hits"]["hits"] == []


def test_the_highest_version_is_found_among_all_documents(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    assert indexes.highest_version(index_id) == 0
    write(engine, index_id, "core:1", 9 << 24, entry(rock="basalt"))
    write(engine, index_id, "core:2", (12 << 24) + 5)
    write(engine, index_id, "core:3", 2 << 24, entry(rock="basalt"))
    indexes.write_cursor(index_id, 99)
    assert indexes.highest_version(index_id) == (12 << 24) + 5


# --- rebuild -------------------------------------------------------------------------------------


def filled(engine, indexes, index_id):
    indexes.create(index_id, 1, ROCK)
    write(engine, index_id, "core:1", 5 << 24, entry(rock="basalt"))
    write(engine, index_id, "core:2", 6 << 24)
    indexes.write_cursor(index_id, 6)


def test_a_rebuild_keeps_documents_versions_tombstones_and_cursor(engine, indexes, index_id):
    filled(engine, indexes, index_id)
    schema = Schema({"rock": FieldType.STRING, "depth": FieldType.FLOAT}, version=2)
    for _ in range(2):
        indexes.rebuild(index_id, 2, schema)
    assert subjects(engine, index_id) == ["core:1"]
    assert stored(engine, index_id, "core:1")["_version"] == 5 << 24
    tombstone = stored(engine, index_id, "core:2")
    assert (tombstone["_version"], tombstone["_source"]["live"]) == (6 << 24, False)
    assert (indexes.cursor(index_id), indexes.schema(index_id)) == (6, schema)
    assert write(engine, index_id, "core:2", 4 << 24, entry(rock="late")).status == 409
    assert engine.request("GET", f"/{doc.physical_index(index_id, 1)}").status == 404


def test_a_rebuild_starts_anew_after_one_that_died(engine, indexes, index_id):
    filled(engine, indexes, index_id)
    half = doc.physical_index(index_id, 2)
    mapping = {"mappings": {"dynamic": "strict", "properties": {}}}
    assert engine.request("PUT", f"/{half}", mapping).ok
    indexes.rebuild(index_id, 2, ROCK)
    assert subjects(engine, index_id) == ["core:1"]


def test_a_copy_that_is_not_complete_is_not_switched_to(engine, indexes, index_id):
    filled(engine, indexes, index_id)
    with pytest.raises(Unavailable):
        indexes.rebuild(index_id, 2, Schema())  # strict, and without the field that documents have
    assert subjects(engine, index_id) == ["core:1"]
    found = engine.request("GET", f"/_alias/{doc.write_alias(index_id)}").json()
    assert set(found) == {doc.physical_index(index_id, 1)}


def test_a_rebuild_moves_both_aliases(engine, indexes, index_id):
    filled(engine, indexes, index_id)
    indexes.rebuild(index_id, 2, ROCK)
    found = engine.request("GET", f"/{doc.read_alias(index_id)}-*/_alias").json()
    aliases = found[doc.physical_index(index_id, 2)]["aliases"]
    assert set(found) == {doc.physical_index(index_id, 2)}
    assert aliases[doc.read_alias(index_id)]["filter"]["term"] == {"live": True}
    assert aliases[doc.write_alias(index_id)]["is_write_index"] is True
