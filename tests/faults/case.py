"""One index with its write path in memory, and the assertion that every fault ends with."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from garner.domain import operations
from garner.domain.principals import Caller
from garner.domain.protocol import ProtocolSettings
from garner.domain.tasks import NewTask, TaskKind, TaskState
from garner.errors import JsonObject
from garner.ports.engine_writer import ItemResult
from garner.ports.task_log import LeaseLost
from garner.services.drain import DrainEnd, drain
from garner.services.submit import RequestIdentity, submit
from garner.services.sweep import ring_for_lagging
from tests.fakes.ingest import INDEX, Killed, World
from tests.faults.schedule import log_result

CALLER = Caller(identity="urn:globus:auth:identity:00000000-0000-4000-8000-000000000001")


def entry(subject: str, entry_id: str | None = None, **content: Any) -> JsonObject:
    return operations.upsert(subject, ["public"], content, entry_id=entry_id)


@dataclass
class Case(World):
    settings: ProtocolSettings = field(default_factory=lambda: ProtocolSettings(patience=5.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock.on_sleep = self.sleep

    def sleep(self, seconds: float) -> None:
        """Time passes and hearts beat."""
        self.clock.time += seconds
        with suppress(LeaseLost):
            self.leases[-1].renew()

    def submit(self, task: NewTask, key: str | None = None, request_hash: str = "h") -> int:
        """The slot of the accepted task."""
        request = RequestIdentity(key, request_hash) if key else None
        task_id = submit(INDEX, CALLER, task, request=request, ports=self.accept)
        decoded = self.task_ids.decode(task_id)
        assert decoded
        return decoded[1]

    def ingest(self, *lines: JsonObject, skip: bool = False, key: str | None = None) -> int:
        return self.submit(writing(*lines, skip=skip), key)

    def delete_matching(self, word: str) -> int:
        payload = operations.encode([], {"word": word})
        return self.submit(NewTask(kind=TaskKind.DELETE_BY_QUERY, payload=payload, operations=0))

    def drain(self) -> DrainEnd:
        return drain(INDEX, ports=self.ports)

    def drain_and_forget(self) -> None:
        self.drain()

    def drain_and_die(self) -> None:
        """A drain whose process is gone before it is through; its lease runs out."""
        try:
            drain(INDEX, ports=self.ports)
        except Killed:
            self.clock.time += self.settings.lease + 1
        else:
            raise AssertionError("the worker should have died")

    def out_of_time(self) -> None:
        """The current drain is at its deadline; its lease is kept."""
        lease = self.leases[-1]
        self.clock.time = lease.deadline + 1
        lease.renew()

    def sweep(self) -> int:
        return ring_for_lagging(
            log=self.log,
            doorbell=self.doorbell,
            clock=self.clock,
            metrics=self.metrics,
            ring_after=self.settings.ring_after,
        )

    def settle(self) -> None:
        """Drains until nothing waits: the assertion at the end of each fault."""
        for _ in range(50):
            if self.drain() is DrainEnd.DONE:
                break
            self.clock.time += 61
        self.assert_settled()

    def assert_settled(self) -> None:
        """Every task terminal, the index equal to the log, nothing deleted visible."""
        state = self.log.indexes[INDEX]
        assert state.cursor.applied == state.head.head, "work is left"
        assert all(task.state.is_terminal for task in state.slots.values())
        assert self.engine.problems == []
        assert self.engine.visible() == log_result(self)

    def state(self, n: int) -> TaskState:
        return self.task(n).state

    def error(self, n: int) -> str | None:
        verdict = self.task(n).verdict
        return verdict.error.value if verdict and verdict.error else None

    def applied(self, n: int) -> int:
        verdict = self.task(n).verdict
        assert verdict
        return verdict.counts.applied


def writing(*lines: JsonObject, skip: bool = False) -> NewTask:
    return NewTask(
        kind=TaskKind.INGEST,
        payload=operations.encode(lines),
        operations=len(lines),
        skip_errors=skip,
    )


def refusing_for(case: Case, times: int, result: ItemResult = ItemResult.RETRYABLE) -> None:
    """The engine answers the next bulks with `result` for every item."""
    left = [times]

    def network(index_id: str, writes: Any) -> list[ItemResult]:
        if left[0]:
            left[0] -= 1
            return [result] * len(writes)
        return case.engine.arrive(index_id, writes)

    case.engine.network = network
