"""The reader of every format: expands, parses, and puts the answers of detail calls in place."""

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO, Self

import orjson

from garner.domain.harvest.paths import first_with_key
from garner.domain.harvest.records import Place, Record
from garner.domain.harvest.source import (
    CsvFormat,
    DetailCalls,
    JsonFormat,
    NdjsonFormat,
    Source,
    XmlFormat,
)
from garner.errors import JsonObject, SourceFailed
from garner.ports.sources import RawFile
from garner.sources.expand import Member, members, opened
from garner.sources.readers.csv_reader import csv_records
from garner.sources.readers.json_reader import json_records, ndjson_records
from garner.sources.readers.parsed import Parsed
from garner.sources.readers.text import looks_like_html
from garner.sources.readers.xml_reader import xml_records

_OAI = XmlFormat(document_element="record", top_element="ListRecords")


class StreamingReader:
    """A `RecordReader` (ports): what its methods give and raise is said there."""

    def read(
        self, source: Source, raw: Sequence[RawFile], start: Place | None = None
    ) -> Iterator[Record]:
        start = start or Place()
        ordinal = start.ordinal
        pieces = [each for each in raw if each.meta.kind == "data"]
        with ExitStack() as stack:
            details = None
            if source.details:
                details = stack.enter_context(_Details(source.details, raw))
            content = stack.enter_context(opened(pieces))
            name = pieces[0].meta.name
            for member in members(content, name, source.filename_pattern):
                if member.index < start.member:
                    continue
                offset = start.offset if member.index == start.member else 0
                for parsed in parsed_records(source, member, offset):
                    record = _record(parsed, ordinal, member)
                    yield details.merged(record) if details else record
                    ordinal += 1


def parsed_records(source: Source, member: Member, offset: int = 0) -> Iterator[Parsed]:
    """The records of one file, in the source's format."""
    form, stream = source.format, member.stream
    if looks_like_html(stream) and not _wants_html(source):
        raise SourceFailed(
            "The answer is an HTML page where data was expected:"
            " is the address right, does it want a login?"
        )
    if isinstance(form, CsvFormat):
        return csv_records(stream, form, offset)
    if isinstance(form, JsonFormat):
        return json_records(stream, form, offset)
    if isinstance(form, NdjsonFormat):
        return ndjson_records(stream, offset)
    if isinstance(form, XmlFormat):
        return xml_records(stream, form, offset)
    return map(_without_deleted, xml_records(stream, _OAI, offset))


def _wants_html(source: Source) -> bool:
    return isinstance(source.format, XmlFormat) and "html" in (
        source.format.top_element,
        source.format.document_element,
    )


def _without_deleted(parsed: Parsed) -> Parsed:
    record = (parsed.value or {}).get("record")
    header = record.get("header") if isinstance(record, dict) else None
    if isinstance(header, dict) and header.get("@status") == "deleted":
        return Parsed(parsed.offset, deleted=True)
    return parsed


def _record(parsed: Parsed, ordinal: int, member: Member) -> Record:
    where = f"record {ordinal + 1}"
    return Record(
        ordinal=ordinal,
        after=Place(member.index, ordinal + 1, parsed.offset),
        where=where if not member.index else f"{where}, in file {member.index + 1}",
        value=parsed.value,
        error=parsed.error,
        deleted=parsed.deleted,
    )


class _Details:
    """Answers of detail calls by ordinal, found by position so that memory holds none of them.

    A raw object of details has one line per record: `{"ordinal": 3, "detail": …}`, or `"error"` in
    place of the detail. A later line replaces an earlier one.
    """

    def __init__(self, calls: DetailCalls, raw: Sequence[RawFile]) -> None:
        self._calls = calls
        self._objects = [each for each in raw if each.meta.kind == "details"]
        self._places: dict[int, tuple[int, int]] = {}
        self._open: tuple[int, BinaryIO] | None = None

    def __enter__(self) -> Self:
        for number, raw in enumerate(self._objects):
            position = 0
            with raw.open() as stream:
                for line in stream:
                    self._places[orjson.loads(line)["ordinal"]] = (number, position)
                    position += len(line)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._open:
            self._open[1].close()

    def merged(self, record: Record) -> Record:
        if record.value is None:
            return record
        answer = self._answer(record.ordinal)
        if "detail" not in answer:
            error = answer.get("error") or "The detail of this record was not fetched."
            return _failed(record, str(error))
        found, value = first_with_key(answer["detail"], self._calls.take)
        if not found:
            return record
        return Record(
            record.ordinal,
            record.after,
            record.where,
            value=record.value | {self._calls.put: value},
        )

    def _answer(self, ordinal: int) -> JsonObject:
        if ordinal not in self._places:
            return {}
        number, position = self._places[ordinal]
        if not self._open or self._open[0] != number:
            if self._open:
                self._open[1].close()
            self._open = (number, self._objects[number].open())
        stream = self._open[1]
        stream.seek(position, io.SEEK_SET)
        answer: JsonObject = orjson.loads(stream.readline())
        return answer


def _failed(record: Record, error: str) -> Record:
    return Record(record.ordinal, record.after, record.where, error=error, detail_failed=True)
