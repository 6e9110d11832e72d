"""Ingest: the worker, from log to searchable, against what a user would write instead.

All contenders load the same documents into indexes of the same mapping and end with a refresh. The
worker starts from the payloads as accept writes them, outline included (docs/adr/0018), and checks,
merges, writes, refreshes and finishes; the others start from documents that are ready: Python
objects for opensearch-py's helpers, serialised bulk bodies for the raw calls. The log and the
payloads are in memory, so that the engine's side is compared with the engine's side.
"""

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import orjson
from opensearchpy import OpenSearch, helpers

from bench.documents import LONG, SHORT, Packages
from bench.log_in_memory import LoggedIndex
from bench.report import Row, at_least, compared
from garner import limits
from garner.domain import documents as doc
from garner.domain.content import CheckedContent, Checker
from garner.domain.fields import Schema
from garner.domain.operations import encode
from garner.domain.protocol import ProtocolSettings
from garner.errors import JsonObject
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes

TASK_ENTRIES = 1_000
WARM_UP = 50_000  # twice for each: the engine goes on compiling for half a million entries
REPEATED = 400_000  # entries over all attempts: a long one is its own mean
LEAST_TURNS = 2  # forth and back
SHORT_ONES = 3  # times as many repetitions of loads that take no second
_PATIENCE_SECONDS = 120  # of every contender with the engine
CONNECTIONS = ProtocolSettings().bulks_in_flight
WORKER, HELPERS, PARALLEL = "worker", "helpers.bulk", "helpers.parallel_bulk"
RAW_ONE, RAW_MANY = "raw _bulk, 1 connection", f"raw _bulk, {CONNECTIONS} connections"


@dataclass
class Load:
    """The same entries in each form that a contender starts from."""

    kilobytes: float
    payloads: list[bytes]
    documents: list[JsonObject]
    bodies: list[bytes]
    schema: Schema


def prepare(kilobytes: float, count: int) -> Load:
    checker, load = Checker(Schema()), Load(kilobytes, [], [], [], Schema())
    entries = list(Packages(kilobytes).entries(count))
    for start in range(0, count, TASK_ENTRIES):
        load.payloads.append(encode(entries[start : start + TASK_ENTRIES]))
    for entry in entries:
        checked = checker.check(entry["content"])
        assert isinstance(checked, CheckedContent)
        stored = {"visible_to": entry["visible_to"], "content": checked.indexed}
        document = {"subject": entry["subject"], "live": True, "entries": [stored]}
        load.documents.append(document)
    for start in range(0, count, limits.BULK_OPERATIONS):
        load.bodies.append(_body(load.documents[start : start + limits.BULK_OPERATIONS]))
    load.schema = Schema(dict(checker.new_fields), version=1)
    return load


def _body(documents: list[JsonObject]) -> bytes:
    lines: list[bytes] = []
    for document in documents:
        name = doc.document_id(document["subject"]).encode()
        lines += [b'{"index":{"_id":"%b"}}' % name, orjson.dumps(document)]
    return b"\n".join(lines) + b"\n"


def load_index(url: str, kilobytes: float, count: int) -> LoggedIndex:
    """An index with `count` packages in it, put there by the worker."""
    index = LoggedIndex(url)
    page: list[JsonObject] = []
    for number, entry in enumerate(Packages(kilobytes).entries(count), 1):
        page.append(entry)
        if len(page) == TASK_ENTRIES or number == count:
            index.submit(encode(page))
            page = []
    index.drain()
    return index


class Contest:
    """One engine, one load, a fresh index for every attempt."""

    def __init__(self, url: str, load: Load) -> None:
        self._url = url
        self._load = load
        self._engine = EngineClient(url)
        self._indexes = OpenSearchIndexes(self._engine)

    @property
    def count(self) -> int:
        return len(self._load.documents)

    @property
    def kilobytes(self) -> float:
        return self._load.kilobytes

    def attempts(self, what: str) -> float:
        """Entries per second, refresh included."""
        index_id = str(uuid4())
        self._indexes.create(index_id, 1, self._load.schema)
        contenders: dict[str, Callable[[str], Callable[[], None]]] = {
            WORKER: self._worker,
            HELPERS: self._helpers_bulk,
            PARALLEL: self._parallel_bulk,
            RAW_ONE: lambda index_id: self._raw(index_id, 1),
            RAW_MANY: lambda index_id: self._raw(index_id, CONNECTIONS),
        }
        run = contenders[what](index_id)
        gc.collect()
        gc.freeze()  # the loads of all contenders are not looked through for what is garbage
        started = time.perf_counter()
        run()
        rate = self.count / (time.perf_counter() - started)
        gc.unfreeze()
        assert self._indexes.stats(index_id).num_subjects == self.count
        self._indexes.drop(index_id)
        return rate

    def _worker(self, index_id: str) -> Callable[[], None]:
        index = LoggedIndex(self._url, self._load.schema, index_id=index_id, creates=False)
        for payload in self._load.payloads:
            index.submit(payload)
        return index.drain

    def _actions(self, index_id: str) -> Iterator[JsonObject]:
        alias = doc.write_alias(index_id)
        for document in self._load.documents:
            name = doc.document_id(document["subject"])
            yield {"_index": alias, "_id": name, "_source": document}

    def _helpers_bulk(self, index_id: str) -> Callable[[], None]:
        client = OpenSearch(self._url, timeout=_PATIENCE_SECONDS)

        def run() -> None:
            helpers.bulk(client, self._actions(index_id), chunk_size=limits.BULK_OPERATIONS)
            self._indexes.refresh(index_id)

        return run

    def _parallel_bulk(self, index_id: str) -> Callable[[], None]:
        client = OpenSearch(self._url, maxsize=CONNECTIONS, timeout=_PATIENCE_SECONDS)

        def run() -> None:
            outcomes = helpers.parallel_bulk(
                client,
                self._actions(index_id),
                thread_count=CONNECTIONS,
                chunk_size=limits.BULK_OPERATIONS,
            )
            assert all(fine for fine, _ in outcomes)
            self._indexes.refresh(index_id)

        return run

    def _raw(self, index_id: str, connections: int) -> Callable[[], None]:
        path = f"/{doc.write_alias(index_id)}/_bulk"

        def send(body: bytes) -> None:
            answer = self._engine.request(
                "POST", path, body, content_type="application/x-ndjson", timeout=_PATIENCE_SECONDS
            )
            assert answer.ok, answer.status

        def run() -> None:
            with ThreadPoolExecutor(connections) as pool:
                for _ in pool.map(send, self._load.bodies):
                    pass
            self._indexes.refresh(index_id)

        return run


def run(url: str, sizes: list[int], repeats: int) -> Iterator[Row]:
    """All contenders in turn, in every repetition, so that a slow moment hits all of them; in turns
    from the first to the last and back, so that nobody is always behind the same one."""
    warm = Contest(url, prepare(LONG, WARM_UP))
    contenders = (WORKER, HELPERS, PARALLEL, RAW_ONE, RAW_MANY)
    for what in (*contenders, *reversed(contenders)):
        warm.attempts(what)
    for kilobytes in (SHORT, LONG):
        at_smallest: Row | None = None
        for count in sizes:
            contest = Contest(url, prepare(kilobytes, count))
            warm.attempts(RAW_MANY)  # while a load was made the engine had a rest
            rows = _case(contest, max(LEAST_TURNS, min(SHORT_ONES * repeats, REPEATED // count)))
            worker = rows[WORKER]
            yield from rows.values()
            yield compared(worker, rows[HELPERS], at_least(1.8))
            yield compared(worker, rows[PARALLEL], at_least(1.2))
            if RAW_ONE in rows:
                yield compared(worker, rows[RAW_ONE])
            yield compared(worker, rows[RAW_MANY], at_least(0.9))
            if at_smallest:
                yield compared(worker, at_smallest, at_least(0.85))
            at_smallest = at_smallest or worker


def _case(contest: Contest, repeats: int) -> dict[str, Row]:
    count = contest.count
    contenders = [WORKER, HELPERS, PARALLEL, RAW_MANY]
    if count <= REPEATED:  # it has no bound, and a million take it six minutes
        contenders.append(RAW_ONE)
    samples: dict[str, list[float]] = {what: [] for what in contenders}
    for turn in range(repeats):
        for what in contenders[:: -1 if turn % 2 else 1]:
            samples[what].append(contest.attempts(what))
    case = f"{count:,} entries of {contest.kilobytes:g} KB"
    return {what: Row("ingest", case, what, "entries/s", rates) for what, rates in samples.items()}
