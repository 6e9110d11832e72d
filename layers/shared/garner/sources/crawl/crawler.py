"""The crawler: picks the plan of a source, numbers what it brings, and tries again."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from garner.domain.harvest.source import OaiFormat, Source
from garner.errors import JsonObject, SourceFailed
from garner.limits import CRAWL_MAX_REQUESTS, FETCH_TRIES
from garner.ports.sources import (
    BucketReader,
    CrawlStep,
    FailedDetail,
    NewRaw,
    RawFile,
    RecordReader,
)
from garner.sources.crawl.details import DetailFetcher
from garner.sources.crawl.files import BucketFiles, Downloads
from garner.sources.crawl.oai import OaiHarvest
from garner.sources.crawl.pages import Pages
from garner.sources.crawl.plan import Advance, Fetch, Plan, pieces_of

_MAX_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class SourceCrawler:
    """A `Crawler` (ports): what its methods give and raise is said there.

    The cursor: `seq` numbers raw objects, `requests` and `tries` count, `plan` is the plan's state,
    `over` says that the plan is done, `details` is the file whose details are being fetched and
    the ordinal to go on at, `again` are details to fetch once more.
    """

    fetch: Fetch
    reader: RecordReader
    buckets: BucketReader
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def step(
        self, source: Source, cursor: JsonObject | None, stored: Mapping[int, RawFile]
    ) -> CrawlStep:
        before = cursor or {"seq": 0, "requests": 0, "tries": 0, "plan": {}, "over": False}
        state = deepcopy(before)
        if state["requests"] >= CRAWL_MAX_REQUESTS:
            raise SourceFailed(f"The source has no end: {CRAWL_MAX_REQUESTS:,} requests were made.")
        state |= {"requests": state["requests"] + 1, "tries": 0}
        try:
            advance = self._advance(source, state, before["tries"], stored)
        except SourceFailed as error:
            return _tried_again(before, error)
        raw = None
        if advance.meta and advance.body:
            raw = NewRaw(replace(advance.meta, seq=state["seq"]), advance.body)
            state["seq"] += 1
        return CrawlStep(state, advance.done, raw, advance.wait_seconds, advance.note)

    def detail_cursor(self, cursor: JsonObject, failed: Sequence[FailedDetail]) -> JsonObject:
        again: dict[str, list[int]] = {}
        for each in failed:
            again.setdefault(str(each.file), []).append(each.ordinal)
        return deepcopy(cursor) | {"again": again, "over": True, "tries": 0}

    def _advance(
        self, source: Source, state: JsonObject, tries: int, stored: Mapping[int, RawFile]
    ) -> Advance:
        if state.get("again"):
            return self._details_again(source, state, stored)
        if "details" in state:
            return self._details(source, state, stored)
        if state["over"]:
            return Advance(done=True)
        advance = self._plan(source).advance(source, state["plan"], tries)
        state["over"] = advance.done
        if not (source.details and advance.meta and advance.file_complete):
            return advance
        state["details"] = [advance.meta.file, 0]
        return replace(advance, done=False)

    def _plan(self, source: Source) -> Plan:
        if isinstance(source.format, OaiFormat):
            return OaiHarvest(self.fetch, self.now)
        if source.paging:
            return Pages(self.fetch, self.reader)
        if source.url.startswith("s3://"):
            return BucketFiles(self.buckets)
        return Downloads(self.fetch)

    def _details(self, source: Source, state: JsonObject, stored: Mapping[int, RawFile]) -> Advance:
        file, ordinal = state.pop("details")
        meta, body, following = self._fetcher.some(
            source, pieces_of(file, stored.values()), ordinal
        )
        if following >= 0:
            state["details"] = [file, following]
        return Advance(state["over"] and following < 0, meta, body)

    def _details_again(
        self, source: Source, state: JsonObject, stored: Mapping[int, RawFile]
    ) -> Advance:
        file, ordinals = next(iter(state["again"].items()))
        pieces = pieces_of(int(file), stored.values())
        meta, body, following = self._fetcher.some(source, pieces, ordinals)
        left = [ordinal for ordinal in ordinals if 0 <= following <= ordinal]
        if left:
            state["again"][file] = left
        else:
            del state["again"][file]
        return Advance(not state["again"], meta, body)

    @property
    def _fetcher(self) -> DetailFetcher:
        return DetailFetcher(self.fetch, self.reader, self.sleep)


def _tried_again(before: JsonObject, error: SourceFailed) -> CrawlStep:
    """The same step later, or the end."""
    tries = before["tries"] + 1
    if not error.retryable or tries >= FETCH_TRIES:
        number = before["requests"] + 1
        raise SourceFailed(f"Request {number} of the crawl: {error.message}") from error
    asked = float(getattr(error, "wait_seconds", 0.0))
    wait = min(max(asked, 2.0 ** (tries - 1)), _MAX_WAIT_SECONDS)
    return CrawlStep(before | {"tries": tries}, False, None, wait, error.message)
