"""In-memory ports of the write path, with faults at every call.

Each fake calls `Faults.at(point, "before")` and `at(point, "after")` around what it does, so that
a test can raise, stop time, or let somebody else run at exactly that place.
"""

import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.domain.protocol import ProtocolSettings
from garner.domain.slots import TaskIds, index_key
from garner.domain.tasks import PayloadRef, Task, TaskKind, TaskState, Verdict
from garner.domain.uploads import Upload
from garner.errors import JsonObject, NoSuchIndex, Unavailable, WrongIndexStatus
from garner.ports.engine_indexes import MappingRefused
from garner.ports.engine_writer import AliasMissing, ItemResult, StoredDocument, Write
from garner.ports.payloads import PayloadDamaged
from garner.ports.task_log import (
    Backlog,
    Begin,
    Cursor,
    Due,
    GiveBack,
    Head,
    LeaseLost,
    Remembered,
    RequestKey,
    TakenSlot,
    TaskMoved,
)
from garner.services.drain import DrainPorts
from garner.services.drain.lease import Lease
from garner.services.entry_lines import read_line
from garner.services.submit import AcceptPorts

INDEX = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d"


class Killed(BaseException):
    """The process is gone: no handler of the code under test may see this and go on."""


class Faults:
    """What happens around calls. `rules` maps a point (`log.begin`, `engine.bulk`, …) to a
    function that is called with `before` or `after` and may raise or do anything else."""

    def __init__(self) -> None:
        self.rules: dict[str, Callable[[str], None]] = {}
        self.every: Callable[[str, str], None] | None = None
        self.calls: Counter[str] = Counter()

    def at(self, point: str, when: str) -> None:
        if when == "before":
            self.calls[point] += 1
        if self.every:
            self.every(point, when)
        if rule := self.rules.get(point):
            rule(when)

    def once(self, point: str, action: Callable[[], None], *, when: str, skip: int = 0) -> None:
        """`action` at the next call of `point`, or at the one after `skip` others."""
        left = [skip]

        def rule(moment: str) -> None:
            if moment != when:
                return
            left[0] -= 1
            if left[0] < 0:
                del self.rules[point]
                action()

        self.rules[point] = rule

    def kill(self, point: str, *, when: str = "before", skip: int = 0) -> None:
        def die() -> None:
            raise Killed(point)

        self.once(point, die, when=when, skip=skip)

    def fail(
        self, point: str, *, when: str = "before", times: int = 1, error: Exception | None = None
    ) -> None:
        left = [times]

        def rule(moment: str) -> None:
            if moment == when and left[0]:
                left[0] -= 1
                raise error or Unavailable(f"injected at {point}")

        self.rules[point] = rule


class ManualClock:
    """Time passes when somebody sleeps, or when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.on_sleep: Callable[[float], None] | None = None

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def seconds(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if self.on_sleep:
            self.on_sleep(seconds)
        else:
            self.time += seconds


class CountedIds:
    def __init__(self) -> None:
        self._count = 0

    def uuid(self) -> str:
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012d}"

    def token(self) -> str:
        self._count += 1
        return f"{self._count:032x}"

    def jitter(self) -> float:
        return 0.5


class InMemoryMetrics:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, name: str, value: float = 1) -> None:
        self.counts[name] += int(value)

    def seconds(self, name: str, value: float) -> None:
        self.counts[name] += 1


class InlineExecutor(Executor):
    """Runs what it is given at once, in the same thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class InMemoryDoorbell:
    def __init__(self, faults: Faults) -> None:
        self.rung: list[str] = []
        self._faults = faults

    def ring(self, index_id: str) -> None:
        self._faults.at("doorbell.ring", "before")
        self.rung.append(index_id)
        self._faults.at("doorbell.ring", "after")


class InMemoryPayloads:
    def __init__(self, faults: Faults) -> None:
        self.objects: dict[str, bytes] = {}
        self.pages: dict[str, bytes] = {}
        self.uploads: dict[str, list[bytes]] = {}
        self._faults = faults
        self._count = 0

    def put(self, index_id: str, payload: bytes) -> PayloadRef:
        self._faults.at("payloads.put", "before")
        self._count += 1
        key = f"{index_key(index_id)}/{self._count}"
        self.objects[key] = payload
        self._faults.at("payloads.put", "after")
        digest = hashlib.sha256(payload).hexdigest()
        return PayloadRef(key, digest, len(payload), len(payload))

    def get(self, ref: PayloadRef) -> bytes:
        self._faults.at("payloads.get", "before")
        payload = self.objects.get(ref.key)
        self._faults.at("payloads.get", "after")
        if payload is None or hashlib.sha256(payload).hexdigest() != ref.sha256:
            raise PayloadDamaged(ref.key)
        return payload

    def put_page(self, name: str, page: bytes) -> None:
        self._faults.at("payloads.put_page", "before")
        self.pages[name] = page
        self._faults.at("payloads.put_page", "after")

    def page(self, name: str) -> bytes:
        if name not in self.pages:
            raise PayloadDamaged(name)
        return self.pages[name]

    def presign(self, name: str, most_bytes: int, seconds: int) -> JsonObject:
        return {"url": "https://uploads.example", "fields": {"key": name}}

    def upload(self, name: str, data: bytes) -> None:
        """What a client does with a presigned form; a second time makes a new version."""
        self.uploads.setdefault(name, []).append(data)

    def pin(self, name: str) -> Upload | None:
        versions = self.uploads.get(name)
        return Upload(name, str(len(versions)), len(versions[-1])) if versions else None

    def stream(self, upload: Upload) -> Iterator[bytes]:
        if upload.key not in self.uploads:
            raise PayloadDamaged(upload.key)
        data = self.uploads[upload.key][int(upload.version or 0) - 1]
        for start in range(0, len(data), 65_536):
            self._faults.at("payloads.stream", "before")
            yield data[start : start + 65_536]


@dataclass
class LogState:
    head: Head
    cursor: Cursor = field(default_factory=Cursor)
    slots: dict[int, Task] = field(default_factory=dict)
    schema: Schema = field(default_factory=Schema)
    keys: dict[tuple[str, str], Remembered] = field(default_factory=dict)
    accepted: int = 0
    taken_off: int = 0


class InMemoryTaskLog:
    """Each method is one atomic step, like the item or transaction it stands for."""

    def __init__(self, faults: Faults) -> None:
        self.indexes: dict[str, LogState] = {}
        self.marks: dict[str, float] = {}
        self._faults = faults

    def create(self, index_id: str = INDEX) -> None:
        self.indexes[index_id] = LogState(Head(index_id, 0, "open"))

    def _state(self, index_id: str) -> LogState:
        if index_id not in self.indexes:
            raise NoSuchIndex(index_id)
        return self.indexes[index_id]

    def _step(self, name: str) -> AbstractContextManager[None]:
        return _Around(self._faults, f"log.{name}")

    # --- accept ----------------------------------------------------------------------------------

    def head(self, index_id: str) -> Head | None:
        with self._step("head"):
            return self.indexes[index_id].head if index_id in self.indexes else None

    def head_by_key(self, key: str) -> Head | None:
        return next((s.head for i, s in self.indexes.items() if index_key(i) == key), None)

    def cursor(self, index_id: str) -> Cursor:
        with self._step("cursor"):
            return self._state(index_id).cursor

    def backlog(self, index_id: str) -> Backlog:
        with self._step("backlog"):
            state = self._state(index_id)
            waiting = state.accepted - state.taken_off
            return Backlog(state.head.head - state.cursor.applied, waiting)

    def take_slot(self, index_id: str, now: float, size: int) -> TakenSlot:
        with self._step("take_slot"):
            state = self._state(index_id)
            if state.head.status != "open":
                raise WrongIndexStatus(state.head.status, "open")
            ring = state.head.lag_since is None
            since = now if state.head.lag_since is None else state.head.lag_since
            state.head = replace(state.head, head=state.head.head + 1, lag_since=since)
            state.accepted += size
            return TakenSlot(state.head.head, ring)

    def put(self, index_id: str, task: Task) -> bool:
        with self._step("put"):
            slots = self._state(index_id).slots
            there = slots.setdefault(task.n, task)
            return there.request_id == task.request_id

    def put_once(self, index_id: str, task: Task, request: RequestKey, expires_at: float) -> bool:
        with self._step("put_once"):
            state = self._state(index_id)
            known = state.keys.get((request.identity, request.key))
            if task.n in state.slots:
                return state.slots[task.n].request_id == task.request_id
            if known and known.expires_at > task.created_at:
                return False
            state.slots[task.n] = task
            state.keys[request.identity, request.key] = Remembered(
                request.request_hash, task.n, expires_at
            )
            return True

    def remembered(self, index_id: str, identity: str, key: str, now: float) -> Remembered | None:
        with self._step("remembered"):
            known = self._state(index_id).keys.get((identity, key))
            return known if known and known.expires_at > now else None

    def void(self, index_id: str, n: int) -> None:
        with self._step("void"):
            self._state(index_id).slots.setdefault(n, _void(n))

    # --- show and cancel -------------------------------------------------------------------------

    def tasks(self, index_id: str, slots: Sequence[int]) -> dict[int, Task]:
        with self._step("tasks"):
            there = self._state(index_id).slots
            return {n: there[n] for n in slots if n in there}

    def cancel(self, index_id: str, n: int, verdict: Verdict, now: float) -> Task | None:
        with self._step("cancel"):
            slots = self._state(index_id).slots
            task = slots.get(n)
            if task and task.state is TaskState.PENDING:
                slots[n] = replace(task, state=verdict.state, verdict=verdict, completed_at=now)
            elif task and task.state is TaskState.PROGRESS:
                slots[n] = replace(task, cancel=True)
            return slots.get(n)

    # --- drain -----------------------------------------------------------------------------------

    def lease(self, index_id: str, now: float, until: float) -> Cursor | None:
        with self._step("lease"):
            state = self._state(index_id)
            cursor = state.cursor
            if cursor.lease_until > now or cursor.backoff_until > now:
                return None
            state.cursor = replace(
                cursor, epoch=cursor.epoch + 1, lease_until=until, backoff_until=0.0
            )
            return state.cursor

    def renew(self, index_id: str, epoch: int, until: float) -> None:
        with self._step("renew"):
            state = self._mine(index_id, epoch)
            if not state.cursor.lease_until:
                raise LeaseLost
            state.cursor = replace(state.cursor, lease_until=until)

    def _mine(self, index_id: str, epoch: int) -> LogState:
        state = self._state(index_id)
        if state.cursor.epoch != epoch:
            raise LeaseLost
        return state

    def begin(self, index_id: str, epoch: int, begins: Sequence[Begin]) -> None:
        with self._step("begin"):
            state = self._mine(index_id, epoch)
            for each in begins:
                now = state.slots[each.task.n]
                if now.state.is_terminal or now.attempts != each.task.attempts:
                    raise TaskMoved
            for each in begins:
                now = state.slots[each.task.n]
                state.slots[now.n] = replace(
                    now,
                    state=TaskState.PROGRESS,
                    attempts=now.attempts + 1,
                    dead_before=max(now.dead_before, now.dead_by),
                    dead_by=each.dead_by,
                )

    def raise_sent(self, index_id: str, epoch: int, n: int) -> None:
        with self._step("raise_sent"):
            state = self._mine(index_id, epoch)
            state.cursor = replace(state.cursor, sent=max(n, state.cursor.sent))

    def save_progress(self, index_id: str, epoch: int, n: int, progress: JsonObject) -> None:
        with self._step("save_progress"):
            state = self._mine(index_id, epoch)
            state.slots[n] = replace(state.slots[n], progress=copy.deepcopy(progress))

    def give_back(self, index_id: str, epoch: int, attempts: Sequence[GiveBack]) -> None:
        with self._step("give_back"):
            state = self._mine(index_id, epoch)
            if any(state.slots[back.task.n].state is not TaskState.PROGRESS for back in attempts):
                raise TaskMoved
            for back in attempts:
                now = state.slots[back.task.n]
                state.slots[now.n] = replace(
                    now,
                    attempts=now.attempts - 1,
                    dead_by=back.dead_by,
                    state=TaskState.PENDING if back.pending else TaskState.PROGRESS,
                )

    def finish(
        self,
        index_id: str,
        epoch: int,
        applied: tuple[int, int],
        *,
        verdicts: Mapping[int, Verdict],
        now: float,
        size: int,
    ) -> None:
        with self._step("finish"):
            assert len(verdicts) <= 99
            state = self._mine(index_id, epoch)
            if state.cursor.applied != applied[0]:
                raise LeaseLost
            for n, verdict in verdicts.items():
                was = state.slots[n].state
                pending = was is TaskState.PENDING and verdict.state is TaskState.CANCELLED
                if was is not TaskState.PROGRESS and not pending:
                    raise TaskMoved
            for n, verdict in verdicts.items():
                state.slots[n] = replace(
                    state.slots[n], state=verdict.state, verdict=verdict, completed_at=now
                )
            state.cursor = replace(state.cursor, applied=applied[1])
            state.taken_off += size

    def release(self, index_id: str, epoch: int, applied: int) -> bool:
        with self._step("release"):
            state = self._mine(index_id, epoch)
            if state.head.head != applied:
                return False
            state.cursor = replace(state.cursor, lease_until=0.0)
            state.head = replace(state.head, lag_since=None)
            state.accepted = state.taken_off = 0
            return True

    def let_go(self, index_id: str, epoch: int, backoff_until: float | None = None) -> None:
        with self._step("let_go"):
            state = self._mine(index_id, epoch)
            state.cursor = replace(
                state.cursor, lease_until=0.0, backoff_until=backoff_until or 0.0
            )

    def schema(self, index_id: str) -> Schema:
        with self._step("schema"):
            return self._state(index_id).schema

    def save_schema(self, index_id: str, epoch: int, schema: Schema) -> None:
        with self._step("save_schema"):
            self._mine(index_id, epoch).schema = schema

    # --- upkeep ----------------------------------------------------------------------------------

    def set_build(self, index_id: str, epoch: int, build: int) -> None:
        with self._step("set_build"):
            state = self._mine(index_id, epoch)
            state.head = replace(state.head, build=build)

    def raise_head(self, index_id: str, n: int, now: float) -> int:
        with self._step("raise_head"):
            state = self._state(index_id)
            if state.head.head < n:
                since = now if state.head.lag_since is None else state.head.lag_since
                state.head = replace(state.head, head=n, lag_since=since)
            return state.head.head

    # --- sweep -----------------------------------------------------------------------------------

    def mark_tombstones(self, index_id: str, at: float) -> None:
        with self._step("mark_tombstones"):
            self.marks.setdefault(index_id, at)

    def tombstones_due(self, until: float) -> list[str]:
        return [index_id for index_id, at in self.marks.items() if at <= until]

    def put_off_tombstones(self, index_id: str, at: float | None) -> None:
        self.marks.pop(index_id, None)
        if at is not None:
            self.marks[index_id] = at

    def lagging(self, until: float) -> list[Due]:
        return [
            Due(index_id, state.head.lag_since)
            for index_id, state in self.indexes.items()
            if state.head.lag_since is not None and state.head.lag_since <= until
        ]


def _void(n: int) -> Task:
    return Task(
        n=n,
        kind=TaskKind.INGEST,
        caller="",
        request_id="void",
        payload=PayloadRef("", "", 0, 0),
        operations=0,
        created_at=0.0,
        state=TaskState.VOID,
    )


class _Around:
    """Faults before and after a step; what comes after it can't undo it."""

    def __init__(self, faults: Faults, point: str) -> None:
        self._faults, self._point = faults, point

    def __enter__(self) -> None:
        self._faults.at(self._point, "before")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self._faults.at(self._point, "after")


@dataclass
class EngineState:
    """One physical index. `view` is what searches see since the last refresh."""

    documents: dict[str, StoredDocument] = field(default_factory=dict)
    view: dict[str, StoredDocument] = field(default_factory=dict)
    mapping: Schema = field(default_factory=Schema)
    alias: bool = True
    cursor: int = 0


class InMemoryEngine:
    """`EngineWriter` and `EngineIndexes` in one. `refuses` says which documents it never takes,
    `refuses_field` which fields."""

    def __init__(self, faults: Faults) -> None:
        self.indexes: dict[str, EngineState] = {}
        self.refuses: Callable[[JsonObject], bool] = lambda _document: False
        self.refuses_field: Callable[[str], bool] = lambda _path: False
        self.retryable: Callable[[Write], bool] = lambda _write: False
        self.network: Callable[[str, Sequence[Write]], list[ItemResult]] = self.arrive
        self.bulks: list[list[Write]] = []
        self.problems: list[str] = []
        self._bytes: dict[tuple[str, int], bytes] = {}
        self._faults = faults

    def create(self, index_id: str = INDEX, build: int = 1, schema: Schema | None = None) -> None:
        self.indexes[index_id] = EngineState(mapping=schema or Schema())

    def _open(self, index_id: str, build: int | None = None) -> EngineState:
        state = self.indexes.get(index_id)
        if state is None or not (state.alias or build is not None):
            raise NoSuchIndex(index_id)
        return state

    # --- EngineWriter ----------------------------------------------------------------------------

    def bulk(self, index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        with _Around(self._faults, "engine.bulk"):
            return self.network(index_id, writes)

    def arrive(self, index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        """A request reaches the engine, however late."""
        state = self.indexes.get(index_id)
        if state is None or not state.alias:
            raise AliasMissing
        self.bulks.append(list(writes))
        return [self._write(state, write) for write in writes]

    def _write(self, state: EngineState, write: Write) -> ItemResult:
        if self.retryable(write):
            return ItemResult.RETRYABLE
        document = orjson.loads(write.body or b"{}")
        if self.refuses(document):  # before it looks at versions, like the engines
            return ItemResult.REJECTED
        there = state.documents.get(write.document_id)
        if there and there.version > write.version:
            return ItemResult.SUPERSEDED
        if write.body is None:
            state.documents.pop(write.document_id, None)
            return ItemResult.APPLIED
        for path in _paths(document):
            if path not in state.mapping.fields:
                self.problems.append(f"sent without a mapping: {path}")
                return ItemResult.REJECTED
        before = self._bytes.setdefault((write.document_id, write.version), write.body)
        if orjson.loads(before) != document:
            self.problems.append(f"two contents for one version: {before!r} {write.body!r}")
        state.documents[write.document_id] = StoredDocument(write.version, document)
        return ItemResult.APPLIED

    def read(
        self, index_id: str, document_ids: Sequence[str], build: int | None = None
    ) -> dict[str, StoredDocument]:
        with _Around(self._faults, "engine.read"):
            there = self._open(index_id, build).documents
            return {each: there[each] for each in document_ids if each in there}

    def refresh(self, index_id: str, build: int | None = None) -> None:
        with _Around(self._faults, "engine.refresh"):
            state = self._open(index_id, build)
            state.view = dict(state.documents)

    def matching(
        self,
        index_id: str,
        query: Mapping[str, object],
        *,
        slot: int,
        after: str | None,
        size: int,
        build: int | None = None,
    ) -> list[str]:
        """`query` is `{"word": …}`: subjects with an entry that has it anywhere."""
        with _Around(self._faults, "engine.matching"):
            word = query.get("word")
            found = []
            for each in self._open(index_id, build).view.values():
                document = each.document
                live = document[doc.LIVE] and any(
                    word in str(entry[doc.CONTENT]) for entry in document[doc.ENTRIES] if word
                )
                if live or (not document[doc.LIVE] and document.get(doc.SLOT) == slot):
                    found.append(document[doc.SUBJECT])
            return [each for each in sorted(found) if after is None or each > after][:size]

    def tombstones(self, index_id: str, size: int) -> list[tuple[str, int]]:
        with _Around(self._faults, "engine.tombstones"):
            found = [
                (each, found.version)
                for each, found in self._open(index_id).view.items()
                if not found.document[doc.LIVE]
            ]
            return sorted(found, key=lambda each: each[1])[:size]

    # --- EngineIndexes ---------------------------------------------------------------------------

    def put_fields(
        self, index_id: str, new_fields: Mapping[str, FieldType], schema: Schema
    ) -> None:
        with _Around(self._faults, "engine.put_fields"):
            state = self._open(index_id)
            for path, kind in new_fields.items():
                if self.refuses_field(path) or state.mapping.fields.get(path, kind) != kind:
                    raise MappingRefused(path)
            fields = {**state.mapping.fields, **new_fields}
            state.mapping = replace(schema, fields=fields)

    def schema(self, index_id: str) -> Schema:
        with _Around(self._faults, "engine.schema"):
            return self._open(index_id).mapping

    def write_cursor(self, index_id: str, applied: int) -> None:
        with _Around(self._faults, "engine.write_cursor"):
            state = self._open(index_id)
            state.cursor = max(applied, state.cursor)

    def cursor(self, index_id: str) -> int:
        return self._open(index_id).cursor

    def highest_version(self, index_id: str) -> int:
        there = self._open(index_id).documents.values()
        return max((each.version for each in there), default=0)

    def rebuild(self, index_id: str, build: int, schema: Schema) -> None:
        with _Around(self._faults, "engine.rebuild"):
            state = self._open(index_id)
            state.mapping, state.view = schema, dict(state.documents)

    # --- for assertions --------------------------------------------------------------------------

    def visible(self, index_id: str = INDEX) -> dict[str, dict[str | None, JsonObject]]:
        """What searches see: subject → entry id → content as it came in."""
        return {
            each.document[doc.SUBJECT]: {
                entry.get(doc.ENTRY_ID): entry.get(doc.ORIGINAL, entry[doc.CONTENT])
                for entry in each.document[doc.ENTRIES]
            }
            for each in self.indexes[index_id].view.values()
            if each.document[doc.LIVE]
        }


def _paths(document: JsonObject) -> Iterator[str]:
    for entry in document[doc.ENTRIES]:
        yield from _leaves(entry[doc.CONTENT], "")


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path


@dataclass
class World:
    """A whole write path in memory."""

    settings: ProtocolSettings = field(default_factory=ProtocolSettings)
    faults: Faults = field(default_factory=Faults)
    clock: ManualClock = field(default_factory=ManualClock)
    on_lease: Callable[[Lease], None] | None = None

    def __post_init__(self) -> None:
        self.log = InMemoryTaskLog(self.faults)
        self.payloads = InMemoryPayloads(self.faults)
        self.doorbell = InMemoryDoorbell(self.faults)
        self.engine = InMemoryEngine(self.faults)
        self.metrics = InMemoryMetrics()
        self.ids = CountedIds()
        self.task_ids = TaskIds(b"k" * 32)
        self.leases: list[Lease] = []
        self.log.create()
        self.engine.create()

    def _heart(self, lease: Lease) -> AbstractContextManager[None]:
        self.leases.append(lease)
        if self.on_lease:
            self.on_lease(lease)
        return nullcontext()

    @property
    def accept(self) -> AcceptPorts:
        return AcceptPorts(
            log=self.log,
            payloads=self.payloads,
            doorbell=self.doorbell,
            clock=self.clock,
            ids=self.ids,
            task_ids=self.task_ids,
            metrics=self.metrics,
            settings=self.settings,
        )

    @property
    def ports(self) -> DrainPorts:
        return DrainPorts(
            log=self.log,
            payloads=self.payloads,
            writer=self.engine,
            indexes=self.engine,  # type: ignore[arg-type] # the half of it that a drain uses
            doorbell=self.doorbell,
            compile_matches=lambda head, _schema, **_: {"word": head["word"]},
            read_line=read_line,
            clock=self.clock,
            ids=self.ids,
            metrics=self.metrics,
            senders=InlineExecutor,
            settings=self.settings,
            heart=self._heart,
        )

    def task(self, n: int) -> Task:
        return self.log.indexes[INDEX].slots[n]

    def states(self) -> list[str]:
        slots = self.log.indexes[INDEX].slots
        return [slots[n].state.value for n in sorted(slots)]
