"""A worker that dies at any point changes no result: before every write, fetch and submit. (Right
after one write is the same as right before the next.)

The story: a first update; a second one with changed, new, gone and moved records; a refused one; an
accepted one after it. It is told once without a kill, then once for each point that was passed,
with a worker killed right there. Every kill is shown to have hit. All of it twice: with all
partitions in one group, as a small source has them, and one by one, as a large one.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from garner import limits
from garner.errors import JsonObject
from tests.fakes.crawl import records
from tests.fakes.harvest import Faults
from tests.harvest.rig import INDEX, SRC, HarvestRig

ONE_GROUP, MANY_GROUPS = limits.SMALL_HARVEST_RECORDS, 0


def told(kill_at: int | None, budget: float, small: int) -> HarvestRig:
    rig = HarvestRig(Faults(kill_at), document_id_path="$.doi", removes=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SMALL_HARVEST_RECORDS", small)
        for rows, parameters in _story():
            rig.offer(rows, size=8)
            faults, rig.faults.kill_at = rig.faults.kill_at, None
            passed = len(rig.faults.passed)
            run_id = rig.start(**parameters)
            del rig.faults.passed[passed:]
            rig.faults.kill_at = faults
            rig.work(run_id, budget=budget)
    return rig


def _story() -> Iterator[tuple[list[JsonObject], dict[str, Any]]]:
    rows = [{**each, "doi": f"doi:{each['id']}"} for each in records(20)]
    yield rows, {}
    rows = rows[1:]
    rows[3] = {**rows[3], "title": "Changed"}
    rows[5] = {**rows[5], "doi": "doi:moved"}
    rows += [{"id": "new", "title": "New", "doi": "doi:new", "fail": 1}]
    yield rows, {}
    yield rows[:10], {}
    yield [*rows[:10], rows[0]], {"skip_check": True, "dup_perc": "50"}


def result(rig: HarvestRig) -> object:
    """Everything that a curator or a searcher can see, and what the next run starts from."""
    requests = sorted(rig.requests.latest(SRC, 99), key=lambda each: each.created_at)
    target = rig.targets.get(SRC, INDEX)
    return (
        dict(rig.index),
        [(each.state, each.message, each.counts) for each in requests],
        [(row.total, row.ingested, row.finished, row.errors) for row in _statistics(rig)],
        [[(r.number, r.status, r.message) for r in _log(rig, e.request_id)] for e in requests],
        (rig.row.status, rig.row.reference, rig.row.errors_left, rig.row.active_run),
        (target.rule, target.entry_id, target.pending, target.fields_added),
        [slot[0] for slot in rig.publisher.slots],
    )


def _statistics(rig: HarvestRig) -> list[Any]:
    return rig.requests.statistics(SRC, 99)


def _log(rig: HarvestRig, request_id: str) -> list[Any]:
    return [row for row in rig.requests.rows(request_id) if row.type != "run"]


@cache
def reference(small: int) -> HarvestRig:
    return told(None, 1e9, small)


def points(small: int) -> list[int]:
    passed = reference(small).faults.passed
    return [
        number
        for number, name in enumerate(passed, 1)
        if not name.startswith("after") or number == len(passed)
    ]


PARTS = 4
SMALL = pytest.mark.parametrize("small", [ONE_GROUP, MANY_GROUPS])


def test_the_story_without_a_kill_is_the_one_that_is_meant() -> None:
    states = [each.state.value for each in rig_requests(reference(ONE_GROUP))]
    assert states == ["SUCCESS", "SUCCESS", "FAILED", "SUCCESS"]
    assert len(reference(ONE_GROUP).index) == 10
    assert "doi:moved" in {subject for subject, _ in reference(ONE_GROUP).index}


def test_how_partitions_are_grouped_changes_no_result() -> None:
    assert result(reference(MANY_GROUPS)) == result(reference(ONE_GROUP))
    assert len(points(MANY_GROUPS)) > len(points(ONE_GROUP))


def rig_requests(rig: HarvestRig) -> list[Any]:
    return sorted(rig.requests.latest(SRC, 99), key=lambda each: each.created_at)


@SMALL
@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_at_any_point_changes_no_result(part: int, small: int) -> None:
    passed, expected = reference(small).faults.passed, result(reference(small))
    for point in points(small)[part::PARTS]:
        rig = told(point, 1e9, small)
        name = passed[point - 1]
        assert rig.kills == 1, f"the kill at {name} did not hit"
        assert result(rig) == expected, f"killed at point {point}: {name}"


@SMALL
def test_slices_of_no_time_at_all_come_to_the_same_result(small: int) -> None:
    assert result(told(None, 0.0, small)) == result(reference(small))
