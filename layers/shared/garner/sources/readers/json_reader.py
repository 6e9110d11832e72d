"""JSON documents and JSON lines, streamed (controller contract 4.4)."""

import io
from collections.abc import Iterator
from typing import Any

import ijson
import orjson

from garner.domain.harvest.records import Unusable, checked_record
from garner.domain.harvest.source import JsonFormat
from garner.errors import JsonObject, SourceFailed
from garner.limits import MAX_RECORD_BYTES
from garner.sources.expand import CHUNK
from garner.sources.readers.parsed import Parsed, RecordBudget, too_large_record
from garner.sources.readers.text import utf8_stream

Event = tuple[str, Any]


def json_records(stream: io.BufferedReader, form: JsonFormat, offset: int = 0) -> Iterator[Parsed]:
    """Records of a whole document; the first `offset` of them are left out."""
    budget = RecordBudget(utf8_stream(stream))
    walk = _Walk(form.document_element, budget)
    done = 0
    try:
        for value in walk.values(ijson.basic_parse(budget, buf_size=CHUNK)):
            done += 1
            if done > offset:
                yield _record(value, form, done)
    except (ijson.JSONError, UnicodeDecodeError, ValueError, SystemError) as error:
        # SystemError: how ijson's C part lets through what Python says of 10,000 digits.
        raise SourceFailed(
            f"The answer is not valid JSON, or is cut off, after {done} records."
        ) from error
    if not walk.found:
        raise SourceFailed(
            f"The answer has no `{form.document_element}`, which documentElement names."
            if form.document_element
            else "The answer is not an array; documentElement has to name the one to read."
        )


def _record(value: object, form: JsonFormat, number: int) -> Parsed:
    try:
        record = checked_record(value)
    except Unusable as error:
        return Parsed(number, error=str(error))
    return Parsed(number, value=normalized(record) if form.normalize else record)


class _Walk:
    """Finds the records in a stream of parser events, and builds nothing else."""

    def __init__(self, element: str, budget: RecordBudget) -> None:
        self._element = element
        self._budget = budget
        self.found = False

    def values(self, events: Iterator[Event]) -> Iterator[object]:
        depth, records_at = 0, -1  # records_at: depth of the members of a matching array
        key: str | None = None
        for event, value in events:
            matched = key == self._element if self._element else not depth
            if event == "start_map":
                if depth == records_at or (matched and self._element):
                    self.found = True
                    yield _built(events)
                else:
                    depth += 1
            elif event == "start_array":
                depth += 1
                if matched and records_at < 0:
                    self.found, records_at = True, depth
            elif event.startswith("end_"):
                records_at = -1 if depth == records_at else records_at
                depth -= 1
            key = value if event == "map_key" else None
            self._budget.reset()


def _built(events: Iterator[Event]) -> object:
    """The object whose start has just been read."""
    stack: list[Any] = [{}]
    keys: list[str] = [""]
    for event, value in events:
        if event == "map_key":
            keys[-1] = value
            continue
        if event.startswith("end_"):
            finished = stack.pop()
            keys.pop()
            if not stack:
                return finished
            continue
        item = {} if event == "start_map" else [] if event == "start_array" else value
        container = stack[-1]
        if isinstance(container, dict):
            container[keys[-1]] = item
        else:
            container.append(item)
        if event.startswith("start_"):
            stack.append(item)
            keys.append("")
    raise ijson.IncompleteJSONError("premature end")


def normalized(value: Any) -> Any:
    """An array whose only member is an array collapses by one level, everywhere."""
    if isinstance(value, dict):
        return {key: normalized(item) for key, item in value.items()}
    if isinstance(value, list):
        while len(value) == 1 and isinstance(value[0], list):
            value = value[0]
        return [normalized(item) for item in value]
    return value


def ndjson_records(stream: io.BufferedReader, offset: int = 0) -> Iterator[Parsed]:
    """One record per line; a broken line is one record in error."""
    text = utf8_stream(stream)
    position = 0
    while position < offset:
        skipped = text.read(min(CHUNK, offset - position))
        if not skipped:
            raise SourceFailed("The file is shorter than it was when it was read before.")
        position += len(skipped)
    while line := text.readline(MAX_RECORD_BYTES + 1):
        if len(line) > MAX_RECORD_BYTES:
            raise too_large_record()
        position += len(line)
        if line.strip():
            value, error = _line(line)
            yield Parsed(position, value=value, error=error)


def _line(line: bytes) -> tuple[JsonObject | None, str]:
    try:
        return checked_record(orjson.loads(line)), ""
    except orjson.JSONDecodeError:
        return None, "The line is not valid JSON, or is cut off."
    except Unusable as error:
        return None, str(error)
