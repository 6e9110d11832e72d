"""From stored bytes to the files in them: one layer of zip, gzip or tar, told by content.

Nothing is written to disk under a name from an archive, and every byte that comes out is counted
(visibility and security, Security 5). Archives within archives are refused.
"""

import io
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from shutil import copyfileobj
from typing import BinaryIO, cast

from garner.errors import SourceFailed
from garner.limits import (
    FETCH_MAX_EXPANDED_BYTES,
    FETCH_MAX_RATIO,
    FETCH_RATIO_FREE_BYTES,
    MAX_ARCHIVE_FILES,
)
from garner.ports.sources import RawFile
from garner.sources.regex import matches

CHUNK = 65_536
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_END, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_MAX_ZIP_DIRECTORY = 2_000_000
_BLOCK = tarfile.BLOCKSIZE
_MAX_TAR_HEADER = 65_536


@dataclass(frozen=True, slots=True)
class Member:
    """One file: of an archive, or the download itself. `stream` is read before the next one."""

    index: int
    name: str
    stream: io.BufferedReader


@contextmanager
def opened(pieces: Sequence[RawFile]) -> Iterator[BinaryIO]:
    """The bytes of a file as one seekable stream; pieces are joined on disk."""
    if len(pieces) == 1:
        with pieces[0].open() as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as joined:
        for piece in pieces:
            with piece.open() as stream:
                copyfileobj(stream, joined, CHUNK)
        joined.seek(0)
        yield cast(BinaryIO, joined)


def members(raw: BinaryIO, name: str, pattern: str) -> Iterator[Member]:
    """The files in `raw`, those of an archive only where `pattern` matches their base name (empty:
    all). Raises `SourceFailed` for what can't be expanded within the limits."""
    size = raw.seek(0, io.SEEK_END)
    raw.seek(0)
    head = raw.read(_BLOCK)
    raw.seek(0)
    budget = _Budget(size)
    if head.startswith(_ZIP):
        found = _zip_members(raw, size, budget)
    elif head.startswith(_GZIP):
        found = _gzip_members(raw, name, budget)
    elif _is_tar(head):
        found = _tar_members(raw)
    else:
        yield Member(0, name, stream_of(raw.read))
        return
    yield from _chosen(found, pattern)


def _chosen(found: Iterator[Member], pattern: str) -> Iterator[Member]:
    chosen = 0
    for count, member in enumerate(found, 1):
        if count > MAX_ARCHIVE_FILES:
            raise SourceFailed(f"The archive holds more than {MAX_ARCHIVE_FILES} files.")
        path = PurePosixPath(member.name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise SourceFailed("The archive has a file whose name leads out of it.")
        if pattern and member.index >= 0 and not matches(pattern, path.name):
            continue
        chosen += 1
        yield Member(max(member.index, 0), member.name, _no_archive(member.stream))
    if not chosen:
        raise SourceFailed("No file of the archive matches filenamePattern.")


@dataclass
class _Budget:
    """What may still come out of one raw file."""

    compressed: int
    expanded: int = 0

    def spend(self, count: int) -> None:
        self.expanded += count
        if self.expanded > FETCH_MAX_EXPANDED_BYTES:
            raise SourceFailed(f"The file expands to more than {FETCH_MAX_EXPANDED_BYTES:,} bytes.")
        ratio_limit = max(FETCH_RATIO_FREE_BYTES, self.compressed * FETCH_MAX_RATIO)
        if self.expanded > ratio_limit:
            raise SourceFailed(f"The file expands to more than {FETCH_MAX_RATIO} times its size.")


class _Stream(io.RawIOBase):
    """A readable stream made of a function `read(n)`."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


def stream_of(read: Callable[[int], bytes]) -> io.BufferedReader:
    """A buffered stream over `read(n)`, which gives at most n bytes and none at the end."""
    return io.BufferedReader(_Stream(read), CHUNK)


def _no_archive(stream: io.BufferedReader) -> io.BufferedReader:
    head = stream.peek(4)[:4]
    if head.startswith((*_ZIP, _GZIP)):
        raise SourceFailed("The archive holds another archive; only one layer is unpacked.")
    return stream


def _zip_members(raw: BinaryIO, size: int, budget: _Budget) -> Iterator[Member]:
    _check_zip_directory(raw, size)
    try:
        with zipfile.ZipFile(raw) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            for index, info in enumerate(infos):
                if info.flag_bits & 1:
                    raise SourceFailed("The zip archive is encrypted.")
                with archive.open(info) as content:
                    yield Member(index, info.filename, stream_of(_counted(content.read, budget)))
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
        raise SourceFailed("The zip archive is broken or cut off.") from error


def _check_zip_directory(raw: BinaryIO, size: int) -> None:
    """The directory is read as a whole, so its size is looked at first."""
    raw.seek(max(0, size - 65_557))
    tail = raw.read()
    raw.seek(0)
    end = tail.rfind(_ZIP_END)
    if end < 0:
        raise SourceFailed("The zip archive is broken or cut off.")
    too_large = int.from_bytes(tail[end + 12 : end + 16], "little") > _MAX_ZIP_DIRECTORY
    if too_large or tail[max(0, end - 20) : end].startswith(_ZIP64_LOCATOR):
        raise SourceFailed(f"The archive holds more than {MAX_ARCHIVE_FILES} files.")


def _counted(read: Callable[[int], bytes], budget: _Budget) -> Callable[[int], bytes]:
    def counted(count: int) -> bytes:
        try:
            data = read(count)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise SourceFailed("The archive is broken or cut off.") from error
        budget.spend(len(data))
        return data

    return counted


def _gzip_members(raw: BinaryIO, name: str, budget: _Budget) -> Iterator[Member]:
    stream = stream_of(_counted(_Gunzip(raw).read, budget))
    head = stream.peek(_BLOCK)[:_BLOCK]
    if _is_tar(head):
        yield from _tar_members(stream)
    else:
        yield Member(-1, name.removesuffix(".gz"), stream)  # not an archive: no name to choose by


class _Gunzip:
    """gzip, several members in a row included; never more than asked for in memory."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._waiting = b""

    def read(self, count: int) -> bytes:
        while True:
            if not self._waiting:
                self._waiting = self._raw.read(CHUNK)
                if not self._waiting:
                    if not self._inflate.eof:
                        raise SourceFailed("The gzip file is cut off.")
                    return b""
            if self._inflate.eof:  # padding, or the next member
                self._waiting = self._waiting.lstrip(b"\0")
                if not self._waiting:
                    continue
                self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
            data = self._inflate.decompress(self._waiting, count)
            self._waiting = self._inflate.unconsumed_tail or self._inflate.unused_data
            if data:
                return data


def _is_tar(head: bytes) -> bool:
    if len(head) < _BLOCK or not head.strip(b"\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _tar_members(stream: BinaryIO) -> Iterator[Member]:
    """Regular files of a tar. An own walk over the headers, because the library reads extended
    headers of any claimed size into memory."""
    index, long_name = 0, ""
    while (header := _exactly(stream, _BLOCK)).strip(b"\0"):
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise SourceFailed("The tar archive is broken.") from error
        padded = -(-info.size // _BLOCK) * _BLOCK
        if info.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            if info.size > _MAX_TAR_HEADER:
                raise SourceFailed("The tar archive is broken.")
            extra = _exactly(stream, padded)[: info.size]
            long_name = _long_name(extra, info.type) or long_name
            continue
        left = _Left(stream, info.size)
        if info.isreg():
            yield Member(index, long_name or info.name, stream_of(left.read))
            index += 1
        left.skip(padded - info.size)
        long_name = ""


def _long_name(extra: bytes, kind: bytes) -> str:
    if kind == tarfile.GNUTYPE_LONGNAME:
        return extra.rstrip(b"\0").decode(errors="surrogateescape")
    names = [line.partition(b" path=")[2] for line in extra.split(b"\n") if b" path=" in line]
    return names[0].decode(errors="surrogateescape") if names else ""


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise SourceFailed("The tar archive is cut off.")
    return data


class _Left:
    """The part of a stream that belongs to one file of a tar."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, count: int) -> bytes:
        data = self._stream.read(min(count, self._left))
        if not data and self._left:
            raise SourceFailed("The tar archive is cut off.")
        self._left -= len(data)
        return data

    def skip(self, padding: int) -> None:
        while self._left:
            self.read(CHUNK)
        _exactly(self._stream, padding)
