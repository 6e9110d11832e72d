"""The crawl: one request after the other, each stored before the cursor moves (harvest 3, step 1).

Runs in the function that may reach the internet, which has no more than the ports named here.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from garner import limits
from garner.domain.harvest.run import INGEST_FAILED, INGEST_TIMEOUT, Failure, Phase, Run
from garner.domain.harvest.source import Source
from garner.errors import JsonObject, Retryable, SourceFailed
from garner.ports.clock import Clock
from garner.ports.harvest import JobBell, RawStage
from garner.ports.runs import LeaseLost, Markers, RunStore
from garner.ports.sources import Crawler, CrawlStep, FailedDetail, RawFile, RawMeta
from garner.services.harvest.names import RAW

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FetchTools:
    runs: RunStore
    stage: RawStage
    crawler: Crawler
    bell: JobBell
    clock: Clock
    describe: Callable[[JsonObject], Source]
    lease_seconds: float = limits.HARVEST_LEASE_SECONDS


class StoredRaw(Mapping[int, RawFile]):
    """The raw objects of a run by number."""

    def __init__(self, stage: RawStage, markers: dict[int, JsonObject]) -> None:
        self._stage = stage
        self._markers = markers

    def __getitem__(self, seq: int) -> RawFile:
        marker = self._markers[seq]
        return self._stage.raw(marker["key"], RawMeta.from_json(marker["meta"]))

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._markers))

    def __len__(self) -> int:
        return len(self._markers)

    def add(self, seq: int, marker: JsonObject) -> None:
        self._markers[seq] = marker


def run_fetch(run_id: str, *, budget: float, tools: FetchTools) -> None:
    """Fetches for at most about `budget` seconds; rings for whoever goes on, itself included."""
    clock = tools.clock
    run = tools.runs.lease(run_id, now=clock.seconds(), seconds=tools.lease_seconds)
    if run is None:
        return
    try:
        delay = 0.0
        if run.phase is Phase.FETCH:
            delay = _fetch(run, clock.seconds() + budget, tools)
        _release(run, delay, tools)
    except LeaseLost:
        log.info("lease lost", extra={"run_id": run_id})


def _fetch(run: Run, deadline: float, tools: FetchTools) -> float:
    """Returns how long to wait before the next slice."""
    try:
        source = tools.describe(run.descriptor)
        stored = StoredRaw(tools.stage, tools.runs.markers(run.run_id, RAW))
        if "failed_details" in run.facts and not run.cursor:
            failed = [FailedDetail(*each) for each in run.facts["failed_details"]]
            run.cursor["crawl"] = tools.crawler.detail_cursor(run.facts["crawl"], failed)
        while True:
            _check_bounds(run, tools.clock.seconds())
            step = tools.crawler.step(source, run.cursor.get("crawl"), stored)
            _store(run, step, stored, tools)
            if step.done:
                return 0.0
            wait = step.wait_seconds
            if tools.clock.seconds() + wait >= deadline:
                return wait
            if wait:
                tools.clock.sleep(wait)
    except SourceFailed as error:
        _fail(run, Failure(INGEST_FAILED, error.message))
    except _Over as over:
        _fail(run, over.failure)
    except Retryable as error:
        return error.retry_after
    return 0.0


class _Over(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def _check_bounds(run: Run, now: float) -> None:
    if now - run.facts["started"] > limits.CRAWL_TIMEOUT_SECONDS:
        hours = limits.CRAWL_TIMEOUT_SECONDS // 3_600
        raise _Over(Failure(INGEST_TIMEOUT, f"the crawl took longer than {hours} hours"))
    if run.stalls > limits.MAX_STALLED_SLICES:
        raise _Over(Failure(INGEST_FAILED, "the fetching worker died each time at one request"))


def _store(run: Run, step: CrawlStep, stored: StoredRaw, tools: FetchTools) -> None:
    markers: Markers = {}
    if step.raw:
        seq = step.raw.meta.seq
        key = f"raw/{run.run_id}/{run.fence}/{seq:06d}"
        with step.raw.body as body:
            tools.stage.put_raw(key, body)
        markers = {(RAW, seq): {"key": key, "meta": step.raw.meta.to_json()}}
        stored.add(seq, markers[RAW, seq])
    if step.note:
        log.warning("crawl", extra={"run_id": run.run_id, "note": step.note})
    if step.done:
        run.facts["crawl"] = step.cursor
        run.enter_next()
    else:
        run.cursor["crawl"] = step.cursor
    run.lease_until = tools.clock.seconds() + tools.lease_seconds
    tools.runs.save(run, markers)


def _fail(run: Run, failure: Failure) -> None:
    run.facts["failure"] = [failure.label, failure.reason]
    run.enter(Phase.CLOSE)


def _release(run: Run, delay: float, tools: FetchTools) -> None:
    run.lease_until = 0.0
    run.resume_at = tools.clock.seconds() + delay
    tools.runs.save(run)
    tools.bell.ring(run.run_id, fetch=run.phase is Phase.FETCH, delay=delay)
