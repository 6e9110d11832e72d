"""Delete by query (F26, F27), cancel (F29, F41) and deleted indexes (F30)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from garner import limits
from garner.domain.tasks import TaskState
from garner.ports.engine_writer import ItemResult, Write
from garner.services.drain import DrainEnd
from tests.fakes.ingest import INDEX, Killed
from tests.faults.case import Case, entry
from tests.faults.schedule import cancelled


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delete by query looks at a thousand subjects at a time."""
    monkeypatch.setattr(limits, "PACK_OPERATIONS", 1_000)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("page", range(4))
@pytest.mark.parametrize("when", ["before", "after"])
def test_f26_a_delete_by_query_between_two_matching_writes(page: int, when: str) -> None:
    case = Case()
    case.ingest(*[entry(f"s{i:04}", "e", t="granite") for i in range(2_500)])
    case.ingest(*[entry(f"s{i:04}", "other", t="basalt") for i in range(0, 2_500, 2)])
    n = case.delete_matching("granite")
    case.ingest(entry("later", t="granite"), entry("s0001", "new", t="granite"))
    calls = case.faults.calls
    case.faults.rules["engine.matching"] = lambda _when: None

    case.faults.kill("engine.matching", when=when, skip=page)
    case.drain_and_die()
    case.settle()
    assert case.state(n) is TaskState.SUCCESS
    assert case.applied(n) == 2_500
    assert case.engine.visible() == {
        "later": {None: {"t": "granite"}},
        "s0001": {"new": {"t": "granite"}},
    }
    assert calls["engine.matching"] > 3


@pytest.mark.usefixtures("small_pages")
def test_f27_a_delete_by_query_longer_than_any_turn_counts_exactly_and_later_tasks_wait() -> None:
    case = Case()
    case.ingest(*[entry(f"s{i:04}", t="granite") for i in range(5_500)])
    case.settle()
    n = case.delete_matching("granite")
    later = case.ingest(entry("later", t="granite"))
    for deleted in (2_000, 4_000):
        case.faults.once("engine.matching", case.out_of_time, when="after", skip=2)
        assert case.drain() is DrainEnd.OUT_OF_TIME
        assert case.state(later) is TaskState.PENDING
        assert case.task(n).progress == {"applied_entries": deleted, "after": f"s{deleted - 1}"}
    case.settle()
    assert case.applied(n) == 5_500
    assert case.engine.visible().keys() == {"later"}


@pytest.mark.usefixtures("small_pages")
def test_a_delete_by_query_in_progress_is_cancelled_behind_a_page_with_its_counts() -> None:
    case = Case()
    case.ingest(*[entry(f"s{i:04}", t="granite") for i in range(2_500)])
    case.settle()
    n = case.delete_matching("granite")
    case.faults.once("engine.matching", lambda: cancel(case, n), when="before", skip=1)
    case.settle()
    verdict = case.task(n).verdict
    assert verdict
    assert (case.state(n), verdict.partial) == (TaskState.CANCELLED, True)
    assert (verdict.counts.applied, verdict.counts.rejected) == (2_000, 500)


def cancel(case: Case, n: int) -> None:
    case.log.cancel(INDEX, n, cancelled(case.task(n)), case.clock.time)


def test_f29_a_waiting_task_is_cancelled_with_nothing_written() -> None:
    case = Case()
    first, second = case.ingest(entry("a", x=1)), case.ingest(entry("b", x=2))
    cancel(case, first)
    assert case.state(first) is TaskState.CANCELLED
    case.settle()
    assert case.state(second) is TaskState.SUCCESS
    assert case.engine.visible().keys() == {"b"}


def test_f29_a_task_in_progress_stops_at_the_next_border_with_its_counts() -> None:
    case = Case()
    n = case.ingest(*[entry(f"s{i}", x=i) for i in range(2_000)])
    case.faults.once("engine.bulk", case.out_of_time, when="after")
    assert case.drain() is DrainEnd.OUT_OF_TIME
    cancel(case, n)
    case.settle()
    verdict = case.task(n).verdict
    assert verdict
    assert (case.state(n), verdict.partial) == (TaskState.CANCELLED, True)
    sent = limits.FIRST_BULK_OPERATIONS
    assert (verdict.counts.applied, verdict.counts.rejected) == (sent, 2_000 - sent)


def delete_index(case: Case) -> None:
    state = case.log.indexes[INDEX]
    state.head = replace(state.head, status="delete-pending", cancel_upto=state.head.head)
    case.engine.indexes[INDEX].alias = False


def reopen_index(case: Case) -> None:
    state = case.log.indexes[INDEX]
    assert state.cursor.applied >= state.head.cancel_upto
    state.head = replace(state.head, status="open")
    case.engine.indexes[INDEX].alias = True


def test_f30_a_task_from_before_the_delete_is_not_run_when_the_index_is_open_again() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    delete_index(case)
    case.engine.indexes[INDEX].alias = True  # the aliases are back before the drain is
    case.drain()
    assert case.states() == ["CANCELLED"]
    assert case.engine.visible() == {}


def test_f30_tasks_before_the_delete_of_an_index_are_cancelled_and_later_ones_applied() -> None:
    case = Case()
    for number in range(5):
        case.ingest(entry(f"s{number}", x=number))
    delete_index(case)
    assert case.drain() is DrainEnd.DONE
    assert case.states() == ["CANCELLED"] * 5
    reopen_index(case)
    n = case.ingest(entry("later", x=9))
    case.settle()
    assert case.states() == ["CANCELLED"] * 5 + ["SUCCESS"]
    assert case.engine.visible().keys() == {"later"}
    assert n == 6


@pytest.mark.parametrize("point", ["engine.bulk", "log.begin", "engine.put_fields", "log.finish"])
def test_f30_f41_an_index_deleted_in_the_middle_of_a_drain(point: str) -> None:
    case = Case()
    for number in range(3):
        case.ingest(*[entry(f"s{number}-{i}", x=i) for i in range(600)])
    case.faults.once(point, lambda: delete_index(case), when="before")
    assert case.drain() is DrainEnd.DONE
    assert not case.engine.bulks or point == "log.finish"
    reopen_index(case)
    case.ingest(entry("later", x=9))
    case.settle()
    assert list(case.engine.indexes) == [INDEX]


def test_f30_f41_an_index_deleted_while_a_conflict_is_looked_at() -> None:
    case = Case()
    case.ingest(entry("a", x=1))

    def conflict(index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        delete_index(case)
        return [ItemResult.SUPERSEDED] * len(writes)

    case.engine.network = conflict
    assert case.drain() is DrainEnd.DONE
    assert case.states() == ["CANCELLED"]


def test_f41_the_verdict_of_a_cancelled_task_waits_for_what_is_in_flight() -> None:
    case = Case()
    n = case.ingest(entry("a", x=1))
    case.ingest(entry("b", x=1))
    flying: list[Write] = []

    def lost(index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        flying.extend(writes)
        raise Killed

    working = case.engine.network
    case.engine.network = lost
    case.drain_and_die()
    case.engine.network = working
    cancel(case, n)
    dead_by = case.task(n).dead_by

    def arrives(seconds: float) -> None:
        case.sleep(seconds)
        if flying and case.clock.time > dead_by - 5:
            case.engine.arrive(INDEX, flying)
            flying.clear()

    case.clock.on_sleep = arrives
    case.settle()
    assert not flying
    verdict = case.task(n).verdict
    assert verdict
    assert (case.state(n), verdict.counts.applied) == (TaskState.CANCELLED, 1)
    assert case.engine.visible().keys() == {"a", "b"}


def test_f34_f41_a_verdict_allows_for_the_difference_of_two_clocks() -> None:
    case = Case()
    n = case.ingest(entry("a", x=1))
    started, slow, fast = case.clock.time, -5.0, 5.0
    last_arrival = started + case.settings.lifetime + case.settings.engine_request
    flying: list[Write] = []

    def sent_at_the_deadline(index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        flying.extend(writes)
        raise Killed

    case.clock.time = started + slow
    working, case.engine.network = case.engine.network, sent_at_the_deadline
    case.drain_and_die()
    case.engine.network = working
    cancel(case, n)

    def arrives(seconds: float) -> None:
        case.sleep(seconds)
        if flying and case.clock.time - fast >= last_arrival - 1:
            case.engine.arrive(INDEX, flying)
            flying.clear()

    case.clock.time += fast - slow
    case.clock.on_sleep = arrives
    case.settle()
    assert not flying
    assert case.applied(n) == 1
