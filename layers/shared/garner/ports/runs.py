"""Runs, their markers, process requests, log and statistics, as use cases see them."""

from collections.abc import Mapping
from typing import Protocol

from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import LogRow, ProcessRequest, RequestType
from garner.domain.harvest.run import Run
from garner.domain.harvest.tables import Statistics
from garner.errors import JsonObject

Markers = Mapping[tuple[str, int], JsonObject]
"""(kind, unit) → counts and object keys; written again, a marker is overwritten."""


class LeaseLost(Exception):
    """Somebody else has the run now, or it was reset: stop without a word."""


class RunStore(Protocol):
    """Every method raises `Unavailable` when the table does not answer."""

    def get(self, run_id: str) -> Run | None: ...

    def lease(self, run_id: str, *, now: float, seconds: float) -> Run | None:
        """Takes a run that is not done and whose lease is free or over; raises its fence and
        counts slice and stall. None if it can't be had."""
        ...

    def save(self, run: Run, markers: Markers | None = None) -> None:
        """The run and markers (at most `MAX_SAVED_MARKERS`) in one step, stalls back to 0. Raises
        `LeaseLost` unless the stored fence is the run's."""
        ...

    def renew(self, run: Run) -> None:
        """Prolongs the lease to the run's `lease_until` and nothing else. Raises `LeaseLost`."""
        ...

    def marker(self, run_id: str, kind: str, unit: int) -> JsonObject | None: ...

    def markers(self, run_id: str, kind: str) -> dict[int, JsonObject]: ...

    def revoke(self, run_id: str) -> Run | None:
        """Raises the fence and makes the run done: its worker's next save fails."""
        ...

    def finish(
        self, run: Run, request: ProcessRequest, source: RegisteredSource, statistics: Statistics
    ) -> None:
        """Ends the run: all four in one step. `source` is the row as read, changed. Raises
        `LeaseLost`, or `Conflict` if the source's row changed since (read it again)."""
        ...

    def due(self, now: float) -> list[Run]:
        """Runs that nobody works on though it is time to; from an index that lags by seconds."""
        ...

    def expired(self, now: float) -> list[Run]:
        """Runs whose objects are past their retention; from an index that lags by seconds."""
        ...

    def expire(self, run_id: str, *, again_at: float | None) -> None:
        """Looks at the run again later, or never."""
        ...


class RequestLog(Protocol):
    def get(self, request_id: str) -> ProcessRequest | None: ...

    def put(self, request: ProcessRequest) -> None: ...

    def latest(
        self, source_id: str, limit: int, *, kind: RequestType | None = None
    ) -> list[ProcessRequest]:
        """The newest requests of a source, newest first."""
        ...

    def write(self, row: LogRow) -> None: ...

    def rows(self, request_id: str) -> list[LogRow]: ...

    def statistics(self, source_id: str, limit: int) -> list[Statistics]:
        """Newest first."""
        ...
