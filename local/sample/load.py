"""Loads the sample collection into an index through the public API."""

import gzip
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.client import Client

COLLECTION = Path(__file__).with_name("bioregistry.ndjson.gz")
ENTRIES_PER_TASK = 250
BAR_WIDTH = 32


def entries() -> Iterator[dict[str, Any]]:
    """The GMetaEntries of the collection."""
    with gzip.open(COLLECTION, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def load(client: Client, index_id: str, progress: Callable[[int, int], None]) -> int:
    """Ingests the whole collection and returns, once all of it is searchable, how much it was."""
    collection = list(entries())
    tasks = []
    for batch in _batches(collection):
        document = {"ingest_type": "GMetaList", "ingest_data": {"gmeta": batch}}
        answer = client.call("POST", f"/v1/index/{index_id}/ingest", document)
        tasks.append((answer["task_id"], len(batch)))
    done = 0
    for task_id, size in tasks:
        client.wait_for(task_id)
        done += size
        progress(done, len(collection))
    return done


def _batches(collection: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    waiting = iter(collection)
    while batch := list(itertools.islice(waiting, ENTRIES_PER_TASK)):
        yield batch


def progress_bar(done: int, total: int) -> None:
    """Draws the bar anew on a terminal; elsewhere one line when it is full."""
    bar = ("█" * (BAR_WIDTH * done // total)).ljust(BAR_WIDTH, "·")
    if sys.stdout.isatty() or done == total:
        start = "\r" if sys.stdout.isatty() else ""
        end = "\n" if done == total else ""
        print(f"{start}  sample collection {bar} {done:,}/{total:,}", end=end, flush=True)
