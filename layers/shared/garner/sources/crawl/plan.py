"""What the plans share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from garner.domain.harvest.source import Source
from garner.errors import JsonObject
from garner.ports.sources import RawFile, RawMeta
from garner.sources.fetch import Fetched, FetchRequest


class Fetch(Protocol):
    """`GuardedFetch`, or what stands for it."""

    def get(self, request: FetchRequest) -> Fetched: ...


@dataclass(frozen=True, slots=True)
class Advance:
    """What one request brought. `meta` lacks its `seq`, which the crawler gives; `file_complete`
    says whether this is the last piece of its file."""

    done: bool
    meta: RawMeta | None = None
    body: BinaryIO | None = None
    wait_seconds: float = 0.0
    note: str = ""
    file_complete: bool = True


class Plan(Protocol):
    """`advance` does one request and changes `state`, which is the plan's part of the cursor. It
    raises `SourceFailed`; the state is then thrown away."""

    def advance(self, source: Source, state: JsonObject, tries: int) -> Advance: ...


def unnumbered(unit: int, attempt: int, file: int, piece: int = 0, name: str = "") -> RawMeta:
    return RawMeta(seq=-1, unit=unit, attempt=attempt, file=file, piece=piece, name=name)


def details_of(meta: RawMeta) -> RawMeta:
    return replace(meta, seq=-1, piece=0, kind="details", name="")


def with_query(url: str, parameters: Mapping[str, object]) -> str:
    """The URL with these parameters; what it had under their names is replaced."""
    parts = urlsplit(url)
    kept = [
        pair
        for pair in parts.query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in parameters
    ]
    added = [f"{quote(n, safe='')}={quote(str(v), safe='')}" for n, v in parameters.items()]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join([*kept, *added]), ""))


def pieces_of(file: int, stored: Iterable[RawFile]) -> list[RawFile]:
    """The data of one logical file among raw objects, newest attempt, in order."""
    mine = [raw for raw in stored if raw.meta.file == file and raw.meta.kind == "data"]
    newest = max((raw.meta.attempt for raw in mine), default=0)
    mine = [raw for raw in mine if raw.meta.attempt == newest]
    return sorted(mine, key=lambda raw: raw.meta.piece)
