"""Faults around the field registry (F23 to F25), and what a task may bring."""

import pytest

from garner.domain import operations
from garner.domain.tasks import TaskState
from garner.services.drain import DrainEnd
from tests.fakes.ingest import INDEX
from tests.faults.case import Case, entry
from tests.faults.schedule import cancelled


def fields(case: Case) -> dict[str, str]:
    return {path: kind.value for path, kind in case.log.indexes[INDEX].schema.fields.items()}


def test_f23_one_conflict_among_a_thousand_entries_applies_none() -> None:
    case = Case()
    case.ingest(entry("first", size=1))
    case.settle()
    before = fields(case)
    lines = [entry(f"s{i}", size=i, **{f"new{i % 3}": "t"}) for i in range(1_000)]
    lines[899] = entry("s899", size="large")
    n = case.ingest(*lines)
    case.settle()
    verdict = case.task(n).verdict
    assert verdict
    (failure,) = verdict.outcomes
    assert (case.error(n), verdict.partial) == ("VALIDATION", False)
    assert (failure.position, failure.field) == (899, "size")
    assert (failure.expected, failure.found) == ("integer", "string")
    assert verdict.message
    assert verdict.message.startswith("1 of 1,000 entries failed; first: ")
    assert case.engine.visible().keys() == {"first"}
    assert fields(case) == before


@pytest.mark.parametrize("point", ["log.save_schema", "engine.put_fields", "engine.bulk", None])
@pytest.mark.parametrize("when", ["before", "after"])
def test_f24_of_two_tasks_with_one_new_field_the_earlier_decides_its_type(
    point: str | None, when: str
) -> None:
    case = Case()
    number = case.ingest(entry("a", f=1))
    text = case.ingest(entry("b", f="one"))
    if point:
        case.faults.kill(point, when=when)
        case.drain_and_die()
    case.settle()
    assert case.state(number) is TaskState.SUCCESS
    assert case.error(text) == "VALIDATION"
    assert fields(case) == {"f": "integer"}


def test_f24_a_task_that_failed_fails_again_whatever_later_tasks_have_bound() -> None:
    """Else it would be called applied, though the document of a later one was made without it."""
    case = Case()
    torn = case.ingest(entry("w", "a", f=1), entry("w", "b", f="one"))
    later = case.ingest(entry("w", "c", f="two"))
    case.faults.kill("log.finish")
    case.drain_and_die()
    case.settle()
    assert case.error(torn) == "VALIDATION"
    assert case.state(later) is TaskState.SUCCESS
    assert case.engine.visible() == {"w": {"c": {"f": "two"}}}


def test_f24_a_field_that_was_refused_leaves_alone_what_a_later_task_has_bound() -> None:
    """Also where that task is not tried again: its documents are there."""
    case = Case()
    case.engine.refuses_field = lambda path: path == "cursed"
    refused = case.ingest(entry("w", "a", f=1, cursed=1))
    later = case.ingest(entry("w", "b", f="two"))
    case.faults.kill("log.finish")
    case.drain_and_die()
    case.log.cancel(INDEX, later, cancelled(case.task(later)), case.clock.time)
    case.settle()
    assert case.error(refused) == "MAPPING"
    assert (case.state(later), case.applied(later)) == (TaskState.CANCELLED, 1)
    assert fields(case) == {"f": "string"}


@pytest.mark.parametrize("point", ["log.save_schema", "engine.put_fields"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_f25_a_crash_between_registry_and_mapping_is_made_good(point: str, when: str) -> None:
    case = Case()
    case.ingest(entry("a", f=1, g={"h": "x"}))
    case.faults.kill(point, when=when)
    case.drain_and_die()
    case.settle()
    assert case.states() == ["SUCCESS"]
    assert case.engine.indexes[INDEX].mapping.fields == case.log.indexes[INDEX].schema.fields


def test_f25_a_thawed_worker_does_not_undo_a_binding() -> None:
    case = Case()
    case.ingest(entry("a", f=1))
    ends: list[DrainEnd] = []

    def frozen() -> None:
        case.clock.time += 61
        ends.append(case.drain())
        case.ingest(entry("b", g="text"))
        ends.append(case.drain())

    case.faults.once("log.save_schema", frozen, when="before")
    ends.append(case.drain())
    assert ends == [DrainEnd.DONE, DrainEnd.DONE, DrainEnd.LEASE_LOST]
    assert fields(case) == {"f": "integer", "g": "string"}
    case.assert_settled()


def test_a_field_that_the_engine_refuses_fails_its_task_and_is_not_bound() -> None:
    case = Case()
    case.engine.refuses_field = lambda path: path == "cursed"
    case.ingest(entry("a", x=1))
    bad = case.ingest(entry("b", cursed=1, y="t"))
    good = case.ingest(entry("c", y=2))
    case.settle()
    assert case.error(bad) == "MAPPING"
    assert case.state(good) is TaskState.SUCCESS
    assert fields(case) == {"x": "integer", "y": "integer"}


def test_a_delete_of_an_entry_id_binds_several_entries_too() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    case.ingest(operations.delete_entry("a", "other"))
    case.settle()
    assert case.log.indexes[INDEX].schema.multi_entry
    assert case.engine.visible() == {"a": {None: {"x": 1}}}


def test_the_eleventh_entry_of_a_subject_fails_its_task() -> None:
    case = Case()
    case.ingest(*[entry("a", f"e{i}", x=i) for i in range(10)])
    n = case.ingest(entry("b", "e", x=1), entry("a", "e10", x=10))
    case.settle()
    assert case.error(n) == "LIMIT"
    assert case.engine.visible().keys() == {"a"}


@pytest.mark.parametrize("before", [0, 2])
def test_a_skipped_eleventh_entry_stays_refused_after_a_crash(before: int) -> None:
    """Also of a task that others of its pack come before: it is judged alone, behind them."""
    case = Case()
    case.ingest(*[entry("a", f"e{i}", x=i) for i in range(10)])
    case.settle()
    for number in range(before):
        case.ingest(entry("b", "e", x=number))
    n = case.ingest(entry("a", "e10", x=10), operations.delete_entry("a", "e0"), skip=True)
    case.faults.kill("engine.bulk", when="after", skip=int(before > 0))
    case.drain_and_die()  # the document now has a version above that of the refused entry
    case.settle()
    verdict = case.task(n).verdict
    assert verdict
    assert [each.position for each in verdict.outcomes] == [0]
    assert case.error(n) == "SKIPPED"
