"""Connectors, transform and buckets as use cases see them.

A crawl has two halves that share nothing but stored bytes. The *crawler* runs in the one function
that may reach the internet and turns requests into raw objects; the *reader* and the *transformer*
run where there is no internet and turn raw objects into records and documents.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import BinaryIO, Literal, Protocol, Self, cast

from garner.domain.harvest.records import Place, Record
from garner.domain.harvest.source import Source
from garner.errors import JsonObject


@dataclass(frozen=True, slots=True)
class RawMeta:
    """What a raw object is part of. Kept beside the object; all of it is JSON.

    `file` counts the logical files of a crawl (a page, a downloaded file); a file that came in
    pieces has several objects, `piece` 0, 1, …; `details` are the answers of detail calls for the
    records of `file`. A `unit` is what starts over when a source breaks (a set and window of an
    OAI-PMH crawl, one download): objects of an `attempt` older than the newest of their unit are
    void.
    """

    seq: int
    unit: int
    attempt: int
    file: int
    piece: int = 0
    kind: Literal["data", "details"] = "data"
    name: str = ""

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "RawMeta":
        return cls(**document)


class RawFile(Protocol):
    """A stored raw object."""

    @property
    def meta(self) -> RawMeta: ...

    def open(self) -> BinaryIO:
        """Its bytes from the start, each time anew; the caller closes it."""
        ...


@dataclass(frozen=True, slots=True)
class HeldRaw:
    """A raw object that lies in an open file and is read from there; its owner closes the file."""

    meta: RawMeta
    body: BinaryIO

    def open(self) -> BinaryIO:
        self.body.seek(0)
        return cast(BinaryIO, _Unclosed(self.body))


class _Unclosed:
    """Everything that readers use of a file, except that closing it puts it back to its start."""

    def __init__(self, body: BinaryIO) -> None:
        self.read, self.readline = body.read, body.readline
        self.seek, self.tell = body.seek, body.tell
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        self._body.seek(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def current_files(objects: Iterable[RawFile]) -> list[list[RawFile]]:
    """The logical files of a crawl in crawl order, void attempts left out. Each is the list that
    `RecordReader.read` takes: pieces in order, then details in the order they came."""
    listed = list(objects)
    newest: dict[int, int] = {}
    for raw in listed:
        newest[raw.meta.unit] = max(newest.get(raw.meta.unit, 0), raw.meta.attempt)
    files: dict[tuple[int, int], list[RawFile]] = {}
    for raw in sorted(listed, key=lambda each: (each.meta.kind == "details", each.meta.seq)):
        if raw.meta.attempt == newest[raw.meta.unit]:
            files.setdefault((raw.meta.unit, raw.meta.file), []).append(raw)
    return [files[key] for key in sorted(files)]


@dataclass(frozen=True, slots=True)
class NewRaw:
    """Bytes to be stored before the cursor is; `body` stands at its start, the caller closes it."""

    meta: RawMeta
    body: BinaryIO


@dataclass(frozen=True, slots=True)
class CrawlStep:
    """One request later. Store `raw`, then `cursor`; if `done`, the crawl is complete, else wait
    `wait_seconds` before the next step. `note` is a line for the log: what went wrong and is tried
    again (never content, never a credential)."""

    cursor: JsonObject
    done: bool
    raw: NewRaw | None = None
    wait_seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class FailedDetail:
    """The record of `file` whose detail call failed; both from `Record` and `RawMeta`."""

    file: int
    ordinal: int


class Crawler(Protocol):
    """Every method raises `SourceFailed` when the crawl can't go on: a defined end, with a message
    for the curator. Passing trouble is retried inside, through the cursor."""

    def step(
        self, source: Source, cursor: JsonObject | None, stored: Mapping[int, RawFile]
    ) -> CrawlStep:
        """Do the next request. `cursor` None starts a crawl. `stored` finds this run's raw objects
        by `seq`; only sources with detail calls look into it."""
        ...

    def detail_cursor(self, cursor: JsonObject, failed: Sequence[FailedDetail]) -> JsonObject:
        """From the cursor of a finished crawl, one that repeats only these detail calls."""
        ...


class RecordReader(Protocol):
    def read(
        self, source: Source, raw: Sequence[RawFile], start: Place | None = None
    ) -> Iterator[Record]:
        """The records of one logical file (an element of `current_files`), filters not applied.

        Memory stays bounded whatever the file holds. Raises `SourceFailed` where the file as a
        whole can't be read. `start` is the `after` of the last record that was kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class Inspected:
    """A raw record looked at: `kept` is the filter's verdict; `key` has the values of the primary
    key paths, or `error` says why there is no key."""

    kept: bool
    key: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Transformed:
    """`document` and `error` exclude each other, except that a document which failed quality
    control has both. `document_id` is empty without a path for it, or when `id_error` is set."""

    document: JsonObject | None = None
    document_id: str = ""
    id_error: str = ""
    error: str = ""
    qc_messages: tuple[str, ...] = ()


class Transformer(Protocol):
    """The transform, paths, filter and rules of one source, in a process that can be killed.

    A record that runs over its limits is in error and the others are not touched. Answers are in
    the order of the records. Use as a context manager: leaving ends the process.
    """

    def inspect(self, records: Sequence[JsonObject]) -> list[Inspected]: ...

    def transform(
        self, records: Sequence[JsonObject], variables: Mapping[str, str] | None = None
    ) -> list[Transformed]:
        """`variables` are bound as `$IngestTime`, `$CrawlDate`, … (controller contract 5.2)."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Transformers(Protocol):
    def open(self, source: Source, document_id_path: str = "") -> Transformer:
        """A transformer for `source`; `document_id_path` overrides the source's own."""
        ...

    def problems(self, source: Source) -> list[tuple[str, str]]:
        """(descriptor field, message) for each path, pattern or script that can't be used."""
        ...

    def path_problem(self, path: str) -> str | None:
        """Why `path` is no usable JSONPath (the `jsonPath` parameter), or None."""
        ...


@dataclass(frozen=True, slots=True)
class BucketObject:
    key: str
    size: int


class BucketReader(Protocol):
    """Objects of the buckets that the operator allows; raises `SourceFailed` for all others."""

    def list(self, bucket: str, prefix: str) -> Iterator[BucketObject]: ...

    def open(self, bucket: str, key: str) -> BinaryIO: ...
