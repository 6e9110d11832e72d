"""Text files of unknown encoding as UTF-8."""

import codecs
import io

from garner.errors import SourceFailed
from garner.sources.expand import stream_of

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def utf8_stream(stream: io.BufferedReader, encoding: str = "") -> io.BufferedReader:
    """The same text in UTF-8, without a byte-order mark. A mark wins over `encoding`; without
    either, a text with every other byte 0 is UTF-16 and all else is taken for UTF-8, unchecked."""
    head = stream.peek(512)[:512]
    mark, told = next(((m, name) for m, name in _MARKS if head.startswith(m)), (b"", ""))
    stream.read(len(mark))
    chosen = codecs.lookup(told or encoding or _without_mark(head)).name
    return stream if chosen in ("utf-8", "ascii") else _decoded(stream, chosen)


def _without_mark(head: bytes) -> str:
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[offset::2].count(0), head[1 - offset :: 2].count(0)
        if len(head) > 3 and zeros > len(head) // 4 and not others:
            return name
    return "utf-8"


def _decoded(stream: io.BufferedReader, encoding: str) -> io.BufferedReader:
    decoder = codecs.getincrementaldecoder(encoding)()
    waiting = b""

    def read(count: int) -> bytes:
        nonlocal waiting
        while not waiting:
            data = stream.read(count)
            try:
                waiting = decoder.decode(data, final=not data).encode()
            except UnicodeError:
                raise SourceFailed(f"The text is not valid {encoding.upper()}.") from None
            if not data:
                break
        result, waiting = waiting[:count], waiting[count:]
        return result

    return stream_of(read)


def with_line_feeds(stream: io.BufferedReader) -> io.BufferedReader:
    """Files of old spreadsheets end their lines with a carriage return alone."""
    head = stream.peek(4_096)
    if b"\r" not in head or b"\n" in head:
        return stream
    return stream_of(lambda count: stream.read(count).replace(b"\r", b"\n"))


def looks_like_html(stream: io.BufferedReader) -> bool:
    head = stream.peek(512)[:512].lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html"))
