"""Faults of the engine (F19 to F22, F37, F42) and of the table (F33)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from garner.domain.documents import document_id
from garner.domain.tasks import TaskState
from garner.domain.versions import version
from garner.errors import Unavailable
from garner.ports.engine_writer import BulkTooLarge, ItemResult, StoredDocument, Write
from garner.services.drain import DrainEnd
from tests.fakes.ingest import INDEX
from tests.faults.case import Case, entry

HOURS = 3_600.0


def test_f19_of_a_busy_engine_only_the_refused_items_are_sent_again() -> None:
    case = Case()
    n = case.ingest(*[entry(f"s{i}", x=i) for i in range(100)])
    refused = {document_id(f"s{i}") for i in range(30)}

    def busy(write: Write) -> bool:
        return write.document_id in refused and len(case.engine.bulks) < 4

    case.engine.retryable = busy
    case.settle()
    assert [len(bulk) for bulk in case.engine.bulks] == [100, 30, 30, 30]
    assert case.state(n) is TaskState.SUCCESS
    assert case.task(n).attempts == 1


@pytest.mark.parametrize("result", [None, ItemResult.RETRYABLE])
def test_f20_f21_an_engine_that_is_down_or_blocked_for_two_hours_fails_nothing(
    result: ItemResult | None,
) -> None:
    case = Case()
    for number in range(3):
        case.ingest(entry("a", x=number), entry(f"s{number}", x=number))
    up_again = case.clock.time + 2 * HOURS
    working = case.engine.network

    def network(index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        if case.clock.time >= up_again:
            return working(index_id, writes)
        if result is None:
            raise Unavailable("down")
        return [result] * len(writes)

    case.engine.network = network
    while case.clock.time < up_again:
        assert case.drain() in (DrainEnd.UNAVAILABLE, DrainEnd.BUSY)
        case.clock.time += 20
        assert not any(case.task(n).state.is_terminal for n in (1, 2, 3))
        assert all(case.task(n).attempts == 0 for n in (1, 2, 3))
    assert case.metrics.counts["drains_unavailable"] > 10
    case.settle()
    assert case.states() == ["SUCCESS"] * 3
    assert case.engine.visible()["a"] == {None: {"x": 2}}


def test_f20_nothing_is_begun_while_the_engine_is_known_to_be_down() -> None:
    case = Case()
    n = case.ingest(entry("a", x=1))
    case.faults.fail("engine.schema", times=1_000)
    assert case.drain() is DrainEnd.UNAVAILABLE
    assert case.state(n) is TaskState.PENDING
    calls = case.faults.calls["engine.schema"]
    assert case.drain() is DrainEnd.BUSY  # the back-off is not over
    assert case.faults.calls["engine.schema"] == calls
    case.faults.rules.clear()
    case.settle()


def test_f22_a_document_that_the_engine_refuses_all_the_same_fails_alone() -> None:
    case = Case()
    case.engine.refuses = lambda document: document["subject"] == "b"
    n = case.ingest(entry("a", x=1), entry("b", x=2), entry("c", x=3))
    case.settle()
    verdict = case.task(n).verdict
    assert verdict
    assert (case.error(n), verdict.partial) == ("ITEM_FAILURES", True)
    assert [(each.position, each.code) for each in verdict.outcomes] == [(1, "ENGINE_REFUSED")]
    assert case.engine.visible().keys() == {"a", "c"}


def test_f22_the_verdict_waits_for_what_an_earlier_attempt_may_still_send() -> None:
    case = Case()
    case.engine.refuses = lambda document: document["subject"] == "b"
    n = case.ingest(entry("a", x=1), entry("b", x=2))
    case.faults.kill("engine.bulk", when="after")
    case.drain_and_die()
    dead_by = case.task(n).dead_by
    case.settle()
    assert case.clock.time > dead_by
    assert case.error(n) == "ITEM_FAILURES"


def test_f37_a_foreign_version_stops_the_drain_with_an_alarm() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    foreign = StoredDocument(version(10**6), {"subject": "a", "live": True, "entries": []})
    case.engine.indexes[INDEX].documents[document_id("a")] = foreign
    assert case.drain() is DrainEnd.NEEDS_OPERATOR
    assert case.metrics.counts["foreign_writes"] == 1
    assert case.state(1) is TaskState.PROGRESS
    del case.engine.indexes[INDEX].documents[document_id("a")]
    case.clock.time += 31
    case.settle()


def test_f37_a_thawed_worker_raises_no_alarm() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    documents = case.engine.indexes[INDEX].documents
    foreign = StoredDocument(version(10**6), {"subject": "a", "live": True, "entries": []})

    def thawed_late() -> None:
        case.clock.time += 600
        case.drain()
        documents["kept"] = documents[document_id("a")]
        documents[document_id("a")] = foreign
        case.clock.time -= 600  # its own clock stood still

    case.faults.once("engine.bulk", thawed_late, when="before")
    assert case.drain() is DrainEnd.LEASE_LOST
    assert case.metrics.counts["foreign_writes"] == 0
    documents[document_id("a")] = documents.pop("kept")
    case.assert_settled()


def test_f42_a_document_of_two_tasks_is_redone_one_by_one() -> None:
    case = Case()
    case.engine.refuses = lambda document: "poison" in str(document)
    case.ingest(entry("a", "one", x=1))
    bad = case.ingest(entry("a", "two", note="poison"), entry("b", "two", x=2))
    good = case.ingest(entry("c", "one", x=3))
    case.settle()
    assert case.state(1) is TaskState.SUCCESS
    assert case.error(bad) == "ITEM_FAILURES"
    assert case.state(good) is TaskState.SUCCESS
    assert case.engine.visible() == {
        "a": {"one": {"x": 1}},
        "b": {"two": {"x": 2}},
        "c": {"one": {"x": 3}},
    }


def test_after_a_conflict_the_newer_document_is_sent_again_as_it_stands() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    case.ingest(entry("a", x=2))
    case.faults.kill("engine.bulk", when="after")
    case.drain_and_die()  # V(2) is written, both tasks are begun
    case.drain()
    sent = [(write.version, len(bulk)) for bulk in case.engine.bulks for write in bulk]
    assert sent == [(version(2), 1), (version(1), 1), (version(2), 1), (version(2), 1)]
    case.assert_settled()


def test_a_request_that_is_too_large_is_halved() -> None:
    case = Case()
    case.ingest(*[entry(f"s{i}", x=i) for i in range(10)])
    working = case.engine.network

    def network(index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        if len(writes) > 3:
            raise BulkTooLarge
        return working(index_id, writes)

    case.engine.network = network
    case.settle()
    assert case.states() == ["SUCCESS"]


STEPS = [
    "log.lease",
    "log.schema",
    "log.head",
    "log.tasks",
    "log.begin",
    "log.raise_sent",
    "log.save_schema",
    "log.save_progress",
    "log.finish",
    "log.release",
    "payloads.get",
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_f33_a_table_that_fails_at_any_step_loses_nothing(step: str, when: str) -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    case.ingest(*[entry("b", f"e{i}", x=i) for i in range(11)], skip=True)
    case.ingest(entry("a", "e", y="t"))
    case.faults.fail(step, when=when, times=2)
    for _ in range(6):
        case.drain()
        case.clock.time += 61
    case.faults.rules.clear()
    case.settle()
    assert case.states() == ["SUCCESS", "FAILED", "SUCCESS"]
    assert case.applied(2) == 10
    assert all(case.task(n).attempts <= 2 for n in (1, 2, 3))


def test_a_missing_alias_of_an_index_that_is_open_needs_an_operator() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    state = case.engine.indexes[INDEX]
    state.alias = False
    assert case.drain() is DrainEnd.NEEDS_OPERATOR
    assert case.metrics.counts["aliases_missing"] == 1
    state.alias = True
    case.clock.time += 31
    case.settle()
    assert replace(case.task(1)).attempts == 1
