"""The parts: immutable objects with what the index lacks, checked against its fields before any
of them is submitted (harvest 1, one source poisoning an index; harvest 3, step 6)."""

from collections.abc import Iterator, Sequence

import orjson

from garner import limits
from garner.domain.harvest.field_types import ChangeSet
from garner.domain.harvest.rows import Row
from garner.domain.harvest.run import INDEXING_ERRORS
from garner.errors import JsonObject
from garner.ports.runs import Markers
from garner.ports.sources import Transformer
from garner.services.harvest.job import Job, RunFailed
from garner.services.harvest.names import JOIN, PART
from garner.services.harvest.objects import get_lines, get_section, put_lines
from garner.services.harvest.render import render
from garner.services.harvest.transform import StagedDocuments, segment_keys


class OpenPart:
    """Entries until a part is full. A line is `[subject, key, document]`; the document is null
    where a finished record could not be transformed again."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.size = 0
        self.unbuilt = 0

    def fits(self, line: bytes) -> bool:
        full = len(self.lines) >= limits.PART_ENTRIES
        return not self.lines or (not full and self.size + len(line) <= limits.PART_BYTES)

    def add(self, line: bytes, *, built: bool) -> None:
        self.lines.append(line)
        self.size += len(line)
        self.unbuilt += not built


def build_parts(job: Job) -> None:
    """The cursor: `segment`, `row` in what is wanted of it, next `part`, `fields` brought."""
    keys = segment_keys(job)
    wanted = [marker["wanted"] for marker in job.markers(JOIN).values()]
    target = job.tools.targets.get(job.run.source_id, job.run.facts["index_id"])
    cursor = job.run.cursor
    change_set = ChangeSet(
        job.tools.publisher.schema(target.index_id),
        cursor.get("fields", {}),
        added_before=target.fields_added,
        quota=job.source.field_quota,
    )
    with job.tools.transformers.open(job.source, job.run.facts["rule"]) as transformer:
        part = OpenPart()
        while cursor.get("segment", 0) < len(keys):
            segment = cursor.get("segment", 0)
            rows = sorted(get_section(job.tools.stage, Row, wanted, segment), key=_offset)
            rows = rows[cursor.get("row", 0) :]
            for row, document in _documents(job, segment, keys[segment], rows, transformer):
                line = _line(row, document, change_set)
                if not part.fits(line):
                    _close(job, part, change_set)
                    part = OpenPart()
                    if job.out_of_time:
                        return
                part.add(line, built=document is not None)
                cursor["row"] = cursor.get("row", 0) + 1
            cursor |= {"segment": segment + 1, "row": 0}
            if job.out_of_time and segment + 1 < len(keys):
                _close(job, part, change_set)
                return
        _close(job, part, change_set)
    job.run.facts |= {"parts": cursor.get("part", 0), "fields_brought": len(change_set.brought)}
    job.next_phase()


def _offset(row: Row) -> int:
    return row.offset


def _documents(
    job: Job, segment: int, key: str, rows: Sequence[Row], transformer: Transformer
) -> Iterator[tuple[Row, bytes | None]]:
    """What this run has transformed already, the rest anew from the records."""
    if not rows:
        return
    staged = StagedDocuments(job, segment)
    missing = [row for row in rows if staged.get(row.offset) is None]
    lines = get_lines(job.tools.stage, key) if missing else []
    again = _rendered(job, missing, lines, transformer)
    for row in rows:
        document = staged.get(row.offset)
        yield row, next(again) if document is None else document
        job.keep()


def _rendered(
    job: Job, rows: Sequence[Row], lines: Sequence[bytes], transformer: Transformer
) -> Iterator[bytes | None]:
    for batch in render(job.source, job.run.facts["rule"], rows, lines, transformer):
        for each in batch:
            yield None if each.document is None else orjson.dumps(each.document)


def _line(row: Row, document: bytes | None, change_set: ChangeSet) -> bytes:
    if document is None:
        return orjson.dumps([row.subject, row.key, None])
    problem = change_set.problem(orjson.loads(document))
    if problem:
        raise RunFailed(INDEXING_ERRORS, problem)
    return orjson.dumps([row.subject, row.key, orjson.Fragment(document)])


def _close(job: Job, part: OpenPart, change_set: ChangeSet) -> None:
    """Stores the part, and the cursor with it."""
    cursor = job.run.cursor
    cursor["fields"] = change_set.brought
    markers: Markers = {}
    if part.lines:
        number = cursor.get("part", 0)
        key = put_lines(job.tools.stage, job.key(PART, number), part.lines)
        markers = {(job.kind(PART), number): _marker(key, part)}
        cursor["part"] = number + 1
    job.save(markers)


def _marker(key: str, part: OpenPart) -> JsonObject:
    return {"key": key, "entries": len(part.lines), "unbuilt": part.unbuilt}
