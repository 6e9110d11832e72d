"""The rows that a harvest moves between its steps, and the partitions they are sorted into.

Rows travel as JSON arrays, one a line. Hashes are hex text.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

import orjson

from garner.limits import HARVEST_PARTITIONS

FINISHED = "finished"
FAILED = "error"
UNKNOWN_DOCUMENT = "?"
"""A ledger's document hash where nobody knows what the index has: must be published."""


AnyRow = TypeVar("AnyRow")


@dataclass(slots=True)
class Seen:
    """A readable record of this crawl: where it lies, what identifies it, what is compared."""

    key: str
    content: str
    segment: int
    offset: int

    @property
    def order(self) -> tuple[int, int]:
        return self.segment, self.offset


@dataclass(slots=True)
class Row:
    """A record of the base. `state` is empty until the pipeline has ended for it; `subject` is
    empty where the document has none, then `reason` says why. `crawled_at` is when its content
    last changed (controller contract 3.10)."""

    key: str
    content: str
    segment: int
    offset: int
    crawled_at: float
    state: str = ""
    subject: str = ""
    document: str = ""
    reason: str = ""

    @property
    def order(self) -> tuple[int, int]:
        return self.segment, self.offset


@dataclass(slots=True)
class Result:
    """What the pipeline made of a record. `label` is its key for people, kept for errors."""

    key: str
    state: str
    subject: str = ""
    document: str = ""
    reason: str = ""
    label: str = ""


@dataclass(slots=True)
class Published:
    """A row of the ledger: the index has `document` at `subject`, for the record `key`."""

    subject: str
    document: str
    key: str


_VALUES = {kind: attrgetter(*kind.__slots__) for kind in (Seen, Row, Result, Published)}


StagedRow = Seen | Row | Result | Published


def encode(rows: Iterable[StagedRow]) -> bytes:
    return b"\n".join(orjson.dumps(_VALUES[type(row)](row)) for row in rows)


def decode(kind: type[AnyRow], data: bytes) -> Iterator[AnyRow]:
    for line in data.split(b"\n"):
        if line:
            yield kind(*orjson.loads(line))


def partition_of_key(key: str) -> int:
    return int(key[:4], 16) % HARVEST_PARTITIONS


def partition_of_subject(subject: str) -> int:
    digest = hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=2).digest()
    return int.from_bytes(digest, "big") % HARVEST_PARTITIONS
