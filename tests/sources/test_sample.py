"""Trying a source: what a curator sees of its first records."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from garner.domain.harvest.source import (
    CsvFormat,
    DetailCalls,
    JsonFormat,
    Paging,
    QcRule,
    RecordFilter,
    Transform,
)
from garner.services.sample_source import Sample, sample_source
from garner.sources.addresses import Allowed
from garner.sources.crawl.crawler import SourceCrawler
from garner.sources.fetch import GuardedFetch, Timing
from garner.sources.readers.reader import StreamingReader
from garner.sources.transform.process import SandboxTransformers
from tests.fakes.sources import InMemoryBuckets, source
from tests.sources.hostile import Asked, HostileServer, answer, serving


class Ticking:
    """A clock whose every look takes a second."""

    def __init__(self, step: float = 0.0) -> None:
        self._seconds, self._step = 0.0, step

    def now(self) -> datetime:
        return datetime(2024, 1, 1, tzinfo=UTC)

    def seconds(self) -> float:
        self._seconds += self._step
        return self._seconds

    def sleep(self, seconds: float) -> None:
        self._seconds += seconds


def sampled(
    server: HostileServer, path: str, size: int, *, step: float = 0.0, **changes: Any
) -> Sample:
    reader, clock = StreamingReader(), Ticking(step)
    fetch = GuardedFetch(Allowed(networks=("127.0.0.1/32",)), Timing(2, 5))
    return sample_source(
        source(url=server.url(path), allow_http=True, **changes),
        size,
        crawler=SourceCrawler(fetch, reader, InMemoryBuckets(), clock.sleep),
        reader=reader,
        transformers=SandboxTransformers(),
        clock=clock,
        budget_seconds=20,
    )


@pytest.mark.compliance("C76")
def test_a_sample_has_so_many_records_raw_transformed_and_checked() -> None:
    body = b"id,name\n1,a\n2,\n,c\n4,d\n5,e\n"
    with serving(lambda _: answer(body)) as server:
        sample = sampled(
            server,
            "/x.csv",
            3,
            format=CsvFormat(),
            transform=Transform("jsonata", '{"dc": {"identifier": "x:" & id, "title": name}}'),
            document_id_path="$.dc.identifier",
            qc_rules=(QcRule("$.dc.title"),),
        )
    first, second, third = sample.records
    assert sample.complete
    assert first.raw == {"id": "1", "name": "a"}
    assert first.document == {"dc": {"identifier": "x:1", "title": "a"}}
    assert (first.primary_key, first.subject, first.error) == ("1", "x:1", "")
    assert second.document is not None
    assert second.qc_messages == ("Quality control: $.dc.title is missing or empty.",)
    assert "primary key is empty" in third.error


def test_pages_and_details_are_tried_too() -> None:
    def respond(asked: Asked) -> bytes:
        if asked.path == "/list":
            start = int(asked.query["o"])
            return answer(json.dumps([{"id": n} for n in range(start, start + 2)]).encode())
        return answer(b'{"found": "%s"}' % asked.path[-1:].encode())

    with serving(respond) as server:
        sample = sampled(
            server,
            "/list",
            3,
            format=JsonFormat(),
            paging=Paging("o", limit=2),
            details=DetailCalls(server.url("/one/${id}"), "$.id", "found", "extra"),
        )
    assert [each.raw for each in sample.records] == [{"id": n, "extra": str(n)} for n in range(3)]
    assert len({each.subject for each in sample.records}) == 3
    assert sum(asked.path == "/list" for asked in server.asked) == 2


def test_a_filter_is_applied_and_what_it_drops_is_counted() -> None:
    listed = json.dumps([{"id": n, "k": n % 3} for n in range(20)]).encode()
    with serving(lambda _: answer(listed)) as server:
        sample = sampled(
            server, "/x", 2, format=JsonFormat(), record_filter=RecordFilter("$.k", "2")
        )
    assert [(each.raw or {})["id"] for each in sample.records] == [2, 5]
    assert sample.filtered == 4


def test_a_source_that_fails_says_why_and_shows_what_it_had() -> None:
    def respond(asked: Asked) -> bytes:
        return answer(b'[{"id": 1}]') if asked.query["o"] == "0" else answer(b"<html></html>")

    with serving(respond) as server:
        sample = sampled(server, "/x", 3, format=JsonFormat(), paging=Paging("o", limit=1))
    assert len(sample.records) == 1
    assert not sample.complete
    assert "HTML page" in sample.failure


def test_a_source_that_takes_too_long_gives_what_it_had() -> None:
    def respond(asked: Asked) -> bytes:
        return answer(b'[{"id": %s}]' % asked.query["o"].encode())

    with serving(respond) as server:
        sample = sampled(
            server, "/x", 50, step=3.0, format=JsonFormat(), paging=Paging("o", limit=1)
        )
    assert 0 < len(sample.records) < 10
    assert not sample.complete
