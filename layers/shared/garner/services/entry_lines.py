"""Entries as callers write them → operations as tasks keep them (contract 2.4)."""

from garner.contracts.gmeta import GMetaEntry
from garner.contracts.strict_json import parse_json
from garner.domain import operations
from garner.errors import JsonObject, ValidationFailed


def entry_line(entry: GMetaEntry) -> JsonObject:
    return operations.upsert(
        entry.subject,
        entry.visible_to,
        entry.content,
        entry_id=entry.id,
        principal_sets=entry.principal_sets,
    )


def read_line(line: bytes) -> JsonObject:
    """The upsert in a line of an uploaded file; raises `ValueError` with what is wrong."""
    document = parse_json(line)
    if not isinstance(document, dict):
        raise ValueError("It is not a JSON object")
    try:
        return entry_line(GMetaEntry.from_json(document))
    except ValidationFailed as failed:
        messages = (failed.details or {})["messages"]["json"]
        raise ValueError("; ".join(_flat(messages, ""))) from None


def _flat(messages: JsonObject, path: str) -> list[str]:
    found = []
    for name, inner in messages.items():
        here = f"{path}.{name}" if path else name
        found += _flat(inner, here) if isinstance(inner, dict) else [f"{here}: {inner[0]}"]
    return found
