"""Try a source: its first records raw, transformed and checked. Nothing is stored.

Controller contract 4.8; the caller brings ports that write nowhere.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from garner.domain.harvest.records import Record, default_document_id, joined_key
from garner.domain.harvest.source import Source
from garner.errors import JsonObject, SourceFailed
from garner.limits import MAX_SAMPLE_RECORDS
from garner.ports.clock import Clock
from garner.ports.sources import (
    Crawler,
    HeldRaw,
    Inspected,
    RawFile,
    RecordReader,
    Transformer,
    Transformers,
    current_files,
)


@dataclass(frozen=True, slots=True)
class SampledRecord:
    """One record of a sample; `error` says what would keep it out of the index."""

    where: str
    raw: JsonObject | None = None
    primary_key: str = ""
    document: JsonObject | None = None
    subject: str = ""
    error: str = ""
    qc_messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """`complete` is False where time ran out before `size` records; `filtered` and `deleted` count
    records passed over. `failure` is why the crawl could not go on, after these records."""

    records: tuple[SampledRecord, ...]
    filtered: int
    deleted: int
    complete: bool
    failure: str = ""


def sample_source(
    source: Source,
    size: int,
    *,
    crawler: Crawler,
    reader: RecordReader,
    transformers: Transformers,
    clock: Clock,
    budget_seconds: float,
    document_id_path: str = "",
) -> Sample:
    """The first `size` records that the source's filter keeps, at most `MAX_SAMPLE_RECORDS`."""
    wanted = max(1, min(size, MAX_SAMPLE_RECORDS))
    # A filter may drop most of a page, so only without one is the crawl itself cut short.
    limit = None if source.record_filter else wanted
    crawl = _Crawl(replace(source, sample_size=limit), crawler, clock, budget_seconds)
    taken = _Taken(wanted)
    path = document_id_path or source.document_id_path
    with ExitStack() as stack:
        transformer = stack.enter_context(transformers.open(source, path))
        stack.callback(crawl.close)
        for file in crawl.files():
            for record in reader.read(source, file):
                taken.add(source, record, transformer)
                if taken.is_full:
                    return taken.sample(complete=True)
    return taken.sample(complete=crawl.is_done, failure=crawl.failure)


@dataclass
class _Taken:
    wanted: int
    records: list[SampledRecord] = field(default_factory=list)
    filtered: int = 0
    deleted: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.records) >= self.wanted

    def add(self, source: Source, record: Record, transformer: Transformer) -> None:
        if record.deleted:
            self.deleted += 1
            return
        if record.value is None:
            self.records.append(SampledRecord(record.where, error=record.error))
            return
        (inspected,) = transformer.inspect([record.value])
        if not inspected.kept:
            self.filtered += 1
            return
        self.records.append(_sampled(source, record, inspected, transformer))

    def sample(self, *, complete: bool, failure: str = "") -> Sample:
        return Sample(tuple(self.records), self.filtered, self.deleted, complete, failure)


def _sampled(
    source: Source, record: Record, inspected: Inspected, transformer: Transformer
) -> SampledRecord:
    assert record.value is not None
    (result,) = transformer.transform([record.value])
    key = joined_key(inspected.key) if inspected.key else ""
    subject = result.document_id
    if key and result.document and not subject and not result.id_error:
        subject = default_document_id(source.source_id, inspected.key)
    return SampledRecord(
        where=record.where,
        raw=record.value,
        primary_key=key,
        document=result.document,
        subject=subject,
        error=inspected.error or result.error or result.id_error,
        qc_messages=result.qc_messages,
    )


class _Crawl:
    """The crawl of a sample, held in temporary files."""

    def __init__(self, source: Source, crawler: Crawler, clock: Clock, budget: float) -> None:
        self._source = source
        self._crawler = crawler
        self._clock = clock
        self._deadline = clock.seconds() + budget
        self._held: dict[int, RawFile] = {}
        self._bodies: list[BinaryIO] = []
        self.is_done = False
        self.failure = ""

    def files(self) -> Iterator[list[RawFile]]:
        """Logical files as they become complete: a file is, when the next one has begun."""
        given = 0
        for _ in self._steps():
            files = current_files(self._held.values())
            ready = files[given : None if self.is_done else -1]
            yield from ready
            given += len(ready)
        if not self.is_done:
            yield from current_files(self._held.values())[given:]

    def _steps(self) -> Iterator[None]:
        cursor: JsonObject | None = None
        while not self.is_done and self._clock.seconds() < self._deadline:
            try:
                step = self._crawler.step(self._source, cursor, self._held)
            except SourceFailed as error:
                self.failure = error.message
                return
            cursor, self.is_done = step.cursor, step.done
            if step.raw:
                self._bodies.append(step.raw.body)
                self._held[step.raw.meta.seq] = HeldRaw(step.raw.meta, step.raw.body)
            yield
            if not self.is_done and step.wait_seconds:
                left = self._deadline - self._clock.seconds()
                self._clock.sleep(max(0.0, min(step.wait_seconds, left)))

    def close(self) -> None:
        for body in self._bodies:
            body.close()
