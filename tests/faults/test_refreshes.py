"""When what was written is made searchable (ingest protocol 3, step 8; docs/adr/0017)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from unittest import mock

import pytest

from garner import limits
from garner.domain.tasks import TaskState
from garner.errors import Unavailable
from garner.ports.engine_writer import Write
from garner.services.drain import DrainEnd, drain
from tests.fakes.ingest import INDEX
from tests.faults.case import Case, entry


@pytest.fixture
def large_packs():
    """Every task is a pack of its own that counts as large."""
    with mock.patch.multiple(limits, PACK_TASKS=1, BLIND_OPERATIONS=2):
        yield


def waiting(tasks: int) -> Case:
    case = Case()
    for number in range(tasks):
        case.ingest(entry(f"s{number:02}", x=10 + number))  # all of one size
    return case


def refreshes(case: Case) -> int:
    return case.faults.calls["engine.refresh"]


def test_the_packs_of_a_long_log_share_a_refresh(large_packs) -> None:
    case = waiting(16)
    case.settle()
    assert refreshes(case) == 1
    assert {case.state(n) for n in range(1, 17)} == {TaskState.SUCCESS}


def test_a_large_pack_is_in_the_air_while_the_next_one_is_begun(large_packs) -> None:
    case, next_is_begun = waiting(2), Event()

    def look(point: str, when: str) -> None:
        if (point, when) == ("log.begin", "after") and case.faults.calls[point] == 2:
            next_is_begun.set()

    def slow(index_id: str, writes: list[Write]):
        assert next_is_begun.wait(10), "the next pack was not begun"
        return case.engine.arrive(index_id, writes)

    case.faults.every, case.engine.network = look, slow
    ports = replace(case.ports, senders=lambda: ThreadPoolExecutor(2))
    assert drain(INDEX, ports=ports) is DrainEnd.DONE
    case.assert_settled()


def test_a_pack_refused_in_the_air_is_redone_task_by_task_beside_the_next_one() -> None:
    case = Case()
    case.engine.refuses = lambda document: "poison" in str(document)
    for word in ("poison", "fine", "poison", "later"):
        case.ingest(entry("s", x=word))
    small = {"PACK_TASKS": 2, "BLIND_OPERATIONS": 2, "BULK_OPERATIONS": 1}
    with mock.patch.multiple(limits, **small, FIRST_BULK_OPERATIONS=1):
        assert case.drain() is DrainEnd.DONE
    failed, success = TaskState.FAILED, TaskState.SUCCESS
    assert [case.state(n) for n in (1, 2, 3, 4)] == [failed, success, failed, success]
    assert case.engine.visible()["s"] == {None: {"x": "later"}}


def test_a_task_is_successful_only_once_it_is_searchable(large_packs) -> None:
    case = waiting(8)

    def look(point: str, when: str) -> None:
        if (point, when) == ("log.finish", "after"):
            found = {n for n in range(1, 9) if case.state(n) is TaskState.SUCCESS}
            assert {f"s{n - 1:02}" for n in found} <= case.engine.visible().keys()

    case.faults.every = look
    case.settle()


def test_small_packs_do_not_wait_for_others() -> None:
    case = waiting(6)
    with mock.patch.object(limits, "PACK_TASKS", 1):
        case.settle()
    assert refreshes(case) == 6


def test_a_slow_engine_lets_nothing_wait_longer_than_it_may(large_packs) -> None:
    case = waiting(6)

    def slow(index_id: str, writes: list[Write]):
        case.clock.time += limits.REFRESH_SECONDS
        return case.engine.arrive(index_id, writes)

    case.engine.network = slow
    case.settle()
    assert refreshes(case) == 6


def test_the_cursor_is_noted_while_the_last_refresh_goes_on() -> None:
    case = waiting(3)
    order: list[str] = []

    def note(point: str, when: str) -> None:
        if when == "before" and point in ("engine.refresh", "engine.write_cursor", "log.finish"):
            order.append(point)

    case.faults.every = note
    case.settle()
    assert order == ["engine.refresh", "engine.write_cursor", "log.finish"]
    assert case.engine.indexes[INDEX].cursor == 3


def test_a_cursor_that_could_not_be_noted_then_is_noted_at_the_end() -> None:
    case = waiting(3)
    case.faults.fail("engine.write_cursor", error=Unavailable("down"))
    case.settle()
    assert case.faults.calls["engine.write_cursor"] == 2
    assert case.engine.indexes[INDEX].cursor == 3


def test_what_could_not_be_refreshed_gets_no_verdict_and_is_done_again(large_packs) -> None:
    case = waiting(8)
    case.faults.fail("engine.refresh", times=10_000)
    assert case.drain() is DrainEnd.UNAVAILABLE
    assert {case.state(n) for n in range(1, 9)} <= {TaskState.PENDING, TaskState.PROGRESS}
    case.faults.rules.clear()
    case.clock.time += 61
    case.settle()
    assert {case.state(n) for n in range(1, 9)} == {TaskState.SUCCESS}
