"""A whole controller over in-memory ports: start a workflow, work until it is over, look."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import Parameters, ProcessRequest, RequestType
from garner.domain.harvest.run import Phase
from garner.domain.harvest.source import Source
from garner.domain.harvest.tables import IndexName
from garner.errors import JsonObject
from garner.services.harvest.fetch import FetchTools, run_fetch
from garner.services.harvest.job import Tools
from garner.services.harvest.run_harvest import run_harvest
from garner.services.start_workflow import start_workflow
from tests.fakes.crawl import LineReader, PagedCrawler, PlainTransformers, Upstream, pages
from tests.fakes.harvest import (
    CountingIds,
    Faults,
    InMemoryAlerts,
    InMemoryBell,
    InMemoryIndexNames,
    InMemoryPublisher,
    InMemoryRequestLog,
    InMemoryRuns,
    InMemorySourceRegistry,
    InMemoryStage,
    InMemorySystem,
    InMemoryTable,
    InMemoryTargets,
    Killed,
    ManualClock,
)
from tests.fakes.sources import source

INDEX = "11111111-1111-4111-8111-111111111111"
NAME = "idx"
SRC = "SRC"


class HarvestRig:
    """`descriptor` keys are fields of `Source`."""

    def __init__(self, faults: Faults | None = None, **descriptor: Any) -> None:
        self.faults = faults or Faults()
        self.table = InMemoryTable(self.faults)
        self.clock = ManualClock()
        self.sources = InMemorySourceRegistry(self.table)
        self.names = InMemoryIndexNames(self.table)
        self.targets = InMemoryTargets(self.table)
        self.system = InMemorySystem(self.table)
        self.requests = InMemoryRequestLog(self.table)
        self.runs = InMemoryRuns(self.table)
        self.stage = InMemoryStage(self.faults)
        self.publisher = InMemoryPublisher(self.faults)
        self.alerts = InMemoryAlerts()
        self.bell = InMemoryBell()
        self.ids = CountingIds()
        self.upstream = Upstream()
        self.crawler = PagedCrawler(self.upstream, self.faults)
        self.transformers = PlainTransformers(faults=self.faults)
        self.kills = 0
        passed, kill_at = self.faults.passed, self.faults.kill_at
        self.faults.kill_at = None
        self.names.put(IndexName(NAME, INDEX, (SRC, "OTHER")))
        self.add(SRC, **descriptor)
        passed.clear()
        self.faults.kill_at = kill_at

    def add(self, source_id: str, **descriptor: Any) -> None:
        self.sources.create(
            RegisteredSource(
                source_id=source_id, descriptor=descriptor, created_at=1.0, changed_at=1.0
            )
        )

    def describe(self, descriptor: JsonObject) -> Source:
        values = {"source_id": SRC, "field_quota": 50, **descriptor}
        if "visible_to" in values:
            values["visible_to"] = tuple(values["visible_to"])
        return source(**values)

    @property
    def tools(self) -> Tools:
        return Tools(
            runs=self.runs,
            sources=self.sources,
            names=self.names,
            targets=self.targets,
            requests=self.requests,
            stage=self.stage,
            reader=LineReader(self.upstream),
            transformers=self.transformers,
            publisher=self.publisher,
            alerts=self.alerts,
            bell=self.bell,
            clock=self.clock,
            describe=self.describe,
        )

    @property
    def fetch_tools(self) -> FetchTools:
        return FetchTools(
            runs=self.runs,
            stage=self.stage,
            crawler=self.crawler,
            bell=self.bell,
            clock=self.clock,
            describe=self.describe,
        )

    def offer(self, rows: Sequence[JsonObject], size: int = 50) -> None:
        self.upstream.pages = pages(rows, size)

    def start(self, kind: RequestType = RequestType.UPDATE, **parameters: Any) -> str:
        if kind.publishes:
            parameters.setdefault("index_name", NAME)
        self.clock.time += 60
        return start_workflow(
            kind,
            SRC,
            lambda: (Parameters(**parameters), 4),
            sources=self.sources,
            system=self.system,
            requests=self.requests,
            bell=self.bell,
            clock=self.clock,
            ids=self.ids,
        )

    def work(self, run_id: str, *, budget: float = 1e9, slices: int = 2_000) -> ProcessRequest:
        """Both workers, until the run is over. A killed worker's lease runs out."""
        for _ in range(slices):
            run = self.runs.get(run_id)
            assert run is not None
            if run.phase is Phase.DONE:
                return self.request(run_id)
            self.clock.time = max(self.clock.time, run.due_at)
            try:
                if run.phase is Phase.FETCH:
                    run_fetch(run_id, budget=budget, tools=self.fetch_tools)
                else:
                    run_harvest(run_id, budget=budget, tools=self.tools)
            except Killed:
                self.kills += 1
        raise AssertionError(f"not over after {slices} slices: {self.runs.get(run_id)}")

    def do(self, kind: RequestType = RequestType.UPDATE, **parameters: Any) -> ProcessRequest:
        return self.work(self.start(kind, **parameters))

    def request(self, run_id: str) -> ProcessRequest:
        request = self.requests.get(run_id)
        assert request is not None
        return request

    @property
    def row(self) -> RegisteredSource:
        row = self.sources.get(SRC)
        assert row is not None
        return row

    def describe_again(self, **descriptor: Any) -> None:
        self.sources.change(SRC, lambda row: replace(row, descriptor=descriptor))

    @property
    def index(self) -> dict[tuple[str, str | None], JsonObject]:
        return self.publisher.entries[INDEX]

    @property
    def titles(self) -> dict[str, str]:
        """id → title of what is in the index."""
        return {entry["id"]: entry["title"] for entry in self.index.values()}
