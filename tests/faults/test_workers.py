"""Faults of workers: deaths, freezes, late writes (F13 to F18, F28, F34, F38 to F40)."""

from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import pytest

from garner import limits
from garner.domain import operations
from garner.domain.tasks import NewTask, TaskKind, TaskState
from garner.services.drain import DrainEnd, drain
from garner.services.purge import purge_due
from tests.fakes.ingest import INDEX, Killed
from tests.faults.case import Case, entry
from tests.faults.schedule import cancelled


def test_f13_a_worker_killed_after_half_of_its_bulks_is_replaced() -> None:
    case = Case()
    case.ingest(*[entry(f"s{i}", x=i) for i in range(3_000)])
    case.faults.kill("engine.bulk", when="after", skip=1)
    case.drain_and_die()
    assert len(case.engine.indexes[INDEX].documents) == 2 * limits.FIRST_BULK_OPERATIONS
    case.settle()
    assert case.task(1).attempts == 2
    assert len(case.engine.visible()) == 3_000


@pytest.mark.parametrize("call", ["engine.bulk", "payloads.get", "log.finish", "log.raise_sent"])
def test_f14_a_worker_frozen_for_ten_minutes_changes_nothing_when_it_thaws(call: str) -> None:
    case = Case()
    case.ingest(*[entry(f"s{i}", x=1) for i in range(2_500)])
    ends: list[DrainEnd] = []

    def frozen() -> None:
        case.clock.time += 600
        ends.append(case.drain())
        case.ingest(entry("s0", x=2), entry("s2400", x=2))
        ends.append(case.drain())

    case.faults.once(call, frozen, when="before")
    ends.append(case.drain())

    assert ends == [DrainEnd.DONE, DrainEnd.DONE, DrainEnd.LEASE_LOST]
    case.assert_settled()
    assert case.engine.visible()["s2400"] == {None: {"x": 2}}


def test_f15_a_bulk_without_an_answer_is_sent_again_with_the_same_bytes() -> None:
    case = Case()
    n = case.ingest(entry("a", x=1), entry("b", x=2))
    case.faults.fail("engine.bulk", when="after", times=2)
    case.settle()
    assert case.engine.bulks[0] == case.engine.bulks[1] == case.engine.bulks[2]
    assert case.state(n) is TaskState.SUCCESS
    assert case.task(n).attempts == 1


@pytest.mark.parametrize("late", [1, 61, 3_600])
def test_f16_a_late_write_does_not_bring_a_deleted_subject_back(late: int) -> None:
    case = Case()
    case.ingest(entry("X", x=1))
    case.settle()
    copy = list(case.engine.bulks[-1])
    case.submit(
        NewTask(
            kind=TaskKind.DELETE_SUBJECTS,
            payload=operations.encode([operations.delete_subject("X")]),
            operations=1,
        )
    )
    case.settle()
    case.clock.time += late
    case.engine.arrive(INDEX, copy)
    case.engine.refresh(INDEX)
    assert case.engine.visible() == {}
    case.assert_settled()


def purge(case: Case) -> None:
    purge_due(
        log=case.log,
        writer=case.engine,
        clock=case.clock,
        metrics=case.metrics,
        purge_after=case.settings.purge_after,
        until=case.clock.time + 30,
    )


def stored(case: Case) -> set[str]:
    return {each.document["subject"] for each in case.engine.indexes[INDEX].documents.values()}


def test_f17_the_purge_spares_a_subject_that_was_written_again() -> None:
    case = Case()
    case.ingest(entry("X", x=1))
    case.ingest(operations.delete_subject("X"), operations.delete_subject("Y"))
    case.settle()
    case.clock.time += case.settings.purge_after + 1

    def meanwhile() -> None:
        case.ingest(entry("X", x=9))
        case.drain()

    case.faults.once("engine.tombstones", meanwhile, when="after")
    purge(case)
    case.settle()
    assert case.engine.visible() == {"X": {None: {"x": 9}}}
    assert stored(case) == {"X"}


def test_f18_the_purge_leaves_tombstones_that_are_not_old_enough() -> None:
    case = Case()
    case.ingest(operations.delete_subject("X"))
    case.settle()
    case.clock.time += case.settings.purge_after - 10
    case.ingest(operations.delete_subject("Y"))
    case.settle()

    purge(case)
    assert stored(case) == {"X", "Y"}
    case.clock.time += 20
    purge(case)
    assert stored(case) == {"Y"}
    case.clock.time += case.settings.purge_after
    purge(case)
    assert stored(case) == set()
    assert case.log.marks == {}


def test_f18_an_index_without_tombstones_is_not_looked_at() -> None:
    case = Case()
    case.ingest(entry("X", x=1))
    case.settle()
    case.clock.time += case.settings.purge_after + 1
    purge(case)
    assert case.faults.calls["engine.tombstones"] == 0


def test_f28_a_task_that_kills_its_worker_each_time_ends_as_worker_crash() -> None:
    case = Case()
    bad = case.ingest(entry("a", text="killer"), entry("b", x=1))
    good = case.ingest(entry("c", x=2))
    key = case.task(bad).payload.key

    for _ in range(3):
        case.faults.rules["payloads.get"] = _killing(case, key)
        case.drain_and_die()
    case.clock.time += case.settings.lifetime + case.settings.arrival
    case.settle()

    assert case.error(bad) == "WORKER_CRASH"
    assert case.applied(bad) == 0
    assert case.state(good) is TaskState.SUCCESS
    assert case.engine.visible().keys() == {"c"}


def _killing(case: Case, key: str) -> Callable[[str], None]:
    def rule(when: str) -> None:
        task = case.task(1)
        if when == "after" and task.payload.key == key and not task.state.is_terminal:
            raise Killed

    return rule


def test_f28_worker_crash_tells_what_was_applied_before() -> None:
    case = Case()
    n = case.ingest(*[entry(f"s{i}", x=i) for i in range(1_500)])
    for _ in range(3):
        case.faults.kill("engine.bulk", when="after")
        case.drain_and_die()
    case.settle()
    verdict = case.task(n).verdict
    assert verdict
    assert (case.error(n), verdict.partial) == ("WORKER_CRASH", True)
    sent = limits.FIRST_BULK_OPERATIONS
    assert (verdict.counts.applied, verdict.counts.rejected) == (sent, 1_500 - sent)
    assert len(case.engine.visible()) == sent


def test_f34_workers_whose_clocks_disagree_by_ninety_seconds_end_right() -> None:
    case = Case()
    for number in range(5):
        case.ingest(entry("a", x=number), entry(f"s{number}", x=number))
    ends: list[DrainEnd] = []

    def ahead() -> None:
        case.clock.time += 90  # somebody else's clock
        ends.append(case.drain())
        case.clock.time -= 90

    case.faults.once("engine.bulk", ahead, when="before")
    ends.append(case.drain())
    assert ends == [DrainEnd.DONE, DrainEnd.LEASE_LOST]
    case.assert_settled()


def test_f39_two_entries_of_one_subject_in_one_pack_are_both_there_once() -> None:
    case = Case()
    case.ingest(entry("a", "one", x=1), entry("a", "two", x=2))
    case.settle()
    assert case.engine.visible() == {"a": {"one": {"x": 1}, "two": {"x": 2}}}
    assert [len(bulk) for bulk in case.engine.bulks] == [1]


def test_f39_two_entries_of_one_subject_by_two_tasks_with_a_crash_between() -> None:
    case = Case()
    case.ingest(entry("a", "one", x=1))
    case.ingest(entry("a", "two", x=2))
    case.faults.kill("engine.bulk", when="after")
    case.drain_and_die()
    case.settle()
    assert case.engine.visible() == {"a": {"one": {"x": 1}, "two": {"x": 2}}}


def test_f40_a_pack_that_was_partly_applied_and_is_packed_differently() -> None:
    case = Case()
    for number in range(6):
        case.ingest(entry("a", f"e{number}", x=number), entry(f"s{number}", "e", x=number))
    case.faults.kill("engine.bulk", when="after")
    case.drain_and_die()
    case.ingest(entry("a", "e0", x=99))
    case.settle()
    assert case.states() == ["SUCCESS"] * 7
    assert case.engine.visible()["a"]["e0"] == {"x": 99}
    assert len(case.engine.visible()["a"]) == 6


def test_a_clean_stop_takes_the_attempt_back() -> None:
    case = Case()
    n = case.ingest(*[entry(f"s{i}", x=i) for i in range(1_500)])
    settings = replace(case.settings, lifetime=50.0)

    def late() -> None:
        case.clock.time += 51

    case.faults.once("log.raise_sent", late, when="before")
    assert drain(INDEX, ports=replace(case.ports, settings=settings)) is DrainEnd.OUT_OF_TIME
    assert (case.task(n).state, case.task(n).attempts) == (TaskState.PROGRESS, 0)
    assert case.doorbell.rung == [INDEX, INDEX]
    case.settle()
    assert case.state(n) is TaskState.SUCCESS


def test_f40_what_is_in_a_document_already_is_not_judged_again() -> None:
    case = Case()
    case.ingest(*[entry("a", f"e{i}", x=i) for i in range(8)])
    case.settle()
    first = case.ingest(entry("a", "k", x=8))
    case.ingest(operations.delete_entry("a", "k"), entry("a", "m", x=9), entry("a", "p", x=10))
    case.faults.kill("engine.bulk", when="after")
    case.drain_and_die()  # the document has ten entries, and no room for an eleventh
    case.settle()
    assert case.state(first) is TaskState.SUCCESS
    assert len(case.engine.visible()["a"]) == 10


def test_f40_a_task_over_a_limit_is_judged_before_anything_behind_it_is_sent() -> None:
    case = Case()
    case.ingest(*[entry("a", f"e{i}", x=i) for i in range(9)])
    case.settle()
    case.ingest(entry("a", "e9", x=9))
    over = case.ingest(entry("a", "e10", x=10))
    case.ingest(operations.delete_entry("a", "e0"))
    case.faults.kill("engine.bulk", when="after")
    case.drain_and_die()
    case.settle()
    assert case.error(over) == "LIMIT"
    assert case.states().count("SUCCESS") == 3


def test_f14_a_thawed_worker_does_not_move_the_cursor_back() -> None:
    case = Case()
    n = case.ingest(entry("a", x=1))
    case.log.cancel(INDEX, n, cancelled(case.task(n)), case.clock.time)

    def frozen() -> None:
        case.clock.time += 600
        case.ingest(entry("a", x=2))
        case.ingest(entry("b", x=3))
        case.drain()

    case.faults.once("log.finish", frozen, when="before")
    assert case.drain() is DrainEnd.LEASE_LOST
    assert case.log.indexes[INDEX].cursor.applied == 3
    case.assert_settled()


def test_f14_a_thawed_worker_begins_nothing() -> None:
    case = Case()
    n = case.ingest(entry("a", x=1))

    def frozen() -> None:
        now = case.clock.time + 61
        case.log.lease(INDEX, now, now + 60)

    case.faults.once("log.begin", frozen, when="before")
    assert case.drain() is DrainEnd.LEASE_LOST
    assert (case.task(n).state, case.task(n).attempts) == (TaskState.PENDING, 0)


def test_a_turn_that_ends_within_its_second_pack_keeps_the_first() -> None:
    """Else work whose packs take more than half a turn would never come to its end."""
    case = Case()
    first, second = case.ingest(entry("a", x=1)), case.ingest(entry("b", x=2))
    settings = replace(case.settings, lifetime=50.0)

    def late() -> None:
        case.clock.time += 51

    case.faults.once("log.tasks", late, when="after", skip=1)  # between the two packs
    with mock.patch.object(limits, "PACK_TASKS", 1):
        assert drain(INDEX, ports=replace(case.ports, settings=settings)) is DrainEnd.OUT_OF_TIME
    assert case.state(first) is TaskState.SUCCESS
    assert (case.state(second), case.task(second).attempts) == (TaskState.PENDING, 0)
    case.settle()
    assert case.state(second) is TaskState.SUCCESS
