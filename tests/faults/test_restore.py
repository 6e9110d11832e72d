"""Engine and table put back to an earlier time (F35, F36), and the rebuild of an index.

`GARNER_SEED=848` runs one schedule alone.
"""

import copy
import os

import pytest

from garner import limits
from garner.domain.documents import document_id
from garner.domain.versions import slot_of
from garner.errors import Conflict
from garner.services.drain.restore import restore_index
from garner.services.drain.upkeep import follow_engine, rebuild_index
from tests.fakes.ingest import INDEX, EngineState, ManualClock
from tests.faults.case import Case, entry
from tests.faults.schedule import Schedule, cancelled, log_result

_SEED = os.environ.get("GARNER_SEED")
_SEEDS = [int(_SEED)] if _SEED else range(60)
_STEPS_BETWEEN_SNAPSHOTS = 150


class Snapshots(Schedule):
    """A schedule of faults in which somebody takes snapshots of the engine."""

    def __init__(self, seed: int) -> None:
        self.taken: list[EngineState] = []
        self._steps = 0
        super().__init__(seed)

    def _step(self) -> None:
        super()._step()
        self._steps += 1
        state = self.world.engine.indexes.get(INDEX)
        if state and self._steps % _STEPS_BETWEEN_SNAPSHOTS == 0 and len(self.taken) < 12:
            self.taken.append(copy.deepcopy(state))

    def calm(self) -> None:
        world = self.world
        world.faults.every, world.on_lease = None, None
        world.clock = ManualClock(world.clock.time + 10_000)
        world.engine.network = world.engine.arrive


def restore(world: Case) -> tuple[int, int]:
    return restore_index(INDEX, ports=world.ports, report=lambda _slot, _last: None)


def versions(state: EngineState) -> dict[str, int]:
    return {each: found.version for each, found in state.documents.items()}


def test_f35_any_snapshot_of_any_schedule_comes_up_to_the_log() -> None:
    again = 0
    for seed in _SEEDS:
        schedule = Snapshots(seed).run()
        schedule.calm()
        world = schedule.world
        verdicts = copy.deepcopy(world.log.indexes[INDEX].slots)
        for snapshot in schedule.taken:
            snapshot.alias = True
            world.engine.indexes[INDEX] = snapshot
            first, last = restore_index(INDEX, ports=world.ports, report=lambda _slot, _last: None)
            again += last - first + 1
            assert world.engine.visible() == log_result(world), f"GARNER_SEED={seed}"
            assert world.engine.problems == [], f"GARNER_SEED={seed}"
        assert world.log.indexes[INDEX].slots == verdicts
    assert again > 100


def filled() -> Case:
    """Five tasks, two of them before the snapshot."""
    case = Case()
    case.ingest(entry("a", t="granite"), entry("b", t="granite"))
    case.settle()
    return case


def test_f35_a_restored_snapshot_comes_up_to_the_log_at_the_same_versions() -> None:
    case = filled()
    snapshot = copy.deepcopy(case.engine.indexes[INDEX])
    case.ingest(entry("c", "e1", new_field=7), entry("c", "e2", t="basalt"))
    case.delete_matching("granite")
    case.ingest(entry("a", t="slate"), entry("d", new_field="not a number"), skip=True)
    case.settle()
    before = case.engine.visible(), versions(case.engine.indexes[INDEX])

    case.engine.indexes[INDEX] = snapshot
    case.ingest(entry("e", t="accepted meanwhile"))
    assert restore(case) == (2, 4)
    assert (case.engine.visible(), versions(case.engine.indexes[INDEX])) == before
    assert case.doorbell.rung[-1] == INDEX
    assert restore(case) == (5, 4)
    case.settle()
    assert "e" in case.engine.visible()


def test_f35_what_a_cancelled_delete_by_query_did_not_come_to_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PACK_OPERATIONS", 1_000)
    case = Case()
    case.ingest(*[entry(f"s{number:04}", t="granite") for number in range(1_500)])
    case.settle()
    snapshot = copy.deepcopy(case.engine.indexes[INDEX])
    n = case.delete_matching("granite")
    case.faults.once("engine.matching", case.out_of_time, when="after", skip=1)
    case.drain()
    case.log.cancel(INDEX, n, cancelled(case.task(n)), case.clock.time)
    case.settle()
    before = case.engine.visible()
    assert 0 < len(before) < 1_500
    case.engine.indexes[INDEX] = snapshot
    assert restore(case) == (2, 2)
    assert case.engine.visible() == before


def test_f35_a_restore_that_was_broken_off_goes_on() -> None:
    case = filled()
    snapshot = copy.deepcopy(case.engine.indexes[INDEX])
    for number in range(250):
        case.ingest(entry(f"s{number}", "e", t="x"))
    case.settle()
    case.engine.indexes[INDEX] = snapshot
    case.faults.fail("engine.write_cursor", times=10_000, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        restore(case)
    case.faults.rules.clear()
    first, last = restore(case)
    assert (first, last) == (2, 251)
    case.assert_settled()


def test_a_snapshot_that_is_older_than_the_log_is_refused() -> None:
    case = filled()
    snapshot = copy.deepcopy(case.engine.indexes[INDEX])
    case.ingest(entry("c", t="x"))
    case.settle()
    case.engine.indexes[INDEX] = snapshot
    del case.log.indexes[INDEX].slots[2]  # over
    with pytest.raises(Conflict, match="Slot 2 is not in the log any more"):
        restore(case)
    assert case.log.indexes[INDEX].cursor.lease_until == 0.0


def test_an_index_that_a_worker_is_at_is_left_alone() -> None:
    case = filled()
    case.log.lease(INDEX, case.clock.time, case.clock.time + 1_000_000)
    case.clock.on_sleep = None
    with pytest.raises(Conflict, match="A worker is at this index"):
        restore(case)


def test_f36_a_table_from_an_hour_ago_goes_on_above_what_the_engine_has() -> None:
    case = filled()
    earlier = copy.deepcopy(case.log.indexes)
    case.ingest(entry("a", t="slate"), entry("c", depth=3))
    case.ingest(entry("b", t="slate"))
    case.settle()
    case.log.indexes = earlier

    assert follow_engine(INDEX, ports=case.ports) == 3
    assert case.log.indexes[INDEX].schema.fields.keys() == {"t", "depth"}
    n = case.ingest(entry("a", t="after the restore", depth=4))
    for _ in range(4):
        case.clock.time += 5
        case.drain()
    assert n == 4
    assert case.states() == ["SUCCESS", "VOID", "VOID", "SUCCESS"]
    assert case.engine.problems == []
    assert case.engine.visible() == {
        "a": {None: {"t": "after the restore", "depth": 4}},
        "b": {None: {"t": "slate"}},
        "c": {None: {"depth": 3}},
    }


def test_f36_a_task_that_the_table_takes_for_waiting_is_in_the_engine_already() -> None:
    case = filled()
    n = case.ingest(entry("a", t="slate"))
    earlier = copy.deepcopy(case.log.indexes)
    case.ingest(entry("a", t="later"))
    case.settle()
    case.log.indexes = earlier
    follow_engine(INDEX, ports=case.ports)
    case.clock.time += 5
    case.drain()
    assert case.state(n).value == "SUCCESS"
    assert case.engine.visible()["a"] == {None: {"t": "later"}}
    found = case.engine.indexes[INDEX].documents[document_id("a")]
    assert slot_of(found.version) == 3


def test_a_rebuild_is_noted_and_looks_for_tombstones_again() -> None:
    case = filled()
    assert rebuild_index(INDEX, ports=case.ports) == 2
    assert case.log.indexes[INDEX].head.build == 2
    assert case.log.tombstones_due(case.clock.time) == [INDEX]
    case.assert_settled()
