"""Faults of the doorbell (F9 to F12) and of the lease (F38)."""

from garner.domain.tasks import TaskState
from garner.services.drain import DrainEnd, drain
from garner.services.submit import submit
from tests.fakes.ingest import INDEX
from tests.faults.case import CALLER, Case, entry, writing

OTHER = "0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e"


def test_f9_of_five_doorbells_at_once_one_worker_drains() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    ends: list[DrainEnd] = []
    case.faults.once(
        "engine.bulk", lambda: ends.extend(case.drain() for _ in range(4)), when="before"
    )
    ends.append(case.drain())
    assert ends == [DrainEnd.BUSY] * 4 + [DrainEnd.DONE]
    case.assert_settled()


def test_f10_the_order_of_doorbells_does_not_matter() -> None:
    case = Case()
    for number in range(10):
        case.ingest(entry("a", x=number))
        case.doorbell.ring(INDEX)
    for _ in reversed(case.doorbell.rung):
        case.drain()
    case.assert_settled()
    assert case.engine.visible() == {"a": {None: {"x": 9}}}


def test_f11_a_purged_queue_loses_nothing() -> None:
    case = Case()
    for number in range(1_000):
        case.ingest(entry(f"s{number}", x=number))
    case.doorbell.rung.clear()
    case.clock.time += 31
    assert case.sweep() == 1
    case.settle()
    assert case.states().count("SUCCESS") == 1_000


def test_f12_an_old_doorbell_has_no_effect() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    case.settle()
    case.ingest(entry("a", x=2))
    case.settle()
    bulks = len(case.engine.bulks)
    assert case.drain() is DrainEnd.DONE
    assert len(case.engine.bulks) == bulks
    case.assert_settled()


def test_f38_the_heartbeat_keeps_the_lease_of_a_slow_worker() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    ends: list[DrainEnd] = []

    def slow() -> None:
        for _ in range(10):  # 200 s, lease 60 s
            case.clock.time += case.settings.heartbeat
            case.leases[-1].renew()
            ends.append(case.drain())

    case.faults.once("payloads.get", slow, when="after")
    assert case.drain() is DrainEnd.DONE
    assert set(ends) == {DrainEnd.BUSY}
    assert case.log.indexes[INDEX].cursor.epoch == 1
    assert case.task(1).attempts == 1


def test_two_thousand_waiting_tasks_cost_at_most_forty_bulks() -> None:
    case = Case()
    for number in range(2_000):
        case.ingest(entry(f"s{number}", x=number))
    case.settle()
    assert len(case.engine.bulks) <= 40


def test_the_backlog_of_an_index_is_one_doorbell_and_holds_up_no_other_index() -> None:
    case = Case()
    case.log.create(OTHER)
    case.engine.create(OTHER)
    for number in range(300):
        case.ingest(entry(f"s{number}", x=number))
    submit(OTHER, CALLER, writing(entry("small", x=1)), ports=case.accept)
    assert case.doorbell.rung == [INDEX, OTHER]

    def meanwhile() -> None:
        assert drain(OTHER, ports=case.ports) is DrainEnd.DONE
        (small,) = case.log.indexes[OTHER].slots.values()
        assert small.state is TaskState.SUCCESS
        assert "PENDING" in case.states()

    case.faults.once("engine.bulk", meanwhile, when="before")
    assert case.drain() is DrainEnd.DONE
    case.assert_settled()
    assert case.engine.visible(OTHER) == {"small": {None: {"x": 1}}}


def test_the_sweeper_counts_what_waits_also_before_it_rings() -> None:
    case = Case()
    case.ingest(entry("a", x=1))
    case.ingest(entry("b", x=2))
    assert case.sweep() == 0
    assert case.metrics.counts["tasks_waiting"] == 2
    case.settle()
    case.sweep()
    assert case.metrics.counts["tasks_waiting"] == 2  # nothing was added
