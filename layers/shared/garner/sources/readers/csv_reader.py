"""CSV and TSV (controller contract 4.3): flat objects, column name → text."""

import csv
import io
from collections.abc import Iterator, Sequence

from garner.domain.harvest.source import CsvFormat
from garner.errors import SourceFailed
from garner.limits import MAX_COLUMNS, MAX_RECORD_BYTES
from garner.sources.expand import CHUNK
from garner.sources.readers.parsed import Parsed, too_large_record
from garner.sources.readers.text import utf8_stream, with_line_feeds

# Stands for an escaped quote between decoding and the finished cell. Decoding never gives it:
# bytes that are no UTF-8 become U+DC80 to U+DCFF.
_ESCAPED = "\ud800"

# The library's own limit is 131,072 characters; ours counts whole records.
csv.field_size_limit(MAX_RECORD_BYTES)


def csv_records(stream: io.BufferedReader, form: CsvFormat, offset: int = 0) -> Iterator[Parsed]:
    lines = _Lines(with_line_feeds(utf8_stream(stream, form.encoding)), form)
    rows = _reader(lines, form)
    columns = _header(rows, lines, form)
    lines.skip_to(offset)
    while True:
        lines.begin_record()
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Parsed(lines.offset, error=f"The row can't be read: {error}.")
            continue
        if row is None:
            return
        if lines.undecodable:
            text = "The row is not valid UTF-8; set `encoding` in the descriptor."
            yield Parsed(lines.offset, error=text)
        elif row:  # else it is a blank line
            if form.escape:
                row = [cell.replace(_ESCAPED, form.quote) for cell in row]
            cells = row + [""] * (len(columns) - len(row))
            yield Parsed(lines.offset, value=dict(zip(columns, cells, strict=False)))


class _Lines:
    """Lines of text for the csv module, with the bytes they took."""

    def __init__(self, stream: io.BufferedReader, form: CsvFormat) -> None:
        self._stream = stream
        self._escaped = form.escape + form.quote if form.escape and form.quote else ""
        self._quote = form.quote
        self.offset = 0
        self.number = 0
        self.begin_record()

    def begin_record(self) -> None:
        self._bytes = 0
        self.undecodable = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MAX_RECORD_BYTES + 1)
        if not line:
            if self._bytes:
                raise SourceFailed(
                    "The file ends inside a quoted value: it is cut off, or a quote is not closed."
                )
            raise StopIteration
        self.offset += len(line)
        self.number += 1
        self._bytes += len(line)
        if self._bytes > MAX_RECORD_BYTES:
            raise too_large_record()
        return self._decoded(line)

    def _decoded(self, line: bytes) -> str:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self.undecodable = True
            text = line.decode(errors="surrogateescape")
        return text.replace(self._escaped, _ESCAPED) if self._escaped else text

    def skip_to(self, offset: int) -> None:
        while self.offset < offset:
            skipped = self._stream.read(min(CHUNK, offset - self.offset))
            if not skipped:
                raise SourceFailed("The file is shorter than it was when it was read before.")
            self.offset += len(skipped)


def _reader(lines: _Lines, form: CsvFormat) -> Iterator[list[str]]:
    return csv.reader(
        lines,
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
    )


def _header(rows: Iterator[list[str]], lines: _Lines, form: CsvFormat) -> list[str]:
    for _ in range(form.header_line - 1):
        next(lines, None)
    lines.begin_record()
    try:
        row = next(rows, None)
    except csv.Error:
        row = None
    if not row or lines.undecodable:
        raise SourceFailed(f"Line {form.header_line} holds no readable column names.")
    while lines.number < form.ignore_lines:
        lines.begin_record()
        if next(lines, None) is None:
            break
    return column_names([cell.replace(_ESCAPED, form.quote) for cell in row])


def column_names(cells: Sequence[str]) -> list[str]:
    """Names as they stand; a blank one is `column_<n>`, a repeated one gets `_2`, `_3`, …"""
    if len(cells) > MAX_COLUMNS:
        raise SourceFailed(f"The file has more than {MAX_COLUMNS} columns.")
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(cells, 1):
        name = base = cell if cell.strip() else f"column_{number}"
        repeat = 1
        while name in taken:
            repeat += 1
            name = f"{base}_{repeat}"
        taken.add(name)
        names.append(name)
    return names
