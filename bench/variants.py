"""What each choice on the way of an ingest is worth: the worker as it is, and with one thing else.

    python -m bench variants --sizes 50000

Not a comparison with anybody: the numbers behind docs/adr/0017.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from unittest import mock

from bench.documents import SHORT
from bench.ingest import Load, prepare
from bench.log_in_memory import LoggedIndex
from bench.report import Row, compared
from garner.domain.tasks import PayloadRef
from garner.services.drain import judge
from garner.storage.opensearch.bulk import OpenSearchWriter
from tests.fakes.ingest import Faults, InMemoryPayloads

AS_IT_IS = "as it is"
READ_SECONDS = 0.02  # of a payload from an object store

Variant = Callable[[LoggedIndex], AbstractContextManager[Any]]
"""Changes a worker before it starts; what it returns holds while it works."""


def in_flight(bulks: int) -> Variant:
    def change(index: LoggedIndex) -> AbstractContextManager[Any]:
        index.ports = replace(index.ports, senders=lambda: ThreadPoolExecutor(bulks, "bulk"))
        return nullcontext()

    return change


def compressed(index: LoggedIndex) -> AbstractContextManager[Any]:
    index.ports = replace(index.ports, writer=OpenSearchWriter(index.engine, compress=True))
    return nullcontext()


def new_checker_each_task(_: LoggedIndex) -> AbstractContextManager[Any]:
    def fresh(self: judge.Judge, schema: Any, declared: Any) -> judge.Checker:
        return judge.Checker(schema, declared)

    return mock.patch.object(judge.Judge, "_checker_for", fresh)


def json_of_the_standard_library(_: LoggedIndex) -> AbstractContextManager[Any]:
    """For the lines that are read and the entries that are written."""

    class Standard:
        loads = staticmethod(json.loads)

        @staticmethod
        def dumps(value: object) -> bytes:
            return json.dumps(value, separators=(",", ":")).encode()

    modules = ("garner.services.drain.judge", "garner.domain.operations")
    patches = [mock.patch(f"{module}.orjson", Standard) for module in modules]

    class All(AbstractContextManager[None]):
        def __enter__(self) -> None:
            for patch in patches:
                patch.start()

        def __exit__(self, *_: object) -> None:
            for patch in patches:
                patch.stop()

    return All()


class SlowPayloads(InMemoryPayloads):
    def get(self, ref: PayloadRef) -> bytes:
        time.sleep(READ_SECONDS)
        return super().get(ref)


def payloads_are_far(index: LoggedIndex) -> AbstractContextManager[Any]:
    return nullcontext()


def payloads_are_far_and_read_one_by_one(index: LoggedIndex) -> AbstractContextManager[Any]:
    def when_needed(self: Any, tasks: Any) -> dict[int, Any]:
        class Later:
            def __init__(self, ref: PayloadRef) -> None:
                self.result = lambda: index.payloads.get(ref)

        return {task.n: Later(task.payload) for task in tasks}

    return mock.patch("garner.services.drain.worker.Worker.payloads_of", when_needed)


VARIANTS: Mapping[str, Variant] = {
    AS_IT_IS: lambda _: nullcontext(),
    "1 bulk in flight": in_flight(1),
    "2 bulks in flight": in_flight(2),
    "4 bulks in flight": in_flight(4),
    "bulks compressed": compressed,
    "a new checker for each task": new_checker_each_task,
    "json instead of orjson": json_of_the_standard_library,
    f"payloads {1_000 * READ_SECONDS:g} ms away": payloads_are_far,
    "the same, read when needed": payloads_are_far_and_read_one_by_one,
}


def run(url: str, sizes: list[int], repeats: int) -> Iterator[Row]:
    load = prepare(SHORT, sizes[0])
    rates: dict[str, list[float]] = {what: [] for what in VARIANTS}
    _rate(url, load, VARIANTS[AS_IT_IS])
    for _ in range(repeats):
        for what, variant in VARIANTS.items():
            rates[what].append(_rate(url, load, variant))
    case = f"{sizes[0]:,} entries of {SHORT:g} KB"
    rows = {what: Row("variants", case, what, "entries/s", each) for what, each in rates.items()}
    yield rows[AS_IT_IS]
    for what, row in rows.items():
        if what != AS_IT_IS:
            yield compared(row, rows[AS_IT_IS])


def _rate(url: str, load: Load, variant: Variant) -> float:
    far = variant in (payloads_are_far, payloads_are_far_and_read_one_by_one)
    payloads = (SlowPayloads if far else InMemoryPayloads)(Faults())
    index = LoggedIndex(url, load.schema, payloads)
    for payload in load.payloads:
        index.submit(payload)
    with variant(index):
        started = time.perf_counter()
        index.drain()
        rate = len(load.documents) / (time.perf_counter() - started)
    index.drop()
    return rate
