"""Transform and quality control, segment by segment, and up to three run cycles over what is left
in error (harvest 3, step 4; controller contract 3.7)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from garner import limits
from garner.domain.harvest.rows import FAILED, Result, Row, partition_of_key
from garner.domain.harvest.run import Phase
from garner.errors import JsonObject
from garner.ports.runs import Markers
from garner.ports.sources import Transformer
from garner.services.harvest.job import Job
from garner.services.harvest.manifest import load_base
from garner.services.harvest.names import CLASSIFY, PARSE, TRANSFORM
from garner.services.harvest.objects import (
    get_lines,
    get_section,
    get_sections,
    put_lines,
    put_sections,
)
from garner.services.harvest.render import Rendered, render


@dataclass(slots=True)
class Chunk:
    """A piece of one segment's work, with what came of it."""

    number: int
    segment: int
    first: int
    last: int
    results: dict[str, Result] = field(default_factory=dict)
    documents: dict[int, bytes] = field(default_factory=dict)
    size: int = 0

    def take(self, batch: Iterable[Rendered]) -> None:
        for each in batch:
            self.results[each.row.key] = each.result
            self.last = max(self.last, each.row.offset)
            if each.document is not None:
                document = orjson.dumps(each.document)
                self.documents[each.row.offset] = document
                self.size += len(document)

    def store(self, job: Job, attempt: int = 0) -> Markers:
        """Each attempt has objects of its own: the stored marker points to the last one's."""
        by_partition: dict[int, list[Result]] = defaultdict(list)
        for result in self.results.values():
            by_partition[partition_of_key(result.key)].append(result)
        documents, results = f"documents{attempt}", f"results{attempt}"
        lines = (b"%d %s" % pair for pair in sorted(self.documents.items()))
        marker = {
            "segment": self.segment,
            "first": self.first,
            "last": self.last,
            "records": len(self.results),
            "failed": sum(result.state == FAILED for result in self.results.values()),
            "results": put_sections(job.tools.stage, job.key(results, self.number), by_partition),
            "documents": put_lines(job.tools.stage, job.key(documents, self.number), lines),
        }
        return {(job.kind(TRANSFORM), self.number): marker}


def segment_keys(job: Job) -> list[str]:
    """The objects with the records that this run's rows point into."""
    if job.run.type.crawls:
        return [marker["data"] for _, marker in sorted(job.markers(PARSE).items())]
    return load_base(job.tools.stage, job.run.facts["base"]).segments


class StagedDocuments:
    """What this run has transformed of a segment; holds one chunk at a time, so ask in order."""

    def __init__(self, job: Job, segment: int) -> None:
        self._job = job
        markers = job.markers(TRANSFORM).values()
        chunks = [marker for marker in markers if marker["segment"] == segment]
        self._chunks = sorted(chunks, key=lambda marker: marker["first"])
        self._firsts = [marker["first"] for marker in self._chunks]
        self._open: JsonObject = {}
        self._documents: dict[int, bytes] = {}

    def get(self, offset: int) -> bytes | None:
        position = bisect_right(self._firsts, offset) - 1
        if position < 0:
            return None
        chunk = self._chunks[position]
        if chunk is not self._open:
            self._open = chunk
            self._documents = _documents(self._job, chunk)
        return self._documents.get(offset)


def _documents(job: Job, marker: JsonObject) -> dict[int, bytes]:
    found = {}
    for line in get_lines(job.tools.stage, marker["documents"]):
        offset, _, document = line.partition(b" ")
        found[int(offset)] = document
    return found


def transform(job: Job) -> None:
    """The cursor: `segment`, `row` in its work, next `chunk`; in a cycle, the chunk to `retry`."""
    with job.tools.transformers.open(job.source, job.run.facts["rule"]) as transformer:
        if "retry" not in job.run.cursor:
            if not _all_segments(job, transformer):
                return
            job.run.cursor = {"retry": 0}
            job.save()
        _cycles(job, transformer)


def _all_segments(job: Job, transformer: Transformer) -> bool:
    keys = segment_keys(job)
    work = [marker["work"] for marker in job.markers(CLASSIFY).values()]
    cursor = job.run.cursor
    while cursor.get("segment", 0) < len(keys):
        segment = cursor.get("segment", 0)
        rows = sorted(get_section(job.tools.stage, Row, work, segment), key=lambda r: r.offset)
        if rows and not _one_segment(job, segment, keys[segment], rows, transformer):
            return False
        cursor |= {"segment": segment + 1, "row": 0}
    return True


def _one_segment(
    job: Job, segment: int, key: str, rows: list[Row], transformer: Transformer
) -> bool:
    cursor = job.run.cursor
    lines = get_lines(job.tools.stage, key)
    while cursor.get("row", 0) < len(rows):
        first = cursor.get("row", 0)
        offset = rows[first].offset
        chunk = Chunk(cursor.get("chunk", 0), segment, offset, offset)
        piece = rows[first : first + limits.TRANSFORM_CHUNK_RECORDS]
        for batch in render(job.source, job.run.facts["rule"], piece, lines, transformer):
            chunk.take(batch)
            job.keep()
            if job.out_of_time or chunk.size >= limits.SEGMENT_BYTES:
                break
        cursor |= {"row": first + len(chunk.results), "chunk": chunk.number + 1}
        job.save(chunk.store(job))
        if job.out_of_time:
            return False
    return True


def _cycles(job: Job, transformer: Transformer) -> None:
    """Goes on to the next phase, or back to the crawler for details that failed."""
    markers = job.markers(TRANSFORM)
    while job.run.cycle < limits.MAX_RUN_CYCLES:
        details = _failed_details(job)
        failed = [n for n, marker in sorted(markers.items()) if marker["failed"]]
        if not failed and not details:
            break
        if details and not job.run.cursor["retry"]:
            _fetch_details(job, details)
            return
        for number in [n for n in failed if n >= job.run.cursor["retry"]]:
            stored = _retry(job, number, markers[number], transformer)
            markers[number] = stored[job.kind(TRANSFORM), number]
            job.run.cursor["retry"] = number + 1
            job.save(stored)
            if job.out_of_time:
                return
        job.run.cycle += 1
        job.run.cursor = {"retry": 0}
        left = sum(marker["failed"] for marker in markers.values())
        job.log(
            20 + job.run.cycle, "run", "RUNNING", f"Run cycle {job.run.cycle}", {"errors": left}
        )
        job.save()
    job.next_phase()


def _retry(job: Job, number: int, marker: JsonObject, transformer: Transformer) -> Markers:
    """The records of a chunk that are in error, once more."""
    stage, segment = job.tools.stage, marker["segment"]
    results = {each.key: each for each in get_sections(stage, Result, marker["results"])}
    documents = _documents(job, marker)
    chunk = Chunk(number, segment, marker["first"], marker["last"], results, documents)
    work = [each["work"] for each in job.markers(CLASSIFY).values()]
    rows = [
        row
        for row in get_section(stage, Row, work, segment)
        if row.key in results and results[row.key].state == FAILED
    ]
    lines = get_lines(stage, segment_keys(job)[segment])
    rows.sort(key=lambda row: row.offset)
    for batch in render(job.source, job.run.facts["rule"], rows, lines, transformer):
        chunk.take(batch)
        job.keep()
    return chunk.store(job, job.run.cycle + 1)


def _failed_details(job: Job) -> list[list[int]]:
    if not job.run.type.crawls:
        return []
    return [each for marker in job.markers(PARSE).values() for each in marker["details"]]


def _fetch_details(job: Job, details: list[list[int]]) -> None:
    """Back to the crawl for these calls; what follows is done again under a new generation."""
    run = job.run
    run.facts["failed_details"] = details
    run.cycle += 1
    run.generation += 1
    run.enter(Phase.FETCH)
    job.save()
