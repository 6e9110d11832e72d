"""A million records through every step of an update, in slices, with workers that are killed.

    python -m bench.harvest --rows 1000000 --kills 5 --slice-seconds 5

A worker process is started, works for one slice at a time, and is killed with SIGKILL at random
moments after its first slices; the next one goes on. Objects are files, the table and the index's
log are SQLite, so that what survives a kill is what was written. The counts at the end are held
against a plain count of the generated rows, and the largest resident size of any worker (its
transform process included) is printed. Three updates: all rows, the same again, and one with a
thousandth of the rows changed.
"""

import argparse
import hashlib
import multiprocessing
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from garner.domain.fields import Schema
from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import Parameters, RequestType
from garner.domain.harvest.run import Phase
from garner.domain.harvest.source import CsvFormat, Source, Transform
from garner.domain.harvest.tables import IndexName
from garner.errors import JsonObject
from garner.ports.harvest import Part, PartOutcome
from garner.ports.sources import CrawlStep, NewRaw, RawFile, RawMeta
from garner.runtime.clock import RandomIds, SystemClock
from garner.services.harvest.fetch import FetchTools, run_fetch
from garner.services.harvest.job import Tools
from garner.services.harvest.run_harvest import run_harvest
from garner.services.start_workflow import start_workflow
from garner.sources.readers.reader import StreamingReader
from garner.sources.transform.process import SandboxTransformers
from tests.fakes import harvest as fakes

SOURCE, INDEX, NAME = "BENCH", "11111111-1111-4111-8111-111111111111", "bench"
PIECE_ROWS = 50_000


class SqliteTable(fakes.InMemoryTable):
    """The controller's rows in a file; each write is one transaction."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS t (kind, key, data, PRIMARY KEY (kind, key))")

    def get(self, kind: str, key: str) -> Any:
        found = self._db.execute("SELECT data FROM t WHERE kind=? AND key=?", (kind, key))
        row = found.fetchone()
        return orjson.loads(row[0]) if row else None

    def write(self, name: str, *rows: tuple[str, str, Any]) -> None:
        values = [(kind, key, orjson.dumps(value)) for kind, key, value in rows]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT OR REPLACE INTO t VALUES (?, ?, ?)", values)
        self._db.execute("COMMIT")

    def all(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
        query = "SELECT key, data FROM t WHERE kind=? AND key>=? AND key<? ORDER BY key"
        for key, data in self._db.execute(query, (kind, prefix, prefix + "\U0010ffff")).fetchall():
            yield key, orjson.loads(data)


@dataclass(frozen=True)
class FileRaw:
    meta: RawMeta
    path: Path

    def open(self) -> BinaryIO:
        return self.path.open("rb")


class FileStage:
    """Objects as files, each put in one step."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, body: bytes) -> None:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(body)
        part.replace(path)

    def get(self, key: str) -> bytes:
        return (self._root / key).read_bytes()

    def get_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        found = []
        for key, first, length in ranges:
            with (self._root / key).open("rb") as file:
                file.seek(first)
                found.append(file.read(length))
        return found

    def put_raw(self, key: str, body: BinaryIO) -> None:
        self.put(key, body.read())

    def raw(self, key: str, meta: RawMeta) -> FileRaw:
        return FileRaw(meta, self._root / key)

    def delete_prefix(self, prefix: str) -> None:
        raise NotImplementedError("nothing expires here")


class CountingPublisher:
    """The index's log: which part came with which content, once."""

    def __init__(self, table: SqliteTable) -> None:
        self._table = table

    def submit(self, part: Part) -> str:
        body = orjson.dumps([part.subjects, part.contents])
        digest = hashlib.sha256(body).hexdigest()
        known = self._table.get("part", part.key)
        if known is not None and known[0] != digest:
            raise AssertionError(f"part {part.key} came twice with different content")
        self._table.write("part", ("part", part.key, [digest, len(part.subjects)]))
        return part.key

    def outcomes(self, index_id: str, task_ids: Sequence[str]) -> list[PartOutcome]:
        return [PartOutcome("applied") for _ in task_ids]

    def schema(self, index_id: str) -> Schema:
        return Schema()

    def entries(self) -> int:
        return sum(count for _, (_, count) in self._table.all("part"))


class GeneratedCrawler:
    """One CSV file in pieces of fifty thousand rows."""

    def __init__(self, rows: int, changed: int) -> None:
        self._rows, self._changed = rows, changed

    def step(
        self, source: Source, cursor: JsonObject | None, stored: Mapping[int, RawFile]
    ) -> CrawlStep:
        piece = (cursor or {}).get("piece", 0)
        first, end = piece * PIECE_ROWS, min((piece + 1) * PIECE_ROWS, self._rows)
        body = tempfile.SpooledTemporaryFile(max_size=1 << 16)  # noqa: SIM115 - its reader closes it
        if piece == 0:
            body.write(b"id,name,weight,description\n")
        body.writelines(self._line(number) for number in range(first, end))
        body.seek(0)
        raw = NewRaw(RawMeta(seq=piece, unit=0, attempt=0, file=0, piece=piece), body)  # type: ignore[arg-type]
        return CrawlStep({"piece": piece + 1}, end == self._rows, raw)

    def _line(self, number: int) -> bytes:
        version = "b" if number < self._changed else "a"
        text = (
            f"{number},Record {number},{number % 977}.5,{version} {'description ' * 20}{number}\n"
        )
        return text.encode()

    def detail_cursor(self, cursor: JsonObject, failed: object) -> JsonObject:
        raise NotImplementedError("no details here")


def describe(descriptor: JsonObject) -> Source:
    return Source(
        source_id=SOURCE,
        name="Benchmark",
        scr_id="SCR_0",
        url="https://source.test/data.csv",
        format=CsvFormat(),
        primary_key=("$.id",),
        transform=Transform(descriptor["language"], descriptor["script"]),
        visible_to=("public",),
        field_quota=100,
    )


class Bench:
    """One process's view of what is on disk."""

    def __init__(self, root: Path) -> None:
        self.table = SqliteTable(root / "table.sqlite")
        self.stage = FileStage(root)
        self.runs = fakes.InMemoryRuns(self.table)
        self.sources = fakes.InMemorySourceRegistry(self.table)
        self.names = fakes.InMemoryIndexNames(self.table)
        self.requests = fakes.InMemoryRequestLog(self.table)
        self.publisher = CountingPublisher(self.table)
        self.bell = fakes.InMemoryBell()

    def slice(self, run_id: str, seconds: float, rows: int, changed: int) -> None:
        run = self.runs.get(run_id)
        assert run
        common: dict[str, Any] = {
            "runs": self.runs,
            "stage": self.stage,
            "bell": self.bell,
            "clock": SystemClock(),
            "describe": describe,
        }
        if run.phase is Phase.FETCH:
            crawler = GeneratedCrawler(rows, changed)
            run_fetch(run_id, budget=seconds, tools=FetchTools(crawler=crawler, **common))
            return
        tools = Tools(
            sources=self.sources,
            names=self.names,
            targets=fakes.InMemoryTargets(self.table),
            requests=self.requests,
            reader=StreamingReader(),
            transformers=SandboxTransformers(),
            publisher=self.publisher,
            alerts=fakes.InMemoryAlerts(),
            **common,
        )
        run_harvest(run_id, budget=seconds, tools=tools)


def worker(root: str, run_id: str, options: argparse.Namespace, changed: int, out: Any) -> None:
    """Slices until the run is over. Reports the phase and the largest resident size after each."""
    bench = Bench(Path(root))
    while True:
        bench.slice(run_id, options.slice_seconds, options.rows, changed)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        run = bench.runs.get(run_id)
        assert run
        out.put((run.phase.value, own + children))
        if run.phase is Phase.DONE:
            return


def update(root: Path, options: argparse.Namespace, changed: int, kills: int) -> tuple[int, float]:
    """One update with `kills` kills; its largest resident size in KB, and the seconds it took."""
    bench = Bench(root)
    run_id = start_workflow(
        RequestType.UPDATE,
        SOURCE,
        lambda: (Parameters(index_name=NAME), 4),
        sources=bench.sources,
        system=fakes.InMemorySystem(bench.table),
        requests=bench.requests,
        bell=bench.bell,
        clock=SystemClock(),
        ids=RandomIds(),
    )
    started, peak, hits, slices = time.monotonic(), 0, [], 0
    context = multiprocessing.get_context("spawn")
    while True:
        out: Any = context.SimpleQueue()
        arguments = (str(root), run_id, options, changed, out)
        process = context.Process(target=worker, args=arguments)
        process.start()
        wanted = random.randint(1, options.kill_within) if len(hits) < kills else None
        while process.is_alive() and (wanted is None or wanted > 0):
            process.join(0.05)
            while not out.empty():
                peak, slices = max(peak, out.get()[1]), slices + 1
                wanted = wanted and wanted - 1
        if process.is_alive():
            process.join(random.uniform(0, options.slice_seconds))
            process.kill()
            process.join()
        while not out.empty():
            peak, slices = max(peak, out.get()[1]), slices + 1
        run = bench.runs.get(run_id)
        assert run
        if run.phase is Phase.DONE:
            break
        hits.append(run.phase.value)
        _let_the_lease_run_out(bench, run_id)
    seconds = time.monotonic() - started
    request = bench.requests.get(run_id)
    assert request
    print(
        f"{request.state} in {seconds:.0f} s, {slices} slices, killed in: {', '.join(hits) or '-'}"
    )
    print(f"  {request.message}{orjson.dumps(request.counts).decode()}", flush=True)
    return peak, seconds


def _let_the_lease_run_out(bench: Bench, run_id: str) -> None:
    """Instead of waiting two minutes for it."""
    run = bench.runs.get(run_id)
    assert run
    run.lease_until = 0.0
    bench.table.write("lease", ("run", run_id, run.to_json()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--slice-seconds", type=float, default=5.0)
    parser.add_argument("--kill-within", type=int, default=8, help="slices that a worker lives")
    parser.add_argument("--jsonata", default="", help="a transform; without one, identity")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-harvest-") as folder:
        return _story(Path(folder), options)


def _story(root: Path, options: argparse.Namespace) -> int:
    bench = Bench(root)
    language = "jsonata" if options.jsonata else "identity"
    plain = RegisteredSource(source_id=SOURCE, descriptor={}, created_at=1.0, changed_at=1.0)
    descriptor = {"language": language, "script": options.jsonata}
    bench.sources.create(replace(plain, descriptor=descriptor))
    bench.names.put(IndexName(NAME, INDEX, (SOURCE,)))
    rows, changed = options.rows, options.rows // 1_000
    expected = [(rows, 0, 0, rows), (0, rows, 0, 0), (0, rows - changed, changed, changed)]
    peak, failures = 0, 0
    for number, (new, same, change, indexed) in enumerate(expected):
        before = bench.publisher.entries()
        kills = options.kills if number == 0 else 0
        size, _ = update(root, options, changed if number == 2 else 0, kills)
        peak = max(peak, size)
        counts = bench.requests.latest(SOURCE, 1)[0].counts
        found = [counts.get(name) for name in ("newCount", "sameCount", "changeCount")]
        published = bench.publisher.entries() - before
        if (*found, published) != (new, same, change, indexed):
            failures += 1
            print(f"  WRONG: expected {(new, same, change, indexed)}, found {(*found, published)}")
    print(f"largest resident size of a worker: {peak / 1024:.0f} MB (limit 512)")
    return int(failures > 0 or peak > 512 * 1024)


if __name__ == "__main__":
    sys.exit(main())
