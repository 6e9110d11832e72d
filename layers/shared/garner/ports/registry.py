"""Sources, index names and what is published where, as use cases see them."""

from collections.abc import Callable
from typing import Protocol

from garner.domain.harvest.control import RegisteredSource, SystemStatus
from garner.domain.harvest.requests import ProcessRequest
from garner.domain.harvest.run import Run
from garner.domain.harvest.tables import IndexName, SystemRow, Target


class SourceRegistry(Protocol):
    """Every method raises `Unavailable` when the table does not answer."""

    def get(self, source_id: str) -> RegisteredSource | None: ...

    def list(self) -> list[RegisteredSource]: ...

    def create(self, source: RegisteredSource) -> bool:
        """False if the id is taken."""
        ...

    def change(
        self, source_id: str, change: Callable[[RegisteredSource], RegisteredSource]
    ) -> RegisteredSource:
        """Applies `change` to the row as it is, again if somebody else was faster. Raises
        `NotFound`; what `change` raises passes through."""
        ...

    def delete(self, source: RegisteredSource) -> bool:
        """False if the row changed since."""
        ...

    def start(self, source: RegisteredSource, request: ProcessRequest, run: Run) -> bool:
        """Makes `run` the source's active one and records both, in one step. False if the row
        changed since it was read, or the system was paused meanwhile."""
        ...


class IndexNames(Protocol):
    def get(self, name: str) -> IndexName | None: ...

    def list(self, index_id: str) -> list[IndexName]: ...

    def put(self, row: IndexName) -> bool:
        """False if the name stands for another index already."""
        ...

    def move(self, row: IndexName, *, expected: str) -> bool:
        """Points the name to another index; False if it did not stand for `expected`."""
        ...

    def delete(self, row: IndexName) -> bool: ...


class Targets(Protocol):
    def get(self, source_id: str, index_id: str) -> Target: ...

    def list(self, source_id: str) -> list[Target]: ...

    def replace(self, target: Target) -> bool:
        """Writes `target` if the stored version is the one before it."""
        ...


class SystemStore(Protocol):
    def status(self) -> SystemStatus: ...

    def rows(self) -> list[SystemRow]:
        """Newest first."""
        ...

    def enter(self, status: SystemStatus, now: float) -> None:
        """Sets the status; a failure or a pause opens a row."""
        ...

    def leave(self, expected: frozenset[SystemStatus], status: SystemStatus, now: float) -> bool:
        """Sets the status and closes the open rows, if the status is one of `expected`."""
        ...
