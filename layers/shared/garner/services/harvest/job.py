"""A run in the hands of one worker: its tools, its time, its lease."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from garner import limits
from garner.domain.harvest.control import RegisteredSource, ResourceStatus
from garner.domain.harvest.requests import LogRow
from garner.domain.harvest.run import Failure, Run
from garner.domain.harvest.source import Source
from garner.errors import JsonObject, Retryable
from garner.ports.clock import Clock
from garner.ports.harvest import Alerts, JobBell, Publisher, Stage
from garner.ports.registry import IndexNames, SourceRegistry, Targets
from garner.ports.runs import LeaseLost, Markers, RequestLog, RunStore
from garner.ports.sources import RecordReader, Transformers

_RENEWALS = 6  # of a lease, while it lasts


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the steps of a harvest work with. `describe` turns a descriptor into a `Source`."""

    runs: RunStore
    sources: SourceRegistry
    names: IndexNames
    targets: Targets
    requests: RequestLog
    stage: Stage
    reader: RecordReader
    transformers: Transformers
    publisher: Publisher
    alerts: Alerts
    bell: JobBell
    clock: Clock
    describe: Callable[[JsonObject], Source]
    lease_seconds: float = limits.HARVEST_LEASE_SECONDS


Unit = TypeVar("Unit")


class RunFailed(Exception):
    """The run has a defined end without success; `status` is what the source shows then."""

    def __init__(
        self, label: str, reason: str = "", status: ResourceStatus = ResourceStatus.ERROR
    ) -> None:
        super().__init__(label)
        self.failure = Failure(label, reason)
        self.status = status


class ComeBack(Exception):
    """Nothing can be done now; look again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Job:
    """Steps change `run` and save; a save fails with `LeaseLost` when somebody else has the run.

    A step that returns without entering another phase has run out of time.
    """

    def __init__(self, run: Run, tools: Tools, deadline: float) -> None:
        self.run = run
        self.tools = tools
        self._deadline = deadline
        self._renewed = tools.clock.seconds()

    @cached_property
    def source(self) -> Source:
        return self.tools.describe(self.run.descriptor)

    @property
    def out_of_time(self) -> bool:
        return self.tools.clock.seconds() >= self._deadline

    def save(self, markers: Markers | None = None) -> None:
        """The run as it is, and markers, in one step; prolongs the lease."""
        self._prolong()
        self.tools.runs.save(self.run, markers)

    def check(self) -> None:
        """The lease is still ours, as sure as can be: before anything leaves this worker."""
        self._prolong()
        self.tools.runs.renew(self.run)

    def keep(self) -> None:
        """Called often in long work: prolongs the lease now and then."""
        if self.tools.clock.seconds() - self._renewed > self.tools.lease_seconds / _RENEWALS:
            self.check()

    def next_phase(self, markers: Markers | None = None) -> None:
        self.run.enter_next()
        self.save(markers)

    def kind(self, name: str) -> str:
        """The markers of this pass; those of an earlier one have another name."""
        return f"{name}.{self.run.generation}"

    def markers(self, name: str) -> dict[int, JsonObject]:
        return self.tools.runs.markers(self.run.run_id, self.kind(name))

    def key(self, name: str, unit: int) -> str:
        """Where an object goes. A fence never writes over another one's objects."""
        return f"stage/{self.run.run_id}/{self.run.fence}/{self.kind(name)}/{unit:06d}"

    def units(self, units: Sequence[Unit], work: Callable[[Unit], Markers]) -> bool:
        """Does `work` for each unit from the cursor on, saving every few seconds. True when all
        are done and saved, False when time is over; at least one unit is done."""
        clock = self.tools.clock
        waiting: dict[tuple[str, int], JsonObject] = {}
        saved = clock.seconds()
        for position in range(int(self.run.cursor.get("unit", 0)), len(units)):
            try:
                waiting |= work(units[position])
            except (ComeBack, Retryable):
                if waiting:
                    self.save(waiting)
                raise
            self.run.cursor["unit"] = position + 1
            over = self.out_of_time
            late = clock.seconds() - saved >= limits.HARVEST_SAVE_SECONDS
            if over or late or len(waiting) >= limits.MAX_SAVED_MARKERS:
                self.save(waiting)
                waiting, saved = {}, clock.seconds()
            if over and position + 1 < len(units):
                return False
            self.keep()
        if waiting:
            self.save(waiting)
        return True

    def log(self, number: int, kind: str, status: str, message: str, counts: JsonObject) -> None:
        """One row of the request's log; written again, it overwrites itself."""
        now = self.tools.clock.seconds()
        self.tools.requests.write(
            LogRow(
                request_id=self.run.run_id,
                number=number,
                source_id=self.run.source_id,
                user_id=self.run.user_id,
                status=status,
                type=kind,
                started_at=self.run.created_at,
                ended_at=now,
                message=message,
                counts=counts,
            )
        )

    def change_source(self, **changes: object) -> None:
        """Changes the source's row, if the run is still its active one; else `LeaseLost`."""

        def change(row: RegisteredSource) -> RegisteredSource:
            if row.active_run != self.run.run_id:
                raise LeaseLost
            return replace(row, **changes)  # type: ignore[arg-type]

        self.tools.sources.change(self.run.source_id, change)

    def _prolong(self) -> None:
        self._renewed = self.tools.clock.seconds()
        self.run.lease_until = self._renewed + self.tools.lease_seconds
