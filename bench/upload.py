"""An uploaded file on the real engine: how long it takes, and the worker's memory.

    python -m bench.upload [lines]        a million unless said otherwise

The worker is a process of its own, whose peak of resident memory is reported. Parts and pages of
the load are files on disk, as they are objects in S3 in a deployment. Ends with status 1 if the
worker needed 512 MB or more, or a line is missing.
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
from garner.domain.slots import TaskIds
from garner.domain.tasks import NewTask, TaskKind
from garner.domain.uploads import Upload
from garner.ports.payloads import PayloadDamaged
from garner.runtime import settings
from garner.runtime.clock import RandomIds, SystemClock
from garner.runtime.container import Container
from garner.services.drain import drain
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
_PIECE = 1 << 20


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
    """The lines that a client would upload."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for entry in Packages(SHORT).entries(lines):
            file.write(orjson.dumps(entry) + b"\n")


def work(url: str, file: str, folder: str, tell: Any) -> None:
    """The worker's process: applies the file, then says how it went."""
    log, payloads = InMemoryTaskLog(Faults()), FolderPayloads(Path(folder))
    log.create()
    client, metrics, doorbell = EngineClient(url), InMemoryMetrics(), InMemoryDoorbell(Faults())
    accept = AcceptPorts(
        log=log,
        payloads=payloads,
        doorbell=doorbell,
        clock=SystemClock(),
        ids=RandomIds(),
        task_ids=TaskIds(b"k" * 32),
        metrics=metrics,
    )
    upload = Upload(file, None, Path(file).stat().st_size)
    payload = operations.encode([], {"upload": upload.to_json()})
    submit(
        INDEX, Caller(), NewTask(kind=TaskKind.UPLOAD, payload=payload, operations=0), ports=accept
    )
    worker = Container(settings.load("index_worker", ENVIRONMENT))
    parts = {"task_log": log, "payloads": payloads, "doorbell": doorbell, "metrics": metrics}
    worker.__dict__.update(parts, engine=client)
    started = time.perf_counter()
    drain(INDEX, ports=worker.draining(TURN_SECONDS))
    (task,) = log.indexes[INDEX].slots.values()
    tell.send(
        {
            "state": task.state.value,
            "applied": task.verdict.counts.applied if task.verdict else 0,
            "seconds": time.perf_counter() - started,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        }
    )


def measure(url: str, lines: int) -> dict[str, Any]:
    """`{state, applied, seconds, megabytes, found}` of one load."""
    indexes = OpenSearchIndexes(EngineClient(url))
    indexes.create(INDEX, 1, Schema())
    with tempfile.TemporaryDirectory(prefix="garner-upload-") as folder:
        file = Path(folder) / "lines.ndjson.gz"
        write_file(file, lines)
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")  # nothing of this process counts
        worker = context.Process(target=work, args=(url, str(file), folder, there))
        worker.start()
        told: dict[str, Any] = here.recv()
        worker.join()
    return told | {"found": indexes.stats(INDEX).num_subjects}


def main() -> int:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with engine.running() as url:
        told = measure(url, lines)
    print(json.dumps(told | {"lines": lines, "per_second": round(lines / told["seconds"])}))
    complete = told["state"] == "SUCCESS" and told["applied"] == told["found"] == lines
    return 0 if complete and told["megabytes"] < MEMORY_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
