"""An index on the engine whose log and payloads are in memory, and the real worker on it: what is
measured is the worker and the engine, and not a copy of somebody's cloud."""

from dataclasses import dataclass, field
from uuid import uuid4

from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.slots import TaskIds
from garner.domain.tasks import NewTask, TaskKind, TaskState
from garner.ports.engine_writer import EngineWriter
from garner.ports.payloads import PayloadStore
from garner.runtime import settings
from garner.runtime.clock import RandomIds, SystemClock
from garner.runtime.container import Container
from garner.services.drain import drain
from garner.services.submit import AcceptPorts, submit
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from tests.fakes.api import ENVIRONMENT
from tests.fakes.ingest import (
    Faults,
    InMemoryDoorbell,
    InMemoryMetrics,
    InMemoryPayloads,
    InMemoryTaskLog,
)

LIFETIME_SECONDS = 100_000.0  # the machine, not the deadline, is what is measured


@dataclass
class LoggedIndex:
    """`submit` is what accept does behind the edge; `drain` applies all that waits."""

    url: str
    schema: Schema = field(default_factory=Schema)
    payloads: PayloadStore = field(default_factory=lambda: InMemoryPayloads(Faults()))
    writer: EngineWriter | None = None
    index_id: str = field(default_factory=lambda: str(uuid4()))
    creates: bool = True

    def __post_init__(self) -> None:
        self.engine = EngineClient(self.url)
        self.indexes = OpenSearchIndexes(self.engine)
        if self.creates:
            self.indexes.create(self.index_id, 1, self.schema)
        self.log = InMemoryTaskLog(Faults())
        self.log.create(self.index_id)
        self.log.indexes[self.index_id].schema = self.schema
        doorbell, metrics = InMemoryDoorbell(Faults()), InMemoryMetrics()
        self._accept = AcceptPorts(
            log=self.log,
            payloads=self.payloads,
            doorbell=doorbell,
            clock=SystemClock(),
            ids=RandomIds(),
            task_ids=TaskIds(b"k" * 32),
            metrics=metrics,
        )
        worker = Container(settings.load("index_worker", ENVIRONMENT))
        parts = {"task_log": self.log, "payloads": self.payloads, "doorbell": doorbell}
        worker.__dict__.update(parts, metrics=metrics, engine=self.engine)
        if self.writer:
            worker.__dict__["writer"] = self.writer
        self.ports = worker.draining(LIFETIME_SECONDS)

    def submit(self, payload: bytes) -> None:
        task = NewTask(kind=TaskKind.INGEST, payload=payload, operations=payload.count(b"\n"))
        submit(self.index_id, Caller(), task, ports=self._accept)

    def drain(self) -> None:
        """Raises `AssertionError` unless every task ends SUCCESS."""
        drain(self.index_id, ports=self.ports)
        states = {task.state for task in self.log.indexes[self.index_id].slots.values()}
        assert states == {TaskState.SUCCESS}, states

    def subjects(self) -> int:
        return self.indexes.stats(self.index_id).num_subjects

    def drop(self) -> None:
        self.indexes.drop(self.index_id)
        self.engine.close()
