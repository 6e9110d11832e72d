"""Sources without a network: raw objects in memory, a fetch that answers from a table."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from garner.domain.harvest.source import CsvFormat, Source, Transform
from garner.errors import SourceFailed
from garner.ports.sources import BucketObject, CrawlStep, RawMeta


@dataclass(frozen=True)
class InMemoryRaw:
    """A `RawFile`."""

    meta: RawMeta
    body: bytes

    def open(self) -> BinaryIO:
        return io.BytesIO(self.body)


def raw_file(
    body: bytes, *, seq: int = 0, name: str = "data", attempt: int = 0, **meta: Any
) -> InMemoryRaw:
    values = {"unit": 0, "file": 0} | meta
    return InMemoryRaw(RawMeta(seq=seq, attempt=attempt, name=name, **values), body)


_SOURCE = Source(
    source_id="SCR_1-Test-RIN",
    name="Test",
    scr_id="SCR_1",
    url="https://source.test/data.csv",
    format=CsvFormat(),
    primary_key=("$.id",),
    transform=Transform("identity"),
    visible_to=("public",),
)


def source(**changes: Any) -> Source:
    """A legal CSV source with `identity` as its transform, changed as the test needs it."""
    return replace(_SOURCE, **changes)


@dataclass
class InMemoryBuckets:
    """A `BucketReader`; `objects` maps bucket → key → bytes."""

    objects: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def list(self, bucket: str, prefix: str) -> Iterator[BucketObject]:
        for key, body in sorted(self._bucket(bucket).items()):
            if key.startswith(prefix):
                yield BucketObject(key, len(body))

    def open(self, bucket: str, key: str) -> BinaryIO:
        body = self._bucket(bucket).get(key)
        if body is None:
            raise SourceFailed("There is no such object in the bucket.")
        return io.BytesIO(body)

    def _bucket(self, bucket: str) -> Mapping[str, bytes]:
        if bucket not in self.objects:
            raise SourceFailed("The bucket is not one that sources may read.")
        return self.objects[bucket]


@dataclass
class Crawled:
    """Drives a crawler to its end as the fetch worker does, without waiting."""

    raw: dict[int, InMemoryRaw] = field(default_factory=dict)
    steps: list[CrawlStep] = field(default_factory=list)

    def run(
        self, crawler: Any, of: Source, cursor: Any = None, *, at_most: int = 1_000
    ) -> "Crawled":
        for _ in range(at_most):
            step = crawler.step(of, cursor, self.raw)
            self.steps.append(step)
            if step.raw:
                with step.raw.body as body:
                    self.raw[step.raw.meta.seq] = InMemoryRaw(step.raw.meta, body.read())
            cursor = step.cursor
            if step.done:
                return self
        raise AssertionError(f"not done after {at_most} steps")
