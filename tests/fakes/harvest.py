"""The harvest's ports in memory, with a point before and after each write where a worker can die.

Everything is stored as JSON text, as in the real table, so that nothing is shared by reference.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, BinaryIO

import orjson

from garner.domain.fields import Schema
from garner.domain.harvest.control import RegisteredSource, SystemStatus
from garner.domain.harvest.requests import LogRow, ProcessRequest, RequestType
from garner.domain.harvest.run import Phase, Run
from garner.domain.harvest.tables import IndexName, Statistics, SystemRow, Target
from garner.errors import Conflict, GarnerError, JsonObject, NotFound, TooManyRequests
from garner.ports.harvest import Part, PartOutcome
from garner.ports.runs import LeaseLost, Markers
from garner.ports.sources import RawMeta


class Killed(BaseException):
    """A worker dies here. Not an `Exception`: no handler of the product may catch it."""


@dataclass
class Faults:
    """Counts the points that a worker passes and kills it at the one that was asked for."""

    kill_at: int | None = None
    passed: list[str] = field(default_factory=list)

    def point(self, name: str) -> None:
        self.passed.append(name)
        if self.kill_at is not None and len(self.passed) == self.kill_at:
            raise Killed(name)


@dataclass
class ManualClock:
    time: float = 1_800_000_000.0
    tick: float = 0.0

    def seconds(self) -> float:
        self.time += self.tick
        return self.time

    def now(self) -> Any:
        from datetime import UTC, datetime  # noqa: PLC0415

        return datetime.fromtimestamp(self.time, UTC)

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class CountingIds:
    count: int = 0

    def uuid(self) -> str:
        self.count += 1
        return f"00000000-0000-4000-8000-{self.count:012x}"

    def token(self) -> str:
        return self.uuid().replace("-", "")

    def jitter(self) -> float:
        return 0.5


class InMemoryTable:
    """All rows of the controller, shared by the stores below."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.rows: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.faults = faults or Faults()

    def get(self, kind: str, key: str) -> Any:
        data = self.rows[kind].get(key)
        return orjson.loads(data) if data is not None else None

    def write(self, name: str, *rows: tuple[str, str, Any]) -> None:
        self.faults.point(f"before {name}")
        for kind, key, value in rows:
            self.rows[kind][key] = orjson.dumps(value)
        self.faults.point(f"after {name}")

    def all(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
        for key in sorted(each for each in self.rows[kind] if each.startswith(prefix)):
            yield key, orjson.loads(self.rows[kind][key])


class InMemorySourceRegistry:
    def __init__(self, table: InMemoryTable) -> None:
        self.table = table

    def get(self, source_id: str) -> RegisteredSource | None:
        document = self.table.get("source", source_id)
        return RegisteredSource.from_json(document) if document else None

    def list(self) -> list[RegisteredSource]:
        return [RegisteredSource.from_json(each) for _, each in self.table.all("source")]

    def create(self, source: RegisteredSource) -> bool:
        if self.get(source.source_id):
            return False
        self.table.write("create source", ("source", source.source_id, source.to_json()))
        return True

    def change(
        self, source_id: str, change: Callable[[RegisteredSource], RegisteredSource]
    ) -> RegisteredSource:
        source = self.get(source_id)
        if source is None:
            raise NotFound(f"There is no source {source_id}")
        changed = replace(change(source), revision=source.revision + 1)
        self.table.write("change source", ("source", source_id, changed.to_json()))
        return changed

    def delete(self, source: RegisteredSource) -> bool:
        stored = self.get(source.source_id)
        if stored is None or stored.revision != source.revision:
            return False
        del self.table.rows["source"][source.source_id]
        return True

    def start(self, source: RegisteredSource, request: ProcessRequest, run: Run) -> bool:
        stored = self.get(source.source_id)
        if stored is None or stored.revision != source.revision:
            return False
        if InMemorySystem(self.table).status() is SystemStatus.PAUSED:
            return False
        self.table.write(
            "start",
            ("source", source.source_id, replace(source, revision=source.revision + 1).to_json()),
            ("request", request.request_id, request.to_json()),
            ("run", run.run_id, run.to_json()),
        )
        return True


class InMemoryIndexNames:
    def __init__(self, table: InMemoryTable) -> None:
        self.table = table

    def get(self, name: str) -> IndexName | None:
        found = self.table.get("name", name)
        return IndexName(found[0], found[1], tuple(found[2])) if found else None

    def list(self, index_id: str) -> list[IndexName]:
        rows = [IndexName(a, b, tuple(c)) for _, (a, b, c) in self.table.all("name")]
        return [row for row in rows if row.index_id == index_id]

    def put(self, row: IndexName) -> bool:
        stored = self.get(row.name)
        if stored and stored.index_id != row.index_id:
            return False
        self._write(row)
        return True

    def move(self, row: IndexName, *, expected: str) -> bool:
        stored = self.get(row.name)
        if stored is None or stored.index_id != expected:
            return False
        self._write(row)
        return True

    def delete(self, row: IndexName) -> bool:
        return self.table.rows["name"].pop(row.name, None) is not None

    def _write(self, row: IndexName) -> None:
        self.table.write("index name", ("name", row.name, [row.name, row.index_id, row.sources]))


class InMemoryTargets:
    def __init__(self, table: InMemoryTable) -> None:
        self.table = table

    def get(self, source_id: str, index_id: str) -> Target:
        found = self.table.get("target", f"{source_id} {index_id}")
        return Target(**found) if found else Target(source_id=source_id, index_id=index_id)

    def list(self, source_id: str) -> list[Target]:
        rows = [Target(**each) for _, each in self.table.all("target")]
        return [row for row in rows if row.source_id == source_id]

    def replace(self, target: Target) -> bool:
        if self.get(target.source_id, target.index_id).version != target.version - 1:
            return False
        key = f"{target.source_id} {target.index_id}"
        self.table.write("target", ("target", key, asdict(target)))
        return True


class InMemorySystem:
    def __init__(self, table: InMemoryTable) -> None:
        self.table = table

    def status(self) -> SystemStatus:
        return SystemStatus(self.table.get("system", "status") or SystemStatus.ALL_CLEAR)

    def rows(self) -> list[SystemRow]:
        rows = [
            SystemRow(number, SystemStatus(status), opened, recovered)
            for number, status, opened, recovered in self.table.get("system", "rows") or []
        ]
        return rows[::-1]

    def enter(self, status: SystemStatus, now: float) -> None:
        rows = self.table.get("system", "rows") or []
        rows.append([len(rows), status.value, now, None])
        self.table.write("system", ("system", "status", status.value), ("system", "rows", rows))

    def leave(self, expected: frozenset[SystemStatus], status: SystemStatus, now: float) -> bool:
        if self.status() not in expected:
            return False
        rows = [
            [number, old, opened, now if recovered is None else recovered]
            for number, old, opened, recovered in self.table.get("system", "rows") or []
        ]
        self.table.write("system", ("system", "status", status.value), ("system", "rows", rows))
        return True


class InMemoryRuns:
    def __init__(self, table: InMemoryTable) -> None:
        self.table = table

    def get(self, run_id: str) -> Run | None:
        document = self.table.get("run", run_id)
        return Run.from_json(document) if document else None

    def lease(self, run_id: str, *, now: float, seconds: float) -> Run | None:
        run = self.get(run_id)
        if run is None or run.phase is Phase.DONE or run.lease_until > now:
            return None
        run.fence += 1
        run.slices += 1
        run.stalls += 1
        run.lease_until = now + seconds
        self.table.write("lease", ("run", run_id, run.to_json()))
        return run

    def save(self, run: Run, markers: Markers | None = None) -> None:
        self._check(run)
        run.stalls = 0
        self.table.write(
            "save", ("run", run.run_id, run.to_json()), *_marker_rows(run.run_id, markers or {})
        )

    def renew(self, run: Run) -> None:
        stored = self._check(run)
        stored.lease_until = run.lease_until
        self.table.write("renew", ("run", run.run_id, stored.to_json()))

    def marker(self, run_id: str, kind: str, unit: int) -> JsonObject | None:
        found: JsonObject | None = self.table.get("marker", f"{run_id} {kind} {unit:08d}")
        return found

    def markers(self, run_id: str, kind: str) -> dict[int, JsonObject]:
        start = f"{run_id} {kind} "
        return {
            int(key.removeprefix(start)): value for key, value in self.table.all("marker", start)
        }

    def revoke(self, run_id: str) -> Run | None:
        run = self.get(run_id)
        if run is None:
            return None
        run.fence += 1
        run.end()
        self.table.write("revoke", ("run", run_id, run.to_json()))
        return run

    def finish(
        self, run: Run, request: ProcessRequest, source: RegisteredSource, statistics: Statistics
    ) -> None:
        self._check(run)
        stored = InMemorySourceRegistry(self.table).get(source.source_id)
        if stored is None or stored.revision != source.revision:
            raise Conflict("The source changed")
        self.table.write(
            "finish",
            ("run", run.run_id, run.to_json()),
            ("request", request.request_id, request.to_json()),
            ("source", source.source_id, replace(source, revision=source.revision + 1).to_json()),
            ("expiry", run.run_id, statistics.at + 90 * 86_400),
            (
                "statistics",
                f"{source.source_id} {statistics.import_id:020d}",
                asdict(statistics),
            ),
        )

    def due(self, now: float) -> list[Run]:
        runs = [Run.from_json(each) for _, each in self.table.all("run")]
        return [run for run in runs if run.phase is not Phase.DONE and run.due_at <= now]

    def expired(self, now: float) -> list[Run]:
        ends = dict(self.table.all("expiry"))
        return [
            run for run_id, at in ends.items() if at and at <= now and (run := self.get(run_id))
        ]

    def expire(self, run_id: str, *, again_at: float | None) -> None:
        self.table.write("expiry", ("expiry", run_id, again_at))

    def _check(self, run: Run) -> Run:
        stored = self.get(run.run_id)
        if stored is None or stored.fence != run.fence or stored.phase is Phase.DONE:
            raise LeaseLost
        return stored


class InMemoryRequestLog:
    def __init__(self, table: InMemoryTable) -> None:
        self.table = table

    def get(self, request_id: str) -> ProcessRequest | None:
        document = self.table.get("request", request_id)
        return ProcessRequest.from_json(document) if document else None

    def put(self, request: ProcessRequest) -> None:
        self.table.write("request", ("request", request.request_id, request.to_json()))

    def latest(
        self, source_id: str, limit: int, *, kind: RequestType | None = None
    ) -> list[ProcessRequest]:
        found = [ProcessRequest.from_json(each) for _, each in self.table.all("request")]
        found = [each for each in found if each.source_id == source_id]
        found = [each for each in found if kind in (None, each.type)]
        return sorted(found, key=lambda r: (r.created_at, r.request_id), reverse=True)[:limit]

    def write(self, row: LogRow) -> None:
        self.table.write("log", ("log", f"{row.request_id} {row.number:04d}", row.to_json()))

    def rows(self, request_id: str) -> list[LogRow]:
        return [LogRow.from_json(each) for _, each in self.table.all("log", f"{request_id} ")]

    def statistics(self, source_id: str, limit: int) -> list[Statistics]:
        rows = [Statistics(**each) for _, each in self.table.all("statistics", f"{source_id} ")]
        return rows[::-1][:limit]


def _marker_rows(run_id: str, markers: Markers) -> list[tuple[str, str, Any]]:
    return [
        ("marker", f"{run_id} {kind} {unit:08d}", value) for (kind, unit), value in markers.items()
    ]


@dataclass
class MemoryRawFile:
    meta: RawMeta
    body: bytes

    def open(self) -> BinaryIO:
        return io.BytesIO(self.body)


class InMemoryStage:
    def __init__(self, faults: Faults | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults = faults or Faults()
        self.reads = 0

    def put(self, key: str, body: bytes) -> None:
        self.faults.point(f"before put {key}")
        self.objects[key] = bytes(body)
        self.faults.point(f"after put {key}")

    def get(self, key: str) -> bytes:
        self.reads += 1
        return self.objects[key]

    def get_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        self.reads += len(ranges)
        return [self.objects[key][start : start + size] for key, start, size in ranges]

    def put_raw(self, key: str, body: BinaryIO) -> None:
        self.put(key, body.read())

    def raw(self, key: str, meta: RawMeta) -> MemoryRawFile:
        return MemoryRawFile(meta, self.objects[key])

    def delete_prefix(self, prefix: str) -> None:
        for key in [key for key in self.objects if key.startswith(prefix)]:
            del self.objects[key]


class InMemoryPublisher:
    """An index with its log: every part is applied at once, or when `hold` is taken away."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.parts: dict[str, Part] = {}
        self.log: list[str] = []
        self.slots: list[tuple[str, str | None, JsonObject | None]] = []
        self.entries: dict[str, dict[tuple[str, str | None], JsonObject]] = defaultdict(dict)
        self.rejects: set[str] = set()
        self.busy = 0
        self.hold = False
        self.known = Schema()

    def submit(self, part: Part) -> str:
        if self.busy:
            self.busy -= 1
            raise TooManyRequests("Too many tasks are waiting", 7)
        self.faults.point("before submit")
        if part.key not in self.parts:
            self.parts[part.key] = part
            self.log.append(part.key)
            self._apply(part)
        assert self.parts[part.key] == part, "same key, other body"
        self.faults.point("after submit")
        return part.key

    def outcomes(self, index_id: str, task_ids: Sequence[str]) -> list[PartOutcome]:
        return [self._outcome(self.parts[task_id]) for task_id in task_ids]

    def schema(self, index_id: str) -> Schema:
        return self.known

    def _apply(self, part: Part) -> None:
        index = self.entries[part.index_id]
        contents: Sequence[JsonObject | None] = part.contents or [None] * len(part.subjects)
        for subject, content in zip(part.subjects, contents, strict=True):
            if subject in self.rejects:
                continue
            self.slots.append((subject, part.entry_id, content))
            if content is None:
                index.pop((subject, part.entry_id), None)
            else:
                index[subject, part.entry_id] = content

    def _outcome(self, part: Part) -> PartOutcome:
        if self.hold:
            return PartOutcome("waiting")
        rejected = tuple(n for n, s in enumerate(part.subjects) if s in self.rejects)
        if not rejected:
            return PartOutcome("applied")
        return PartOutcome("failed", rejected, reason="1 entry was refused")


class InMemoryAlerts:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, subject: str, message: str) -> None:
        self.sent.append((subject, message))


class InMemoryBell:
    def __init__(self) -> None:
        self.rung: list[tuple[str, bool, float]] = []

    def ring(self, run_id: str, *, fetch: bool, delay: float = 0.0) -> None:
        self.rung.append((run_id, fetch, delay))


class InMemorySchedules:
    def __init__(self) -> None:
        self.schedules: dict[str, tuple[int, JsonObject]] = {}
        self.fails = False

    def put(self, source_id: str, *, hours: int, request: JsonObject) -> None:
        if self.fails:
            raise GarnerError("The scheduler is away")
        self.schedules[source_id] = hours, request

    def delete(self, source_id: str) -> None:
        self.schedules.pop(source_id, None)
