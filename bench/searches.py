"""Search: the whole handler against the bare engine.

One contender is the function as Lambda calls it, event in, answer out: routing, authentication
(the caller is anonymous), validation, compiling, the request, cutting entries down to what the
caller may see, the answer's JSON. The other sends the very query that this compiles to by
opensearch-py and parses what comes back. They take turns, each first every other time.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch

from bench.documents import SHORT
from bench.ingest import load_index
from bench.report import Row, at_most, compared, percentile
from garner.api.resolver import Api
from garner.errors import JsonObject
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.start import search_api
from garner.storage.opensearch.client import EngineAnswer, EngineClient
from tests.fakes.api import ENVIRONMENT, LambdaContext, event, routes_of

ENTRIES = 100_000
TURNS, WARM_UP = 1_000, 200
HANDLER, BARE = "handler", "bare query"

SHAPES: Mapping[str, JsonObject] = {
    "two words": {"q": "gamu fo", "limit": 10},
    "words and two facets": {
        "q": "gamu",
        "limit": 10,
        "facets": [
            {"name": "license", "type": "terms", "field_name": "license", "size": 10},
            {"name": "topics", "type": "terms", "field_name": "classifiers", "size": 10},
        ],
    },
    "filters": {
        "limit": 20,
        "filters": [
            {"type": "match_any", "field_name": "license", "values": ["MIT", "MPL-2.0"]},
            {
                "type": "range",
                "field_name": "size",
                "values": [{"from": 1_000_000, "to": 3_000_000}],
            },
        ],
    },
    "advanced": {
        "q": "license:MIT AND score:[0.2 TO 0.4] AND NOT yanked:true",
        "advanced": True,
        "limit": 10,
    },
    "everything by date, facets over it": {
        "q": "*",
        "limit": 50,
        "sort": [{"field_name": "released", "order": "desc"}],
        "facets": [
            {"name": "license", "type": "terms", "field_name": "license", "size": 10},
            {
                "name": "years",
                "type": "date_histogram",
                "field_name": "released",
                "date_interval": "year",
            },
        ],
    },
}


@dataclass
class Spy(EngineClient):
    """Remembers the last search that it sent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.path, self.body = "", JsonObject()

    def request(
        self, method: str, path: str, body: JsonObject | bytes | None = None, **more: Any
    ) -> EngineAnswer:
        if "/_search" in path and isinstance(body, dict):
            self.path, self.body = path, body
        return super().request(method, path, body, **more)


@dataclass
class Searcher:
    """The search function on an engine, without a gateway."""

    url: str
    index_id: str
    spy: Spy = field(init=False)
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        container = Container(settings.load("search", ENVIRONMENT | {"OPENSEARCH_URL": self.url}))
        self.spy = Spy(self.url)
        container.__dict__["engine"] = self.spy
        self.api = search_api(routes_of("search"), container)
        log = logging.getLogger("garner").handlers[0]
        assert isinstance(log, logging.StreamHandler)
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process
        log.setStream(nowhere)

    def handler(self, body: JsonObject) -> Callable[[], object]:
        sent = event("POST", f"/v1/index/{self.index_id}/search", body=json.dumps(body))
        context = LambdaContext()

        def call() -> object:
            answer = self.api(sent, context)
            assert answer["statusCode"] == 200, answer
            return answer

        return call

    def bare(self, body: JsonObject) -> Callable[[], object]:
        """What the handler sends for `body`, sent by opensearch-py."""
        self.handler(body)()
        path, query = self.spy.path, self.spy.body
        transport = OpenSearch(self.url, timeout=60).transport

        def call() -> object:
            return transport.perform_request("POST", path, body=query)

        return call


def run(url: str, _sizes: list[int], _repeats: int) -> Iterator[Row]:
    with _loaded(url, ENTRIES) as searcher:
        for shape, body in SHAPES.items():
            contenders = {HANDLER: searcher.handler(body), BARE: searcher.bare(body)}
            taken = in_turns(contenders, TURNS)
            p50 = {what: Row("search", shape, what, "ms", each) for what, each in taken.items()}
            p95 = {
                what: Row("search", f"{shape}, p95", what, "ms", [percentile(each, 95)])
                for what, each in taken.items()
            }
            yield from p50.values()
            yield compared(p50[HANDLER], p50[BARE], at_most(1.15))
            yield compared(p95[HANDLER], p95[BARE], at_most(1.3))


@contextmanager
def _loaded(url: str, entries: int) -> Iterator[Searcher]:
    index = load_index(url, SHORT, entries)
    try:
        yield Searcher(url, index.index_id)
    finally:
        index.drop()


def in_turns(contenders: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Milliseconds of each call, after a warm-up."""
    taken: dict[str, list[float]] = {what: [] for what in contenders}
    order = list(contenders.items())
    for turn in range(WARM_UP + turns):
        for what, call in order if turn % 2 else reversed(order):
            started = time.perf_counter()
            call()
            ended = time.perf_counter()
            if turn >= WARM_UP:
                taken[what].append(1_000 * (ended - started))
    return taken
