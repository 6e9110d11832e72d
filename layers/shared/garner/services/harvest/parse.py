"""Raw objects to segments of records, and rows by key partition (harvest 3, step 2)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from garner import limits
from garner.domain.harvest.records import Place, Record, content_hash, key_hash
from garner.domain.harvest.rows import Seen, partition_of_key
from garner.domain.harvest.run import INGEST_FAILED
from garner.errors import JsonObject, SourceFailed
from garner.ports.sources import RawFile, Transformer, current_files
from garner.services.harvest.fetch import StoredRaw
from garner.services.harvest.job import Job, RunFailed
from garner.services.harvest.manifest import load_base
from garner.services.harvest.names import PARSE, RAW
from garner.services.harvest.objects import put_lines, put_sections
from garner.services.harvest.partitions import width_for

_BATCH_RECORDS = 200
_BATCH_BYTES = 2_000_000


@dataclass(slots=True)
class Batch:
    """Records of one file that are looked at together; `values` are those of the readable ones."""

    position: int
    file: int
    records: list[Record]
    values: list[bytes]


class Segment:
    """Records on their way into one object. A line is `[key parts, where, record]`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: list[bytes] = []
        self.size = 0
        self.rows: dict[int, list[Seen]] = defaultdict(list)
        self.errors: list[bytes] = []
        self.deleted = 0
        self.filtered = 0
        self.details: list[list[int]] = []

    def add(self, key: Sequence[str], record: Record, value: bytes) -> None:
        digest = key_hash(key).hex()
        line = orjson.dumps([key, record.where, orjson.Fragment(value)])
        seen = Seen(digest, content_hash(record.value).hex(), self.number, len(self.lines))
        self.rows[partition_of_key(digest)].append(seen)
        self.lines.append(line)
        self.size += len(line)

    def refuse(self, where: str, reason: str) -> None:
        self.errors.append(orjson.dumps([where, reason]))

    def store(self, job: Job) -> JsonObject:
        """The marker."""
        stage, number = job.tools.stage, self.number
        return {
            "data": put_lines(stage, job.key("segment", number), self.lines),
            "rows": put_sections(stage, job.key("rows", number), self.rows),
            "errors": put_lines(stage, job.key("unreadable", number), self.errors),
            "records": len(self.lines),
            "unreadable": len(self.errors),
            "deleted": self.deleted,
            "filtered": self.filtered,
            "details": self.details,
        }


def parse(job: Job) -> None:
    """The cursor: `file` and `place` in it, the next `segment`, how many records were `taken`."""
    raw = StoredRaw(job.tools.stage, job.tools.runs.markers(job.run.run_id, RAW))
    cursor = job.run.cursor
    batches = _batches(job, current_files(raw.values()))
    try:
        with job.tools.transformers.open(job.source) as transformer:
            while True:
                segment = Segment(cursor.get("segment", 0))
                ended = _fill(job, segment, batches, transformer)
                marker = {(job.kind(PARSE), segment.number): segment.store(job)}
                cursor["segment"] = segment.number + 1
                if ended:
                    base = load_base(job.tools.stage, job.run.facts["base"])
                    records = max(cursor.get("taken", 0), base.records)
                    job.run.facts |= {"segments": cursor["segment"], "width": width_for(records)}
                    job.next_phase(marker)
                    return
                job.save(marker)
                if job.out_of_time:
                    return
    except SourceFailed as error:
        raise RunFailed(INGEST_FAILED, error.message) from None


def _fill(job: Job, segment: Segment, batches: Iterator[Batch], transformer: Transformer) -> bool:
    """Adds batches until the segment is full; True when the crawl has no more records."""
    cursor, limit = job.run.cursor, job.source.record_limit
    for batch in batches:
        room = None if limit is None else limit - cursor.get("taken", 0)
        taken = _take(segment, batch, transformer, room)
        cursor["taken"] = cursor.get("taken", 0) + taken
        cursor["file"], cursor["place"] = batch.position, batch.records[-1].after.to_json()
        job.keep()
        if taken == room:
            return True
        if segment.size >= limits.SEGMENT_BYTES:
            return False
    return True


def _take(segment: Segment, batch: Batch, transformer: Transformer, room: int | None) -> int:
    """Sorts one batch into the segment; returns how many records count against the limit."""
    readable = [record.value for record in batch.records if record.value is not None]
    inspected = iter(transformer.inspect(readable))
    values = iter(batch.values)
    taken = 0
    for record in batch.records:
        if taken == room:
            break
        if record.deleted:
            segment.deleted += 1
        elif record.value is None:
            segment.refuse(record.where, record.error)
            if record.detail_failed:
                segment.details.append([batch.file, record.ordinal])
        else:
            found, value = next(inspected), next(values)
            if not found.kept:
                segment.filtered += 1
            elif found.error:
                segment.refuse(record.where, found.error)
            else:
                segment.add(found.key, record, value)
                taken += 1
    return taken


def _batches(job: Job, files: Sequence[Sequence[RawFile]]) -> Iterator[Batch]:
    """From the cursor on."""
    first, place = job.run.cursor.get("file", 0), job.run.cursor.get("place")
    for position in range(first, len(files)):
        start = Place.from_json(place) if place and position == first else None
        batch = Batch(position, files[position][0].meta.file, [], [])
        size = 0
        for record in job.tools.reader.read(job.source, files[position], start):
            batch.records.append(record)
            if record.value is not None:
                batch.values.append(orjson.dumps(record.value))
                size += len(batch.values[-1])
            if len(batch.records) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                yield batch
                batch, size = Batch(position, batch.file, [], []), 0
        if batch.records:
            yield batch
