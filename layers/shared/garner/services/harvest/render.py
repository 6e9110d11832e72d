"""A record of a segment becomes a document with a subject, or an error with a reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from garner.contracts.controller import iso
from garner.domain.harvest.records import content_hash, default_document_id, joined_key
from garner.domain.harvest.rows import FAILED, FINISHED, Result, Row
from garner.domain.harvest.source import Source
from garner.errors import JsonObject
from garner.ports.sources import Transformed, Transformer

_BATCH = 50


@dataclass(slots=True)
class Rendered:
    """`document` is there for a finished record; its `result` may still lack a subject."""

    row: Row
    result: Result
    document: JsonObject | None


def render(
    source: Source,
    rule: str,
    rows: Sequence[Row],
    lines: Sequence[bytes],
    transformer: Transformer,
) -> Iterator[list[Rendered]]:
    """Batches, in the order of `rows`; `lines` are those of their segment."""
    for batch in _batches(rows):
        records = [orjson.loads(lines[row.offset]) for row in batch]
        crawled = iso(batch[0].crawled_at)
        found = transformer.transform(
            [record[2] for record in records], {"CrawlDate": crawled, "IngestTime": crawled}
        )
        yield [
            _rendered(source, rule, row, record, transformed)
            for row, record, transformed in zip(batch, records, found, strict=True)
        ]


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Records of one batch have one crawl date, so that a document never depends on its company."""
    for _, same in groupby(rows, key=lambda row: row.crawled_at):
        together = list(same)
        for start in range(0, len(together), _BATCH):
            yield together[start : start + _BATCH]


def _rendered(
    source: Source, rule: str, row: Row, record: list[Any], found: Transformed
) -> Rendered:
    key, where, _ = record
    label = f"{joined_key(key)} ({where})"
    if found.error or found.document is None:
        reason = "; ".join((found.error or "The transform gives no document", *found.qc_messages))
        return Rendered(row, Result(row.key, FAILED, reason=reason, label=label), None)
    subject = found.document_id if rule else default_document_id(source.source_id, key)
    hashed = content_hash([found.document, source.visible_to]).hex()
    result = Result(row.key, FINISHED, subject, hashed, found.id_error if rule else "", label)
    return Rendered(row, result, found.document)
