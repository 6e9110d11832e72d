"""Faults of accepting (ingest protocol, section 6: F1 to F8)."""

from dataclasses import replace

import pytest

from garner.domain.protocol import ProtocolSettings
from garner.domain.tasks import TaskState
from garner.errors import TooManyRequests, Unavailable, Unprocessable
from garner.services.submit import RequestIdentity, submit
from tests.fakes.ingest import INDEX, Killed
from tests.faults.case import CALLER, Case, entry, writing


def test_f1_accept_that_dies_between_slot_and_log_leaves_a_void() -> None:
    case = Case()
    case.faults.kill("log.put", when="before")
    with pytest.raises(Killed):
        case.ingest(entry("a", x=1))
    later = case.ingest(entry("b", x=2))
    retried = case.ingest(entry("a", x=1))

    case.settle()

    assert case.state(1) is TaskState.VOID
    assert (later, retried) == (2, 3)
    assert case.engine.visible().keys() == {"a", "b"}


def test_f1_all_holes_in_sight_cost_one_grace_time() -> None:
    case = Case()
    for _ in range(20):
        case.faults.kill("log.put", when="before")
        with pytest.raises(Killed):
            case.ingest(entry("a", x=1))
    case.ingest(entry("b", x=2))
    started = case.clock.time
    case.settle()
    assert case.clock.time - started < 2 * case.settings.void_grace


def test_f2_accept_that_stalls_past_the_grace_time_takes_a_new_slot() -> None:
    case = Case()
    case.ingest(entry("first", x=0))

    case.faults.once("log.put", case.drain_and_forget, when="before")
    n = case.ingest(entry("a", x=1))

    case.settle()
    assert case.state(2) is TaskState.VOID
    assert n == 3
    assert case.state(n) is TaskState.SUCCESS


def test_f3_a_lost_answer_to_the_log_write_makes_no_second_task() -> None:
    case = Case()
    case.faults.fail("log.put_once", when="after")
    with pytest.raises(Unavailable):
        case.ingest(entry("a", x=1), key="k")
    n = case.ingest(entry("a", x=1), key="k")
    case.settle()
    assert n == 1
    assert case.states() == ["SUCCESS"]


def test_f4_a_slot_taken_twice_leaves_one_hole() -> None:
    case = Case()
    case.log.take_slot(INDEX, case.clock.seconds(), 10)  # its answer was lost
    n = case.ingest(entry("a", x=1))
    case.settle()
    assert (n, case.states()) == (2, ["VOID", "SUCCESS"])


def test_f5_a_doorbell_that_fails_does_not_fail_the_caller() -> None:
    case = Case()
    case.faults.fail("doorbell.ring", times=1)
    n = case.ingest(entry("a", x=1))
    assert case.doorbell.rung == []

    case.clock.time += case.settings.ring_after + 1
    assert case.sweep() == 1
    assert case.doorbell.rung == [INDEX]
    case.settle()
    assert case.state(n) is TaskState.SUCCESS


def test_f6_a_repetition_gets_the_first_answer() -> None:
    case = Case()
    first = case.ingest(entry("a", x=1), key="k")
    again = [case.ingest(entry("a", x=1), key="k") for _ in range(20)]
    case.settle()
    assert set(again) == {first}
    assert case.states() == ["SUCCESS"]


def test_f6_repetitions_in_parallel_make_one_task() -> None:
    case = Case()
    answers: list[int] = []
    started = 1

    def meanwhile() -> None:
        nonlocal started
        started += 1
        if started < 20:  # each of them has looked for the key and found nothing
            case.faults.once("log.put_once", meanwhile, when="before")
        answers.append(case.ingest(entry("a", x=1), key="k"))

    case.faults.once("log.put_once", meanwhile, when="before")
    answers.append(case.ingest(entry("a", x=1), key="k"))
    case.settle()
    assert len(answers) == 20
    assert len(set(answers)) == 1
    assert case.states().count("SUCCESS") == 1
    assert set(case.states()) == {"SUCCESS", "VOID"}


def test_f7_the_same_key_with_another_request_is_refused() -> None:
    case = Case()
    case.submit(writing(entry("a", x=1)), "k", "hash of one")
    with pytest.raises(Unprocessable):
        case.submit(writing(entry("a", x=2)), "k", "hash of another")
    case.settle()
    assert case.engine.visible() == {"a": {None: {"x": 1}}}


def test_f7_the_same_key_with_another_request_is_refused_in_parallel() -> None:
    case, first = Case(), list[int]()
    case.faults.once(
        "log.put_once",
        lambda: first.append(case.submit(writing(entry("a", x=1)), "k", "one")),
        when="before",
    )
    with pytest.raises(Unprocessable):
        submit(
            INDEX,
            CALLER,
            writing(entry("a", x=2)),
            request=RequestIdentity("k", "another"),
            ports=case.accept,
        )
    case.settle()
    assert case.engine.visible() == {"a": {None: {"x": 1}}}


def test_f8_a_key_that_is_over_but_not_deleted_counts_as_absent() -> None:
    case = Case()
    first = case.ingest(entry("a", x=1), key="k")
    case.clock.time += case.settings.idempotency + 1
    second = case.ingest(entry("a", x=2), key="k")
    case.settle()
    assert second == first + 1
    assert case.engine.visible() == {"a": {None: {"x": 2}}}


def test_a_long_backlog_is_one_message() -> None:
    case = Case()
    for number in range(50):
        case.ingest(entry("a", x=number))
    assert case.doorbell.rung == [INDEX]


@pytest.mark.parametrize("bound", [{"backlog_tasks": 3}, {"backlog_bytes": 150}])
def test_above_the_backlog_limit_nothing_is_accepted_until_work_is_done(
    bound: dict[str, int],
) -> None:
    case = Case(settings=ProtocolSettings(**bound))
    for number in range(3):
        case.ingest(entry("a", x=number), key=f"k{number}")
    with pytest.raises(TooManyRequests) as refused:
        case.ingest(entry("a", x=3), key="k3")
    assert refused.value.retry_after > 0
    assert case.ingest(entry("a", x=2), key="k2") == 3  # a repetition takes no room
    case.settle()
    assert case.ingest(entry("a", x=3), key="k3") == 4
    case.settle()


def test_an_index_that_is_not_open_takes_nothing() -> None:
    case = Case()
    state = case.log.indexes[INDEX]
    state.head = replace(state.head, status="delete-pending")
    with pytest.raises(Exception, match="delete-pending"):
        case.ingest(entry("a", x=1))
    assert case.states() == []
