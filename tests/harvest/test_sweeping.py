"""Runs that nobody works on, runs that have no end, and objects that nobody needs."""

import pytest

from garner import limits
from garner.domain.harvest.control import ResourceStatus
from garner.domain.harvest.requests import RequestState
from garner.services.harvest.fetch import run_fetch
from garner.services.harvest.run_harvest import run_harvest
from garner.services.resume_harvests import expire_runs, resume_harvests
from tests.fakes.crawl import records
from tests.fakes.harvest import Killed
from tests.harvest.rig import SRC, HarvestRig

DAY = 86_400


@pytest.fixture
def rig() -> HarvestRig:
    return HarvestRig()


def sweep(rig: HarvestRig) -> int:
    return resume_harvests(runs=rig.runs, bell=rig.bell, clock=rig.clock)


def test_a_run_is_rung_for_when_its_worker_is_dead_and_not_before(rig: HarvestRig) -> None:
    rig.offer(records(5))
    run_id = rig.start()
    run_harvest(run_id, budget=0, tools=rig.tools)
    run_fetch(run_id, budget=1e9, tools=rig.fetch_tools)
    rig.faults.kill_at = len(rig.faults.passed) + 8
    with pytest.raises(Killed):
        run_harvest(run_id, budget=1e9, tools=rig.tools)
    rig.bell.rung.clear()
    assert sweep(rig) == 0
    rig.clock.time += limits.HARVEST_LEASE_SECONDS + 1
    assert sweep(rig) == 1
    assert rig.bell.rung == [(run_id, False, 0.0)]
    assert rig.work(run_id).state is RequestState.SUCCESS
    assert sweep(rig) == 0


def test_a_crawl_is_rung_for_at_the_fetching_worker(rig: HarvestRig) -> None:
    rig.offer(records(5))
    run_harvest(rig.start(), budget=0, tools=rig.tools)
    rig.bell.rung.clear()
    rig.clock.time += 1
    sweep(rig)
    assert [fetch for _, fetch, _ in rig.bell.rung] == [True]


def test_two_workers_at_one_run_are_one(rig: HarvestRig) -> None:
    rig.offer(records(5))
    run_id = rig.start()
    leased = rig.runs.lease(run_id, now=rig.clock.time, seconds=60)
    assert leased
    run_harvest(run_id, budget=1e9, tools=rig.tools)
    stored = rig.runs.get(run_id)
    assert stored
    assert (stored.fence, stored.phase) == (leased.fence, leased.phase)


def test_a_step_that_kills_its_worker_each_time_leaves_the_source_stuck(rig: HarvestRig) -> None:
    rig.offer(records(5))
    run_id = rig.start()
    run_harvest(run_id, budget=0, tools=rig.tools)
    run_fetch(run_id, budget=1e9, tools=rig.fetch_tools)
    for _ in range(limits.MAX_STALLED_SLICES):
        rig.clock.time += 200
        rig.faults.kill_at = len(rig.faults.passed) + 3
        with pytest.raises(Killed):
            run_harvest(run_id, budget=1e9, tools=rig.tools)
    rig.faults.kill_at = None
    request = rig.work(run_id)
    assert request.state is RequestState.FAILED
    assert request.message == "Ingestion STUCK: no progress in phase parse"
    assert rig.row.status is ResourceStatus.STUCK
    assert rig.alerts.sent


def test_a_crawl_of_more_than_six_hours_is_a_timeout(rig: HarvestRig) -> None:
    rig.offer(records(200))
    run_id = rig.start()
    run_harvest(run_id, budget=0, tools=rig.tools)
    run_fetch(run_id, budget=0, tools=rig.fetch_tools)
    rig.clock.time += limits.CRAWL_TIMEOUT_SECONDS + 1
    request = rig.work(run_id)
    assert request.message == "Ingest Timeout: the crawl took longer than 6 hours"
    assert rig.row.active_run == ""


def test_objects_go_after_ninety_days_unless_something_stands_on_them(rig: HarvestRig) -> None:
    rig.offer(records(5))
    first = rig.do()
    second = rig.do()
    rig.upstream.fails = "away"
    failed = rig.do()

    def kept(request_id: str) -> bool:
        return any(f"/{request_id}/" in key for key in rig.stage.objects)

    def expire() -> int:
        return expire_runs(
            runs=rig.runs,
            sources=rig.sources,
            targets=rig.targets,
            stage=rig.stage,
            clock=rig.clock,
        )

    assert expire() == 0
    rig.clock.time += 91 * DAY
    assert expire() == 1
    assert kept(first.request_id), "the ledger is the first run's"
    assert kept(second.request_id), "the base is the second run's"
    assert not kept(failed.request_id)
    rig.upstream.fails = ""
    rig.offer(records(5, extra=1))
    rig.do()
    rig.clock.time += 2 * DAY
    assert expire() == 2
    assert rig.do().state is RequestState.SUCCESS
    assert {SRC} == {entry_id for _, entry_id in rig.index}
