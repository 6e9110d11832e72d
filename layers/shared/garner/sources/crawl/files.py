"""Downloads: one file, or the files of a directory or bucket that match `filenamePattern`."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import BinaryIO, cast
from urllib.parse import unquote, urljoin, urlsplit

from garner.domain.harvest.source import Source, place_of
from garner.errors import JsonObject, SourceFailed
from garner.limits import (
    BUCKET_MAX_BYTES,
    CRAWL_MAX_ATTEMPTS,
    FETCH_MAX_PIECES,
    MAX_DIRECTORY_FILES,
    MAX_LISTING_BYTES,
)
from garner.ports.sources import BucketReader
from garner.sources.crawl.plan import Advance, Fetch, unnumbered
from garner.sources.expand import CHUNK
from garner.sources.fetch import FetchRequest
from garner.sources.regex import matches


@dataclass(frozen=True, slots=True)
class Downloads:
    """State: `names` of the files (references relative to the source's URL), which one is `at`,
    and how far it has come (`offset`, `validator`, `piece`, `attempt`)."""

    fetch: Fetch

    def advance(self, source: Source, state: JsonObject, tries: int) -> Advance:
        if "names" not in state:
            state |= _beginning(0) | {"names": self._names(source)}
            return Advance(done=False)
        name = state["names"][state["at"]]
        request = FetchRequest(
            urljoin(source.url, name),
            source.allow_http,
            offset=state["offset"],
            validator=state["validator"],
            plain=tries > 0,
        )
        fetched = self.fetch.get(request)
        if state["offset"] and not fetched.offset:  # it changed since its first piece was fetched
            state |= {"piece": 0, "attempt": state["attempt"] + 1}
            if state["attempt"] >= CRAWL_MAX_ATTEMPTS:
                fetched.body.close()
                raise SourceFailed(f"{place_of(source.url)} changes while it is read.")
        file, piece = state["at"], state["piece"]
        meta = unnumbered(file, state["attempt"], file, piece, unquote(name or _base(source.url)))
        if fetched.complete:
            state |= _beginning(file + 1)
        elif piece + 1 >= FETCH_MAX_PIECES:
            fetched.body.close()
            raise SourceFailed(f"{place_of(source.url)} breaks off again and again.")
        else:
            state["offset"] = fetched.offset + fetched.size
            state |= {"validator": fetched.validator, "piece": piece + 1}
        done = state["at"] >= len(state["names"])
        return Advance(done, meta, fetched.body, file_complete=fetched.complete)

    def _names(self, source: Source) -> list[str]:
        if not source.is_directory:
            return [""]
        fetched = self.fetch.get(FetchRequest(source.url, source.allow_http, accept="text/html"))
        with fetched.body as body:
            if fetched.size > MAX_LISTING_BYTES:
                raise SourceFailed("The listing of the directory is too long.")
            listing = _Links()
            listing.feed(body.read().decode(errors="replace"))
        return _chosen(source, _inside(source.url, listing.links))


def _beginning(file: int) -> JsonObject:
    return {"at": file, "offset": 0, "validator": "", "piece": 0, "attempt": 0}


def _base(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _chosen(source: Source, names: Iterator[str]) -> list[str]:
    wanted = {name for name in names if matches(source.filename_pattern, unquote(name))}
    if not wanted:
        raise SourceFailed("No file of the directory matches filenamePattern.")
    if len(wanted) > MAX_DIRECTORY_FILES:
        raise SourceFailed(f"More than {MAX_DIRECTORY_FILES} files match filenamePattern.")
    return sorted(wanted)


def _inside(url: str, links: list[str]) -> Iterator[str]:
    """References to files directly in the directory, and to nowhere else."""
    base = urlsplit(url)
    for link in links:
        try:
            target = urlsplit(urljoin(url, link))
        except ValueError:
            continue
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            continue
        name = target.path.removeprefix(base.path)
        if name and name != target.path and "/" not in unquote(name) and ":" not in name:
            yield name


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]


@dataclass(frozen=True, slots=True)
class BucketFiles:
    """Objects of a bucket (`s3://bucket/key`, or a prefix with `filenamePattern`)."""

    buckets: BucketReader

    def advance(self, source: Source, state: JsonObject, _: int) -> Advance:
        parts = urlsplit(source.url)
        bucket, key = parts.netloc, unquote(parts.path.lstrip("/"))
        if "names" not in state:
            state |= {"at": 0, "names": self._names(source, bucket, key)}
            return Advance(done=False)
        file = state["at"]
        chosen = key + state["names"][file]
        state["at"] = file + 1
        meta = unnumbered(file, 0, file, name=chosen.rpartition("/")[2])
        return Advance(state["at"] >= len(state["names"]), meta, self._copy(bucket, chosen))

    def _names(self, source: Source, bucket: str, key: str) -> list[str]:
        if not source.is_directory:
            return [""]
        listed = (each.key.removeprefix(key) for each in self.buckets.list(bucket, key))
        return _chosen(source, (name for name in listed if name and "/" not in name))

    def _copy(self, bucket: str, key: str) -> BinaryIO:
        with self.buckets.open(bucket, key) as body, ExitStack() as on_failure:
            copy = on_failure.enter_context(tempfile.TemporaryFile())
            while chunk := body.read(CHUNK):
                copy.write(chunk)
                if copy.tell() > BUCKET_MAX_BYTES:
                    raise SourceFailed(f"The object has more than {BUCKET_MAX_BYTES:,} bytes.")
            copy.seek(0)
            on_failure.pop_all()  # the caller closes it
            return cast(BinaryIO, copy)
