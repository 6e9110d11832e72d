"""What a drain works with, and the ways in which one ends before the log does."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from garner.domain.fields import Schema
from garner.domain.protocol import ProtocolSettings
from garner.errors import JsonObject
from garner.ports.clock import Clock, Ids
from garner.ports.doorbell import Doorbell
from garner.ports.engine_indexes import EngineIndexes
from garner.ports.engine_writer import EngineWriter
from garner.ports.metrics import Metrics
from garner.ports.payloads import PayloadStore
from garner.ports.task_log import TaskLog
from garner.services.drain.lease import Lease, beating


class MatchCompiler(Protocol):
    """A delete by query's payload header (the search body and who sent it) → an engine query for
    the subjects it means (contract 2.11).

    Raises `BadRequest` or `ValidationFailed` for a query that its fields can't take. Not for one
    that is `decided`: fields that were bound since then were unknown to it, and matched nothing.
    """

    def __call__(
        self, header: JsonObject, schema: Schema, *, decided: bool = False
    ) -> JsonObject: ...


LineReader = Callable[[bytes], JsonObject]
"""A line of an uploaded file → an upsert as `garner.domain.operations` has it. Raises `ValueError`,
whose text says what is wrong with the line and quotes nothing of it."""

Heart = Callable[[Lease], AbstractContextManager[None]]
"""Renews a lease for as long as the context is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainPorts:
    """`senders` runs bulks in flight and is joined before the lease is let go."""

    log: TaskLog
    payloads: PayloadStore
    writer: EngineWriter
    indexes: EngineIndexes
    doorbell: Doorbell
    compile_matches: MatchCompiler
    read_line: LineReader
    clock: Clock
    ids: Ids
    metrics: Metrics
    senders: Callable[[], Executor]
    settings: ProtocolSettings = field(default_factory=ProtocolSettings)
    heart: Heart = beating


class OutOfSync(Exception):
    """Something moved under us, e.g. the index was deleted: look at the log again."""


class EngineDown(Exception):
    """The engine refused for longer than our patience: stop cleanly, come back later."""


class NeedsOperator(Exception):
    """Nothing that time mends; `reason` is a metric's name. Stop cleanly and alarm."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
