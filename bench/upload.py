"""An uploaded file on the real engine: how long it takes, and the worker's memory; then a delete by
query of all of its subjects in several turns, with a later write that waits for it (F27).

    python -m bench.upload [lines]        a million unless said otherwise

The worker is a process of its own, whose peak of resident memory is reported. Parts and pages of
the load are files on disk, as they are objects in S3 in a deployment. Ends with status 1 if the
worker needed 512 MB or more, or a count is not exact.
"""

import gzip
import json
import multiprocessing
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bench import engine
from bench.documents import SHORT, Packages
from garner.domain import operations
from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.query.request import SearchRequest
from garner.domain.slots import TaskIds
from garner.domain.tasks import NewTask, Task, TaskKind, TaskState
from garner.domain.uploads import Upload
from garner.ports.payloads import PayloadDamaged
from garner.runtime import settings
from garner.runtime.clock import RandomIds, SystemClock
from garner.runtime.container import Container
from garner.services.delete_by_query import stored_query
from garner.services.drain import DrainEnd, drain
from garner.services.submit import AcceptPorts, submit
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from tests.fakes.api import ENVIRONMENT
from tests.fakes.ingest import (
    INDEX,
    Faults,
    InMemoryDoorbell,
    InMemoryMetrics,
    InMemoryPayloads,
    InMemoryTaskLog,
)

MEMORY_MEGABYTES = 512
TURN_SECONDS = 100_000.0  # the machine, not the deadline, is what is measured
SLICE_SECONDS = 30.0  # of the delete: several turns, whatever the machine
_PIECE = 1 << 20
_DISTINCT = 20_000  # making one up takes as long as indexing it


class FolderPayloads(InMemoryPayloads):
    """Pages and uploads are files, so that the worker's memory is the worker's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Faults())
        self._folder = folder

    def put_page(self, name: str, page: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zlib.compress(page, 1))

    def page(self, name: str) -> bytes:
        path = self._folder / name
        if not path.exists():
            raise PayloadDamaged(name)
        return zlib.decompress(path.read_bytes())

    def stream(self, upload: Upload) -> Iterator[bytes]:
        with Path(upload.key).open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def write_file(path: Path, lines: int) -> None:
    """The lines that a client would upload; what they hold repeats after `_DISTINCT` of them."""
    distinct = list(Packages(SHORT).entries(min(lines, _DISTINCT)))
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(lines):
            entry = distinct[number % len(distinct)]
            entry["subject"] = f"https://packages.example.org/{number}"
            entry["content"]["author"]["email"] = f"{number}@example.org"
            file.write(orjson.dumps(entry) + b"\n")


def work(url: str, file: str, folder: str, tell: Any) -> None:
    """The worker's process: tells of the load, then of the delete."""
    worker = _Worker(url, Path(folder))
    tell.send(worker.load(file))
    tell.send(worker.delete_all())


class _Worker:
    """A worker on the real engine, with a log in memory and payloads in files."""

    def __init__(self, url: str, folder: Path) -> None:
        self._log, payloads = InMemoryTaskLog(Faults()), FolderPayloads(folder)
        self._log.create()
        client, metrics, doorbell = EngineClient(url), InMemoryMetrics(), InMemoryDoorbell(Faults())
        self._accept = AcceptPorts(
            log=self._log,
            payloads=payloads,
            doorbell=doorbell,
            clock=SystemClock(),
            ids=RandomIds(),
            task_ids=TaskIds(b"k" * 32),
            metrics=metrics,
        )
        self._container = Container(settings.load("index_worker", ENVIRONMENT))
        parts = {"task_log": self._log, "payloads": payloads, "doorbell": doorbell}
        self._container.__dict__.update(parts, metrics=metrics, engine=client)
        self._indexes = OpenSearchIndexes(client)

    def load(self, file: str) -> dict[str, Any]:
        """`{state, applied, seconds, megabytes, found, turns}` of a file."""
        upload = Upload(file, None, Path(file).stat().st_size)
        n = self._submit(TaskKind.UPLOAD, operations.encode([], {"upload": upload.to_json()}))
        started, turns = time.perf_counter(), 1
        while self._drain(TURN_SECONDS) is not DrainEnd.DONE:
            turns += 1
        return self._told(n, time.perf_counter() - started) | {"turns": turns}

    def delete_all(self) -> dict[str, Any]:
        """`{state, applied, seconds, megabytes, found, turns, waited}` of a delete by query of all
        subjects in turns of `SLICE_SECONDS`. `waited`: a later write was done after all of it."""
        query = stored_query(SearchRequest(q="*"), Caller())
        n = self._submit(TaskKind.DELETE_BY_QUERY, operations.encode([], query))
        entry = operations.upsert("later", ["public"], {"name": "later"})
        later = self._submit(TaskKind.INGEST, operations.encode([entry]), 1)
        started, turns, waited = time.perf_counter(), 1, True
        while self._drain(SLICE_SECONDS) is not DrainEnd.DONE:
            turns += 1
            ended = self._task(n).state.is_terminal
            waited = waited and (ended or self._task(later).state is TaskState.PENDING)
        told = self._told(n, time.perf_counter() - started)
        return told | {"turns": turns, "waited": waited}

    def _submit(self, kind: TaskKind, payload: bytes, operations: int = 0) -> int:
        task = NewTask(kind=kind, payload=payload, operations=operations)
        submit(INDEX, Caller(), task, ports=self._accept)
        return self._log.indexes[INDEX].head.head

    def _drain(self, seconds: float) -> DrainEnd:
        """One turn, at once or when the engine has had the time that the last one gave it."""
        time.sleep(max(0.0, self._log.indexes[INDEX].cursor.backoff_until - time.time()))
        margin = self._container.settings[settings.Draining].deadline_margin
        return drain(INDEX, ports=self._container.draining(seconds + margin))

    def _task(self, n: int) -> Task:
        return self._log.indexes[INDEX].slots[n]

    def _told(self, n: int, seconds: float) -> dict[str, Any]:
        task = self._task(n)
        return {
            "state": task.state.value,
            "applied": task.verdict.counts.applied if task.verdict else 0,
            "seconds": round(seconds, 1),
            "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024),
            "found": self._indexes.stats(INDEX).num_subjects,
        }


def measure(url: str, lines: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was told of the load and of the delete."""
    OpenSearchIndexes(EngineClient(url)).create(INDEX, 1, Schema())
    with tempfile.TemporaryDirectory(prefix="garner-upload-") as folder:
        file = Path(folder) / "lines.ndjson.gz"
        write_file(file, lines)
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")  # nothing of this process counts
        worker = context.Process(target=work, args=(url, str(file), folder, there))
        worker.start()
        there.close()  # a worker that dies ends the wait
        load, delete = _next("load", here, lines), _next("delete", here, lines)
        worker.join()
    return load, delete


def _next(what: str, here: Any, lines: int) -> dict[str, Any]:
    told: dict[str, Any] = here.recv()
    told |= {"lines": lines, "per_second": round(lines / told["seconds"])}
    print(what, json.dumps(told), flush=True)
    return told


def main() -> int:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with engine.running() as url:
        load, delete = measure(url, lines)
    whole = all(each["state"] == "SUCCESS" and each["applied"] == lines for each in (load, delete))
    exact = (load["found"], delete["found"], delete["waited"]) == (lines, 1, True)
    return 0 if whole and exact and delete["megabytes"] < MEMORY_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
