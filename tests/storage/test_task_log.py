"""The log's contract, on DynamoDB (moto) and on the fake that the fault tests use: the same cases,
so that what is proven over the fake holds for the table."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from garner.domain.fields import FieldType, Schema
from garner.domain.slots import index_key
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    Outcome,
    PayloadRef,
    Task,
    TaskError,
    TaskKind,
    TaskState,
    Verdict,
)
from garner.errors import NoSuchIndex, WrongIndexStatus
from garner.ports.task_log import Begin, GiveBack, LeaseLost, RequestKey, TaskLog, TaskMoved
from garner.storage.dynamodb.indexes import DynamoIndexStore
from garner.storage.dynamodb.table import SINGLE, Table
from garner.storage.dynamodb.task_log import DynamoTaskLog
from tests.fakes.ingest import INDEX, Faults, InMemoryTaskLog, ManualClock
from tests.storage.conftest import reserve_index

NOW = 1_800_000_000.5
SUCCESS = Verdict(state=TaskState.SUCCESS, counts=Counts(applied=1))


@pytest.fixture(params=["table", "memory"])
def log(request: pytest.FixtureRequest) -> TaskLog:
    if request.param == "memory":
        fake = InMemoryTaskLog(Faults())
        fake.create()
        return fake
    table: Table = request.getfixturevalue("table")
    reserve_index(table)
    return DynamoTaskLog(table, ManualClock(NOW))


def task(n: int, request_id: str = "r", **more: object) -> Task:
    made = Task(
        n=n,
        kind=TaskKind.INGEST,
        caller="urn:x",
        request_id=request_id,
        payload=PayloadRef("P#1", "sha", 10, 20),
        operations=3,
        created_at=NOW,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_head_is_raised_and_never_lowered(log: TaskLog) -> None:
    accept(log, 3)
    assert log.raise_head(INDEX, 9, NOW) == 9
    assert log.raise_head(INDEX, 5, NOW) == 9
    assert log.take_slot(INDEX, NOW, 10).n == 10
    assert [due.index_id for due in log.lagging(NOW)] == [INDEX]


def test_a_new_build_is_noted_by_whoever_has_the_lease(log: TaskLog) -> None:
    cursor = log.lease(INDEX, NOW, NOW + 60)
    assert cursor
    log.set_build(INDEX, cursor.epoch, 2)
    head = log.head(INDEX)
    assert head
    assert head.build == 2
    with pytest.raises(LeaseLost):
        log.set_build(INDEX, cursor.epoch - 1, 3)


def accept(log: TaskLog, count: int = 1) -> None:
    for _ in range(count):
        n = log.take_slot(INDEX, NOW, 10).n
        assert log.put(INDEX, task(n, f"r{n}"))


def leased(log: TaskLog) -> int:
    cursor = log.lease(INDEX, NOW, NOW + 60)
    assert cursor
    return cursor.epoch


def test_slots_are_dense_and_only_the_first_waiting_task_rings(log: TaskLog) -> None:
    taken = [log.take_slot(INDEX, NOW + at, 5) for at in range(3)]
    assert [(each.n, each.ring) for each in taken] == [(1, True), (2, False), (3, False)]
    assert log.backlog(INDEX).tasks == 3
    assert log.backlog(INDEX).size == 15
    assert [due.index_id for due in log.lagging(NOW)] == [INDEX]
    assert log.lagging(NOW - 1) == []


def test_an_unknown_index_hands_out_no_slot(log: TaskLog) -> None:
    with pytest.raises(NoSuchIndex):
        log.take_slot("11111111-0d0d-4d0d-8d0d-0d0d0d0d0d0d", NOW, 5)


def test_a_deleted_index_hands_out_no_slot(table: Table) -> None:
    reserve_index(table)
    DynamoIndexStore(table).mark_deleted(INDEX, NOW)
    with pytest.raises(WrongIndexStatus):
        DynamoTaskLog(table, ManualClock()).take_slot(INDEX, NOW, 5)


def test_a_slot_is_decided_once(log: TaskLog) -> None:
    assert log.put(INDEX, task(1, "mine"))
    assert log.put(INDEX, task(1, "mine"))  # the same request again
    assert not log.put(INDEX, task(1, "another"))
    log.void(INDEX, 1)
    assert log.tasks(INDEX, [1])[1].request_id == "mine"


def test_a_void_slot_takes_no_task(log: TaskLog) -> None:
    log.void(INDEX, 1)
    assert not log.put(INDEX, task(1))
    assert log.tasks(INDEX, [1])[1].state is TaskState.VOID


def test_a_request_key_makes_one_task(log: TaskLog) -> None:
    key = RequestKey("urn:x", "k", "hash")
    assert log.put_once(INDEX, task(1, "a"), key, NOW + 100)
    assert log.put_once(INDEX, task(1, "a"), key, NOW + 100)
    assert not log.put_once(INDEX, task(2, "b"), key, NOW + 100)
    assert log.tasks(INDEX, [2]) == {}
    known = log.remembered(INDEX, "urn:x", "k", NOW)
    assert known
    assert (known.n, known.request_hash) == (1, "hash")
    assert log.remembered(INDEX, "urn:other", "k", NOW) is None


def test_a_request_key_that_is_over_counts_as_absent(log: TaskLog) -> None:
    key = RequestKey("urn:x", "k", "hash")
    assert log.put_once(INDEX, task(1, "a"), key, NOW + 100)
    assert log.remembered(INDEX, "urn:x", "k", NOW + 101) is None
    later = task(2, "b", created_at=NOW + 101)
    assert log.put_once(INDEX, later, key, NOW + 300)


def test_one_worker_has_the_lease(log: TaskLog) -> None:
    assert leased(log) == 1
    assert log.lease(INDEX, NOW + 59, NOW + 120) is None
    second = log.lease(INDEX, NOW + 61, NOW + 121)
    assert second
    assert second.epoch == 2
    with pytest.raises(LeaseLost):
        log.renew(INDEX, 1, NOW + 200)
    log.renew(INDEX, 2, NOW + 200)
    assert log.cursor(INDEX).lease_until == NOW + 200


def test_a_back_off_keeps_the_lease_from_being_taken(log: TaskLog) -> None:
    log.let_go(INDEX, leased(log), NOW + 30)
    assert log.lease(INDEX, NOW + 29, NOW + 90) is None
    assert log.lease(INDEX, NOW + 31, NOW + 90)


def test_an_attempt_is_begun_given_back_and_finished(log: TaskLog) -> None:
    accept(log, 2)
    epoch = leased(log)
    found = log.tasks(INDEX, [1, 2])
    log.begin(INDEX, epoch, [Begin(each, NOW + 900) for each in found.values()])
    begun = log.tasks(INDEX, [1, 2])
    assert {(each.state, each.attempts, each.dead_by) for each in begun.values()} == {
        (TaskState.PROGRESS, 1, NOW + 900)
    }
    log.give_back(INDEX, epoch, [GiveBack(begun[2], NOW + 5, pending=True)])
    again = log.tasks(INDEX, [2])[2]
    assert (again.state, again.attempts, again.dead_by) == (TaskState.PENDING, 0, NOW + 5)

    log.finish(INDEX, epoch, (0, 1), verdicts={1: SUCCESS}, now=NOW + 9, size=10)
    done = log.tasks(INDEX, [1])[1]
    assert (done.state, done.completed_at, done.verdict) == (TaskState.SUCCESS, NOW + 9, SUCCESS)
    assert log.cursor(INDEX).applied == 1
    assert log.backlog(INDEX).tasks == 1


def test_a_task_expires_a_month_after_its_end_and_never_before_it(table: Table) -> None:
    reserve_index(table)
    log = DynamoTaskLog(table, ManualClock(NOW))
    accept(log, 2)
    epoch = leased(log)
    log.begin(INDEX, epoch, [Begin(each, NOW) for each in log.tasks(INDEX, [1, 2]).values()])
    log.finish(INDEX, epoch, (0, 1), verdicts={1: SUCCESS}, now=NOW, size=10)
    ended, waiting = (table.get((f"L#{index_key(INDEX)}#{n}", SINGLE)) for n in (1, 2))
    assert ended
    assert waiting
    assert ended["expires_at"] == int(NOW + 30 * 86_400)
    assert "expires_at" not in waiting


def test_a_second_attempt_remembers_when_the_first_can_have_written(log: TaskLog) -> None:
    accept(log)
    epoch = leased(log)
    log.begin(INDEX, epoch, [Begin(log.tasks(INDEX, [1])[1], NOW + 900)])
    log.begin(INDEX, epoch, [Begin(log.tasks(INDEX, [1])[1], NOW + 950)])
    task = log.tasks(INDEX, [1])[1]
    assert (task.attempts, task.dead_before, task.dead_by) == (2, NOW + 900, NOW + 950)


WRITES: list[Callable[[TaskLog, int], None]] = [
    lambda log, epoch: log.renew(INDEX, epoch, NOW + 99),
    lambda log, epoch: log.begin(INDEX, epoch, [Begin(task(1), NOW)]),
    lambda log, epoch: log.raise_sent(INDEX, epoch, 1),
    lambda log, epoch: log.save_progress(INDEX, epoch, 1, {}),
    lambda log, epoch: log.give_back(INDEX, epoch, [GiveBack(task(1), NOW, pending=True)]),
    lambda log, epoch: log.finish(INDEX, epoch, (0, 1), verdicts={1: SUCCESS}, now=NOW, size=0),
    lambda log, epoch: log.let_go(INDEX, epoch),
    lambda log, epoch: log.save_schema(INDEX, epoch, Schema()),
    lambda log, epoch: bool(log.release(INDEX, epoch, 1)) and None,
]


@pytest.mark.parametrize("write", WRITES)
def test_an_old_epoch_writes_nothing(log: TaskLog, write: Callable[[TaskLog, int], None]) -> None:
    accept(log)
    old = leased(log)
    assert log.lease(INDEX, NOW + 61, NOW + 120)
    before = log.tasks(INDEX, [1]), log.cursor(INDEX), log.schema(INDEX)
    with pytest.raises(LeaseLost):
        write(log, old)
    assert (log.tasks(INDEX, [1]), log.cursor(INDEX), log.schema(INDEX)) == before


def test_the_cursor_moves_only_from_where_it_is(log: TaskLog) -> None:
    accept(log, 2)
    epoch = leased(log)
    log.begin(INDEX, epoch, [Begin(each, NOW) for each in log.tasks(INDEX, [1, 2]).values()])
    log.finish(INDEX, epoch, (0, 1), verdicts={1: SUCCESS}, now=NOW, size=0)
    with pytest.raises(LeaseLost):
        log.finish(INDEX, epoch, (0, 2), verdicts={2: SUCCESS}, now=NOW, size=0)


def test_only_a_task_in_progress_is_finished(log: TaskLog) -> None:
    accept(log)
    epoch = leased(log)
    with pytest.raises(TaskMoved):
        log.finish(INDEX, epoch, (0, 1), verdicts={1: SUCCESS}, now=NOW, size=0)
    cancelled = Verdict(state=TaskState.CANCELLED, error=TaskError.CANCELLED)
    log.finish(INDEX, epoch, (0, 1), verdicts={1: cancelled}, now=NOW, size=0)
    assert log.tasks(INDEX, [1])[1].state is TaskState.CANCELLED


def test_the_lease_is_released_only_at_the_end_of_the_log(log: TaskLog) -> None:
    accept(log, 2)
    epoch = leased(log)
    assert not log.release(INDEX, epoch, 1)
    assert log.release(INDEX, epoch, 2)
    head = log.head(INDEX)
    assert head
    assert head.lag_since is None
    assert log.lagging(NOW + 1) == []
    assert log.take_slot(INDEX, NOW + 5, 1).ring
    assert log.lease(INDEX, NOW + 5, NOW + 65)


def test_sent_is_raised_under_the_lease(log: TaskLog) -> None:
    log.raise_sent(INDEX, leased(log), 7)
    assert log.cursor(INDEX).sent == 7


def test_a_waiting_task_is_cancelled_at_once_and_one_in_progress_is_marked(log: TaskLog) -> None:
    accept(log, 2)
    epoch = leased(log)
    log.begin(INDEX, epoch, [Begin(log.tasks(INDEX, [1])[1], NOW)])
    verdict = Verdict(state=TaskState.CANCELLED, error=TaskError.CANCELLED, message="why")
    marked, ended = (log.cancel(INDEX, n, verdict, NOW) for n in (1, 2))
    assert marked
    assert ended
    assert (marked.state, marked.cancel) == (TaskState.PROGRESS, True)
    assert (ended.state, ended.verdict) == (TaskState.CANCELLED, verdict)
    assert log.cancel(INDEX, 3, verdict, NOW) is None


def test_a_verdict_comes_back_whole(log: TaskLog) -> None:
    accept(log)
    epoch = leased(log)
    log.begin(INDEX, epoch, [Begin(log.tasks(INDEX, [1])[1], NOW)])
    verdict = Verdict(
        state=TaskState.FAILED,
        error=TaskError.SKIPPED,
        message="1 of 3 entries failed",
        counts=Counts(1, 1, 1),
        partial=True,
        outcomes=(
            EntryOutcome(0, Outcome.SUPERSEDED, subject="a"),
            EntryOutcome(2, subject="b", entry_id="e", code="TYPE_CONFLICT", field="x"),
        ),
        pages=("page",),
    )
    log.save_progress(INDEX, epoch, 1, {"limited": [{"position": 1}]})
    log.finish(INDEX, epoch, (0, 1), verdicts={1: verdict}, now=NOW, size=0)
    found = log.tasks(INDEX, [1])[1]
    assert found.verdict == verdict
    assert found.progress == {"limited": [{"position": 1}]}


def test_the_registry_comes_back_whole(log: TaskLog) -> None:
    assert log.schema(INDEX) == Schema()
    schema = Schema({"a.b": FieldType.DATE}, multi_entry=True, version=3)
    log.save_schema(INDEX, leased(log), schema)
    assert log.schema(INDEX) == schema


def test_the_mark_for_the_purge_stays_at_its_first_time(log: TaskLog) -> None:
    log.mark_tombstones(INDEX, NOW + 10)
    log.mark_tombstones(INDEX, NOW + 20)
    assert log.tombstones_due(NOW + 9) == []
    assert log.tombstones_due(NOW + 10) == [INDEX]
    log.put_off_tombstones(INDEX, NOW + 50)
    assert log.tombstones_due(NOW + 10) == []
    log.put_off_tombstones(INDEX, None)
    assert log.tombstones_due(NOW + 90) == []


def test_ninety_nine_tasks_begin_and_finish_in_one_step_each(log: TaskLog) -> None:
    accept(log, 99)
    epoch = leased(log)
    slots = range(1, 100)
    log.begin(INDEX, epoch, [Begin(each, NOW) for each in log.tasks(INDEX, slots).values()])
    verdicts = dict.fromkeys(slots, SUCCESS)
    log.finish(INDEX, epoch, (0, 99), verdicts=verdicts, now=NOW, size=990)
    assert {each.state for each in log.tasks(INDEX, slots).values()} == {TaskState.SUCCESS}
