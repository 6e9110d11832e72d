"""Writing: versions, conflicts, refused items, blocks, and an engine that is gone in the middle."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.domain.versions import version
from garner.errors import NoSuchIndex, QueryTimeout, Unavailable
from garner.ports.engine_writer import AliasMissing, ItemResult, Write
from garner.services.drain.merge import document
from garner.storage.opensearch.bulk import OpenSearchWriter
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from local import engine as engines
from local.processes import free_port

ROCK = Schema({"rock": FieldType.STRING, "depth": FieldType.INTEGER})
APPLIED, SUPERSEDED = ItemResult.APPLIED, ItemResult.SUPERSEDED
REJECTED, RETRYABLE = ItemResult.REJECTED, ItemResult.RETRYABLE


@pytest.fixture
def indexes(engine: EngineClient) -> OpenSearchIndexes:
    return OpenSearchIndexes(engine)


@pytest.fixture
def writer(engine: EngineClient, indexes: OpenSearchIndexes, index_id: str) -> OpenSearchWriter:
    indexes.create(index_id, 1, ROCK)
    return OpenSearchWriter(engine)


def put(subject: str, at: int, **content: object) -> Write:
    entry = orjson.dumps({"visible_to": ["public"], "content": content})
    return Write(doc.document_id(subject), at, document(subject, at, {None: entry}))


def tombstone(subject: str, at: int) -> Write:
    return Write(doc.document_id(subject), at, document(subject, at, {}), tombstone=True)


def purge(subject: str, at: int) -> Write:
    return Write(doc.document_id(subject), at, None)


def found(writer: OpenSearchWriter, index_id: str, subject: str):
    return writer.read(index_id, [doc.document_id(subject)]).get(doc.document_id(subject))


# --- versions ------------------------------------------------------------------------------------


def test_a_higher_version_wins_an_equal_one_is_taken_again_and_a_lower_one_is_late(
    writer, index_id
):
    first, second = version(7, 3), version(8)
    assert writer.bulk(index_id, [put("core:1", second, rock="chert")]) == [APPLIED]
    assert writer.bulk(index_id, [put("core:1", second, rock="chert")]) == [APPLIED]
    assert writer.bulk(index_id, [put("core:1", first, rock="basalt")]) == [SUPERSEDED]
    stored = found(writer, index_id, "core:1")
    assert stored.version == second
    assert stored.document[doc.ENTRIES][0][doc.CONTENT] == {"rock": "chert"}


def test_versions_are_exact_up_to_63_bits(writer, index_id):
    high = version(2**38, 5)
    assert writer.bulk(index_id, [put("core:1", high)]) == [APPLIED]
    assert writer.bulk(index_id, [put("core:1", high - 1)]) == [SUPERSEDED]
    assert found(writer, index_id, "core:1").version == high


def test_a_tombstone_keeps_an_older_write_away_and_a_newer_one_replaces_it(writer, index_id):
    assert writer.bulk(index_id, [tombstone("core:1", version(8))]) == [APPLIED]
    assert writer.bulk(index_id, [put("core:1", version(7), rock="late")]) == [SUPERSEDED]
    writer.refresh(index_id)
    assert writer.tombstones(index_id, 10) == [(doc.document_id("core:1"), version(8))]
    assert writer.bulk(index_id, [put("core:1", version(9), rock="new")]) == [APPLIED]
    writer.refresh(index_id)
    assert writer.tombstones(index_id, 10) == []


def test_a_purge_at_its_own_version_spares_what_was_written_since(writer, index_id):
    writes = [tombstone("core:1", version(8)), tombstone("core:2", version(8, 1))]
    assert writer.bulk(index_id, writes) == [APPLIED] * 2
    assert writer.bulk(index_id, [put("core:2", version(9), rock="again")]) == [APPLIED]
    purges = [purge("core:1", version(8)), purge("core:2", version(8, 1))]
    assert writer.bulk(index_id, purges) == [APPLIED, SUPERSEDED]
    assert found(writer, index_id, "core:1") is None
    assert found(writer, index_id, "core:2").version == version(9)
    assert writer.bulk(index_id, [purge("core:3", version(1))]) == [APPLIED]  # there was none


def test_of_writes_in_parallel_the_highest_version_stays(writer, index_id):
    with ThreadPoolExecutor(4) as threads:
        bulks = [[put("core:1", version(n), depth=n)] for n in (3, 9, 1, 7, 5, 8, 2, 6, 4)]
        results = list(threads.map(lambda bulk: writer.bulk(index_id, bulk), bulks))
    assert all(each in ([APPLIED], [SUPERSEDED]) for each in results)
    stored = found(writer, index_id, "core:1")
    assert (stored.version, stored.document[doc.ENTRIES][0][doc.CONTENT]) == (
        version(9),
        {"depth": 9},
    )


# --- items of one bulk ---------------------------------------------------------------------------


def test_each_item_has_a_result_of_its_own_in_order(writer, index_id):
    writer.bulk(index_id, [put("core:2", version(5), rock="chert")])
    results = writer.bulk(
        index_id,
        [
            put("core:1", version(2), rock="basalt"),
            put("core:2", version(3), rock="late"),
            put("core:3", version(4), unknown="the mapping is strict"),
            put("core:4", version(4, 1), depth="not a number"),
            put("core:5", version(4, 2), depth=7),
        ],
    )
    assert results == [APPLIED, SUPERSEDED, REJECTED, REJECTED, APPLIED]
    writer.refresh(index_id)
    everything = {"match_all": {}}
    subjects = writer.matching(index_id, everything, slot=0, after=None, size=10)
    assert subjects == ["core:1", "core:2", "core:5"]


def test_a_document_is_refused_for_its_content_before_its_version_is_looked_at(writer, index_id):
    bad = {"depth": "no number"}
    assert writer.bulk(index_id, [put("a", 5, depth=1), put("b", 5, depth=1)]) == [APPLIED] * 2
    late = [put("a", 3, **bad), put("b", 3, depth=2)]
    assert writer.bulk(index_id, late) == [REJECTED, SUPERSEDED]


def test_a_bulk_without_its_alias_writes_nothing_and_makes_no_index(
    engine, indexes, writer, index_id
):
    indexes.remove_aliases(index_id)
    with pytest.raises(AliasMissing):
        writer.bulk(index_id, [put("core:1", version(1), rock="basalt")])
    assert engine.request("GET", f"/{doc.write_alias(index_id)}").status == 404
    assert not writer.read(index_id, [doc.document_id("core:1")], build=1)
    with pytest.raises(NoSuchIndex):
        writer.read(index_id, [doc.document_id("core:1")])


# --- an engine in trouble ------------------------------------------------------------------------


@pytest.mark.usefixtures("only_opensearch")
@pytest.mark.parametrize("block", ["write", "read_only_allow_delete"])
def test_a_blocked_index_is_the_engines_trouble_and_passes(engine, writer, index_id, block):
    def set_block(value):
        path = f"/{doc.physical_index(index_id, 1)}/_settings"
        assert engine.request("PUT", path, {f"index.blocks.{block}": value}).ok

    set_block(True)
    try:
        results = writer.bulk(index_id, [put("core:1", version(1), rock="basalt")])
        assert results == [RETRYABLE]
    finally:
        set_block(None)
    assert writer.bulk(index_id, [put("core:1", version(1), rock="basalt")]) == [APPLIED]


@pytest.mark.usefixtures("only_opensearch")
def test_a_request_that_the_engine_has_no_memory_for_is_repeated_in_smaller_ones(
    engine, writer, index_id
):
    limit = "network.breaker.inflight_requests.limit"

    def set_limit(value):
        settings = {"persistent": {limit: value}}
        assert engine.request("PUT", "/_cluster/settings", settings).ok

    large = [put(f"core:{n}", version(1, n), rock="basalt " * 40) for n in range(40)]
    set_limit("8kb")
    try:
        with pytest.raises(Unavailable):  # 429, a circuit breaker
            writer.bulk(index_id, large)
        assert writer.bulk(index_id, large[:2]) == [APPLIED] * 2
    finally:
        set_limit(None)
    assert writer.bulk(index_id, large) == [APPLIED] * 40


def test_a_bulk_without_an_answer_is_sent_again_and_counts_once(
    engine, engine_pid, writer, index_id
):
    """The engine's process stands still in the middle, as in a long garbage collection."""
    impatient = OpenSearchWriter(engine, request_seconds=0.3)
    bulk = [put(f"core:{n}", version(1, n), depth=n) for n in range(500)]
    os.kill(engine_pid, signal.SIGSTOP)
    try:
        with pytest.raises(QueryTimeout):
            impatient.bulk(index_id, bulk)
    finally:
        os.kill(engine_pid, signal.SIGCONT)
    newer = [put("core:7", version(2), depth=-7)]
    assert writer.bulk(index_id, bulk) == [APPLIED] * 500
    assert writer.bulk(index_id, newer) == [APPLIED]
    assert writer.bulk(index_id, bulk)[7] is SUPERSEDED
    assert found(writer, index_id, "core:7").version == version(2)
    writer.refresh(index_id)
    assert OpenSearchIndexes(engine).stats(index_id).num_subjects == 500


def test_an_engine_that_is_killed_in_the_middle_of_bulks_gives_no_wrong_answer(tmp_path):
    """Every answer that came is true; the others are `Unavailable`. (The real engine's restart
    with its data is part of what docs/operations.md was carried out with.)"""
    running = engines.start("osmem", free_port(), tmp_path)
    client = EngineClient(running.url)
    OpenSearchIndexes(client).create("i", 1, ROCK)
    writer = OpenSearchWriter(client)
    answers: list[list[ItemResult] | str] = []

    def send():
        for n in range(1, 2_000):
            try:
                answers.append(writer.bulk("i", [put(f"core:{n}", version(n), depth=n)] * 50))
            except Unavailable:
                answers.append("unavailable")
                return
            if n == 20:
                half.set()

    half = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(send)
        assert half.wait(30)
        assert running.child
        os.kill(running.child.pid, signal.SIGKILL)
        sending.result(30)
    running.stop()
    assert answers.pop() == "unavailable"
    assert all(answer == [APPLIED] * 50 for answer in answers)


def test_an_engine_that_is_not_there_is_unavailable():
    gone = OpenSearchWriter(EngineClient(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Unavailable):
        gone.bulk("none", [put("core:1", version(1))])
