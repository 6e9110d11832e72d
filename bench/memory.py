"""Memory: the peak of a worker during a load, and of a function over its requests."""

import multiprocessing
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.documents import LONG, SHORT, Packages
from bench.ingest import TASK_ENTRIES
from bench.log_in_memory import LoggedIndex
from bench.report import Row
from garner.domain.operations import encode
from garner.domain.tasks import PayloadRef
from tests.fakes.ingest import Faults, InMemoryPayloads

_KEPT = 50  # payloads that are made once and come again under other subjects


def peak_megabytes() -> float:
    """Of this process since it was started. Not `ru_maxrss`: a process inherits that one."""
    status = Path("/proc/self/status").read_text("ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1_024


class MadePayloads(InMemoryPayloads):
    """Payloads that are made when they are read, so that the worker's memory is the worker's."""

    def __init__(self, kilobytes: float) -> None:
        super().__init__(Faults())
        self._pages = [
            encode(list(Packages(kilobytes, seed).entries(TASK_ENTRIES))) for seed in range(_KEPT)
        ]

    def put(self, index_id: str, payload: bytes) -> PayloadRef:
        ref = super().put(index_id, b"")
        return replace(ref, key=payload.decode(), expanded=len(self._pages[0]))

    def get(self, ref: PayloadRef) -> bytes:
        number = int(ref.key.split()[0])
        page = self._pages[number % _KEPT]
        return page.replace(b"packages.example.org/", b"packages.example.org/%d/" % number)


def _load(url: str, kilobytes: float, entries: int, tell: Any) -> None:
    index = LoggedIndex(url, payloads=MadePayloads(kilobytes))
    before = peak_megabytes()
    for number in range(entries // TASK_ENTRIES):
        index.submit(b"%d" % number + b" \n" * TASK_ENTRIES)
    index.drain()
    after = peak_megabytes()
    assert index.subjects() == entries
    index.drop()
    tell.send((before, after))


def run(url: str, sizes: list[int], _repeats: int) -> Iterator[Row]:
    context = multiprocessing.get_context("spawn")  # nothing of this process counts
    for kilobytes, size in ((SHORT, sizes[-1]), (LONG, sizes[-1] // 10)):
        here, there = context.Pipe()
        worker = context.Process(target=_load, args=(url, kilobytes, size, there))
        worker.start()
        before, after = here.recv()
        worker.join()
        case = f"{size:,} entries of {kilobytes:g} KB"
        yield Row("memory", case, "worker before it starts", "MB", [before])
        yield Row("memory", case, "worker, peak", "MB", [after])
