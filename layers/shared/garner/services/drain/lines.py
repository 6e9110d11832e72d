"""The lines of an uploaded file, plain or gzip, with bounded memory (ingest protocol 7)."""

import zlib
from collections.abc import Iterable, Iterator

from garner import limits
from garner.domain.tasks import TaskError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = zlib.MAX_WBITS | 16
_PIECE = 1 << 20


class BadLoad(Exception):
    """The file can't be taken; `reason` names the line and holds none of its content."""

    def __init__(self, error: TaskError, line: int, reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = f"Line {line:,}: {reason}"


class _Broken(Exception):
    """Like `BadLoad`, where nobody counts lines."""

    def __init__(self, error: TaskError, reason: str) -> None:
        super().__init__(reason)
        self.error, self.reason = error, reason


def numbered_lines(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """`(line number, line)` of every line that is not blank. Raises `BadLoad`."""
    number, rest = 0, b""
    try:
        for piece in _expanded(iter(pieces)):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                _require_short(line)
                number += 1
                if line and not line.isspace():
                    yield number, line
            _require_short(rest)
    except _Broken as broken:
        raise BadLoad(broken.error, number + 1, broken.reason) from None
    if rest and not rest.isspace():
        yield number + 1, rest


def _require_short(line: bytes) -> None:
    if len(line) > limits.MAX_ENTRY_BYTES:
        most = f"{limits.MAX_ENTRY_BYTES:,}"
        raise _Broken(TaskError.PAYLOAD_TOO_LARGE, f"It has more than {most} bytes")


def _expanded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    unpack = _gunzip if first.startswith(_GZIP_MAGIC) else _plain
    sent = made = 0
    for taken, part in unpack(first, pieces):
        sent, made = sent + taken, made + len(part)
        if made > limits.UPLOAD_MAX_EXPANDED_BYTES:
            most = f"{limits.UPLOAD_MAX_EXPANDED_BYTES:,}"
            raise _Broken(TaskError.PAYLOAD_TOO_LARGE, f"The file has more than {most} bytes")
        if made > limits.UPLOAD_RATIO_FREE_BYTES and made > limits.UPLOAD_MAX_RATIO * sent:
            ratio = limits.UPLOAD_MAX_RATIO
            reason = f"The file expands to more than {ratio} times its size"
            raise _Broken(TaskError.PAYLOAD_TOO_LARGE, reason)
        yield part


def _plain(first: bytes, pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """`(bytes taken, what they are)`."""
    yield len(first), first
    for piece in pieces:
        yield len(piece), piece


def _gunzip(first: bytes, pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """All members, a piece of them at a time in memory."""
    member, within, piece = zlib.decompressobj(_GZIP), False, first
    while piece:
        taken = len(piece)
        while piece:
            try:
                part = member.decompress(piece, _PIECE)
            except zlib.error:
                raise _Broken(TaskError.VALIDATION, "The file is not valid gzip") from None
            yield taken, part
            taken, within, piece = 0, not member.eof, member.unconsumed_tail
            if member.eof:
                piece, member = member.unused_data, zlib.decompressobj(_GZIP)
        piece = next(pieces, b"")
    if within:
        raise _Broken(TaskError.VALIDATION, "The gzip file ends too early")
