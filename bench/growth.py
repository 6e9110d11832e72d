"""Growth: what a search and a single write take in an index of 10,000, 100,000 and a million."""

import time
from collections.abc import Iterator
from uuid import uuid4

from bench.documents import SHORT, Packages
from bench.ingest import load_index
from bench.report import Row, compared
from bench.searches import SHAPES, Searcher, in_turns
from garner.domain.operations import encode

SHAPE = "words and two facets"
WRITES, TURNS = 60, 200


def run(url: str, sizes: list[int], _repeats: int) -> Iterator[Row]:
    smallest: dict[str, Row] = {}
    for size in sizes:
        index = load_index(url, SHORT, size)
        searcher = Searcher(url, index.index_id)
        search = in_turns({"search": searcher.handler(SHAPES[SHAPE])}, TURNS)["search"]
        entry = next(Packages(SHORT, seed=2).entries(1))
        writes = []
        for _ in range(WRITES):
            payload = encode([{**entry, "subject": f"urn:uuid:{uuid4()}"}])
            started = time.perf_counter()
            index.submit(payload)
            index.drain()
            writes.append(1_000 * (time.perf_counter() - started))
        index.drop()
        for what, taken in {f"search: {SHAPE}": search, "one entry, to SUCCESS": writes}.items():
            row = Row("growth", f"{size:,} entries", what, "ms", taken)
            yield row
            if what in smallest:
                yield compared(row, smallest[what])
            smallest.setdefault(what, row)
