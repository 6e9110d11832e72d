"""The payload of a task: one operation a line, in order, so that a line can be read alone.

    {"subject": …, "id": …, "visible_to": […], "principal_sets": {…}, "content": {…}}   an upsert
    {"subject": …, "id": …, "delete": "entry"}
    {"subject": …, "delete": "subject"}

A replayed upsert also has `at`, the version it had in the task that refused it. The first line of
every payload is the task's header: an object with what holds for all of its operations.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import orjson

from garner.errors import JsonObject


class Verb(Enum):
    UPSERT = "upsert"
    DELETE_ENTRY = "entry"
    DELETE_SUBJECT = "subject"


_VERBS = {verb.value: verb for verb in Verb}  # for each line: calling the class takes longer


@dataclass(slots=True)
class Operation:
    """One line of a payload. `entry` is the whole line of an upsert, `raw` its bytes where they are
    at hand."""

    position: int
    verb: Verb
    subject: str
    entry_id: str | None
    entry: JsonObject
    at: int | None = None
    raw: bytes = b""


def encode(operations: Iterable[JsonObject], header: JsonObject | None = None) -> bytes:
    """The payload of these lines."""
    return b"\n".join([orjson.dumps(header or {}), *map(orjson.dumps, operations)])


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
    line: JsonObject = orjson.loads(payload.partition(b"\n")[0])
    return line


def operations(payload: bytes, first: int = 0) -> Iterator[Operation]:
    """The operations of a payload whose first one has position `first`."""
    start = payload.find(b"\n") + 1
    if not start:
        return
    for position, line in enumerate(payload[start:].split(b"\n"), first):
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
