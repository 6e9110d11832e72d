"""A source in memory: pages of JSON records, read line by line, transformed in this process.

A record with `"fail": n` fails its first n transforms; with `"broken"` it can't be read; with
`"qc"` it fails quality control.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from garner.domain.harvest.records import Place, Record
from garner.domain.harvest.source import Source
from garner.errors import JsonObject, SourceFailed
from garner.ports.sources import (
    CrawlStep,
    FailedDetail,
    Inspected,
    NewRaw,
    RawFile,
    RawMeta,
    Transformed,
)
from tests.fakes.harvest import Faults


@dataclass
class Upstream:
    """What the source has to offer now."""

    pages: list[list[JsonObject]] = field(default_factory=list)
    fails: str = ""
    details_fail: int = 0


@dataclass
class PagedCrawler:
    upstream: Upstream
    faults: Faults = field(default_factory=Faults)
    calls: int = 0

    def step(
        self, source: Source, cursor: JsonObject | None, stored: Mapping[int, RawFile]
    ) -> CrawlStep:
        self.calls += 1
        self.faults.point("fetch")
        if self.upstream.fails:
            raise SourceFailed(self.upstream.fails)
        page = (cursor or {}).get("page", 0)
        done = page + 1 >= len(self.upstream.pages)
        body = b"\n".join(
            map(orjson.dumps, self.upstream.pages[page] if self.upstream.pages else ())
        )
        raw = NewRaw(RawMeta(seq=page, unit=0, attempt=0, file=page), io.BytesIO(body))
        return CrawlStep({"page": page + 1}, done, raw)

    def detail_cursor(self, cursor: JsonObject, failed: Sequence[FailedDetail]) -> JsonObject:
        self.upstream.details_fail -= 1
        return {"page": 0, "again": [[each.file, each.ordinal] for each in failed]}


@dataclass
class LineReader:
    upstream: Upstream

    def read(
        self, source: Source, raw: Sequence[RawFile], start: Place | None = None
    ) -> Iterator[Record]:
        with raw[0].open() as body:
            lines = [line for line in body.read().split(b"\n") if line]
        for ordinal, line in enumerate(lines):
            if start and ordinal < start.ordinal:
                continue
            after, where = Place(0, ordinal + 1, 0), f"line {ordinal + 1}"
            value = orjson.loads(line)
            if value.get("broken"):
                yield Record(ordinal, after, where, error="The record is broken.")
            elif value.get("deleted"):
                yield Record(ordinal, after, where, deleted=True)
            elif value.get("detail") and self.upstream.details_fail > 0:
                yield Record(ordinal, after, where, error="No detail.", detail_failed=True)
            else:
                yield Record(ordinal, after, where, value)


@dataclass
class PlainTransformers:
    """`change` is the transform, for all sources; `version` makes descriptors differ."""

    change: Callable[[JsonObject], JsonObject] = lambda value: {
        name: item for name, item in value.items() if name not in ("fail", "hide")
    }
    tried: Counter[str] = field(default_factory=Counter)
    faults: Faults = field(default_factory=Faults)

    def open(self, source: Source, document_id_path: str = "") -> "PlainTransformer":
        return PlainTransformer(self, document_id_path or source.document_id_path)

    def problems(self, source: Source) -> list[tuple[str, str]]:
        return []

    def path_problem(self, path: str) -> str | None:
        return None


class PlainTransformer:
    def __init__(self, owner: PlainTransformers, path: str) -> None:
        self._owner = owner
        self._field = path.removeprefix("$.")

    def inspect(self, records: Sequence[JsonObject]) -> list[Inspected]:
        return [
            Inspected(kept=False)
            if each.get("hidden")
            else Inspected(True, (str(each["id"]),))
            if each.get("id")
            else Inspected(True, error="The primary key is empty.")
            for each in records
        ]

    def transform(
        self, records: Sequence[JsonObject], variables: Mapping[str, str] | None = None
    ) -> list[Transformed]:
        self._owner.faults.point("transform")
        return [self._one(each) for each in records]

    def _one(self, record: JsonObject) -> Transformed:
        key = str(record["id"])
        self._owner.tried[key] += 1
        if self._owner.tried[key] <= record.get("fail", 0):
            return Transformed(error="The transform failed.")
        document = self._owner.change(record)
        if record.get("qc"):
            return Transformed(document, error="Quality control", qc_messages=("no title",))
        value = str(document.get(self._field, "")) if self._field else ""
        if self._field and not value:
            return Transformed(document, id_error="The document has no id.")
        return Transformed(document, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._owner.faults.point("close transformer")


def records(count: int, **more: Any) -> list[JsonObject]:
    return [{"id": f"r{n}", "title": f"Record {n}", **more} for n in range(count)]


def pages(rows: Sequence[JsonObject], size: int = 50) -> list[list[JsonObject]]:
    return [list(rows[n : n + size]) for n in range(0, len(rows), size)] or [[]]
