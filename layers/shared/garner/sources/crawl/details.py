"""One call more for each record of a list (controller contract 4.4)."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import BinaryIO, cast
from urllib.parse import quote

import orjson
from lxml import etree

from garner.domain.harvest.paths import plain_steps, walk
from garner.domain.harvest.records import Record, Unusable, as_text, checked_record
from garner.domain.harvest.source import DetailCalls, Source, XmlFormat
from garner.domain.harvest.xml_json import wrapped
from garner.errors import JsonObject, SourceFailed
from garner.limits import MAX_DETAIL_STEP_SECONDS, MAX_DETAILS_PER_STEP, MAX_RECORD_BYTES
from garner.ports.sources import RawFile, RawMeta, RecordReader
from garner.sources.crawl.plan import Fetch, details_of
from garner.sources.fetch import FetchRequest
from garner.sources.readers.parsed import RecordBudget
from garner.sources.readers.xml_reader import events


@dataclass(frozen=True, slots=True)
class DetailFetcher:
    """Fetches details in raw objects of up to `MAX_DETAILS_PER_STEP` lines (what a line is, the
    reader says). A call that fails becomes a line too: it is the error of its record."""

    fetch: Fetch
    reader: RecordReader
    sleep: Callable[[float], None]

    def some(
        self, source: Source, pieces: Sequence[RawFile], ordinals: Sequence[int] | int
    ) -> tuple[RawMeta, BinaryIO, int]:
        """Details of these ordinals of a file, or of all from this ordinal on. The last value is
        the ordinal to go on at, -1 if none is left."""
        assert source.details is not None
        begun = monotonic()
        body = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
        following = -1
        records = self.reader.read(replace(source, details=None), pieces)
        for done, record in enumerate(_wanted(records, ordinals, source.record_limit)):
            if done == MAX_DETAILS_PER_STEP or monotonic() - begun > MAX_DETAIL_STEP_SECONDS:
                following = record.ordinal
                break
            if done:
                self.sleep(source.details.wait_seconds)
            body.write(orjson.dumps(self._line(source, source.details, record)) + b"\n")
        body.seek(0)
        return details_of(pieces[0].meta), body, following

    def _line(self, source: Source, calls: DetailCalls, record: Record) -> JsonObject:
        found = walk(plain_steps(calls.id_path) or (), record.value)
        identifier = as_text(found[0]) if found else ""
        if identifier in ("", ".", ".."):
            return {"ordinal": record.ordinal, "error": "The record has no id at idJsonPath."}
        url = calls.url_template.replace("${id}", quote(identifier, safe=""))
        try:
            return {"ordinal": record.ordinal, "detail": self._detail(source, url)}
        except SourceFailed as error:
            return {"ordinal": record.ordinal, "error": f"The detail call failed: {error.message}"}

    def _detail(self, source: Source, url: str) -> object:
        fetched = self.fetch.get(FetchRequest(url, source.allow_http))
        with fetched.body as body:
            if fetched.size > MAX_RECORD_BYTES:
                raise SourceFailed(f"the answer has more than {MAX_RECORD_BYTES:,} bytes.")
            try:
                if isinstance(source.format, XmlFormat):
                    return checked_record(_xml(body))
                return checked_record({"detail": orjson.loads(body.read())})["detail"]
            except (orjson.JSONDecodeError, etree.XMLSyntaxError):
                raise SourceFailed("the answer is broken or of another format.") from None
            except Unusable as error:
                raise SourceFailed(str(error)) from None


def _xml(body: BinaryIO) -> JsonObject:
    root = None
    for _, element in events(RecordBudget(body)):
        root = element
    return wrapped(root) if root is not None else {}


def _wanted(
    records: Iterable[Record], ordinals: Sequence[int] | int, limit: int | None
) -> Iterable[Record]:
    chosen = None if isinstance(ordinals, int) else set(ordinals)
    begin = ordinals if isinstance(ordinals, int) else 0
    for record in records:
        if limit is not None and record.ordinal >= limit:
            return
        wanted = record.ordinal >= begin if chosen is None else record.ordinal in chosen
        if wanted and record.value is not None:
            yield record
