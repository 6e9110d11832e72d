"""The payload of a task: one operation a line, in order, so that a line can be read alone.

    {"subject": …, "id": …, "visible_to": […], "principal_sets": {…}, "content": {…}}   an upsert
    {"subject": …, "id": …, "delete": "entry"}
    {"subject": …, "delete": "subject"}

A replayed upsert also has `at`, the version it had in the task that refused it. The first line of
every payload is the task's header: an object with what holds for all of its operations, and the
outline of larger ones.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import orjson

from garner import limits
from garner.domain.documents import ENTRY_ID
from garner.domain.outline import Outliner
from garner.errors import JsonObject


class Verb(Enum):
    UPSERT = "upsert"
    DELETE_ENTRY = "entry"
    DELETE_SUBJECT = "subject"


_VERBS = {verb.value: verb for verb in Verb}  # for each line: calling the class takes longer


@dataclass(slots=True)
class Operation:
    """One line of a payload. `entry` is the whole line, `raw` its bytes where they are at hand."""

    position: int
    verb: Verb
    subject: str
    entry_id: str | None
    entry: JsonObject
    at: int | None = None
    raw: bytes = b""


def encode(operations: Iterable[JsonObject], header: JsonObject | None = None) -> bytes:
    """The payload of these lines."""
    every = list(operations)
    outline: JsonObject = {}
    if len(every) >= limits.OUTLINED_OPERATIONS:
        outliner = Outliner()
        for line in every:
            outliner.take(line)
        outline = outliner.header()
    return join({**(header or {}), **outline}, map(orjson.dumps, every))


def join(header: JsonObject, lines: Iterable[bytes]) -> bytes:
    """The payload of these lines, which are written already."""
    return b"\n".join([orjson.dumps(header), *lines])


def upsert(
    subject: str,
    visible_to: list[str],
    content: JsonObject,
    *,
    entry_id: str | None = None,
    principal_sets: dict[str, list[str]] | None = None,
) -> JsonObject:
    """The line of a GMetaEntry (contract 2.4), checked before: URNs in lower case."""
    line: JsonObject = {"subject": subject}
    if entry_id:
        line["id"] = entry_id
    line["visible_to"] = visible_to
    if principal_sets:
        line["principal_sets"] = principal_sets
    line["content"] = content
    return line


def delete_entry(subject: str, entry_id: str | None) -> JsonObject:
    return {"subject": subject, "id": entry_id or None, "delete": Verb.DELETE_ENTRY.value}


def delete_subject(subject: str) -> JsonObject:
    return {"subject": subject, "delete": Verb.DELETE_SUBJECT.value}


def header(payload: bytes) -> JsonObject:
    """What holds for all operations, e.g. `declared`: contract path → geo type."""
    end = payload.find(b"\n")
    line: JsonObject = orjson.loads(payload if end < 0 else payload[:end])
    return line


def lines(payload: bytes) -> list[bytes]:
    """Those of the operations."""
    return payload.split(b"\n")[1:]


def operations(payload: bytes) -> Iterator[Operation]:
    for position, line in enumerate(lines(payload)):
        yield operation(position, orjson.loads(line), line)


def operation(position: int, line: JsonObject, raw: bytes = b"") -> Operation:
    return Operation(
        position,
        _VERBS[line.get("delete", "upsert")],
        line["subject"],
        line.get("id"),
        line,
        line.get("at"),
        raw,
    )


def cut(line: bytes) -> tuple[str, str | None, bytes] | None:
    """Subject, entry id and the JSON of the stored entry, of a line as `upsert` makes it without
    principal sets, which is not read for that. None where that needs a closer look, and of a line
    that is not at hand."""
    end = line.find(b'"', _SUBJECT_AT)
    if end < 0:
        return None
    if line.find(b"\\", _SUBJECT_AT, end) >= 0:
        return None
    subject = line[_SUBJECT_AT:end].decode()
    if not line.startswith(_ID, end):
        return subject, None, b"{" + line[end + 2 :]
    at = end + len(_ID)
    end = line.find(b'"', at)
    if line.find(b"\\", at, end) >= 0:
        return None
    return subject, line[at:end].decode(), _ENTRY_ID + line[at:]


_SUBJECT_AT = len('{"subject":"')
_ID = b'","id":"'
_ENTRY_ID = b'{"%b":"' % ENTRY_ID.encode()
