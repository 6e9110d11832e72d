"""What an ingest would come to, without doing it (contract 8.12)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from garner import limits
from garner.domain import documents as doc
from garner.domain.content import FIELD_LIMIT
from garner.domain.fields import FieldType, Schema, contract_path, parts_of_engine_path
from garner.domain.operations import lines, operations
from garner.domain.tasks import EntryOutcome, NewTask, PayloadRef, Task
from garner.errors import JsonObject
from garner.ports.task_log import TaskLog
from garner.services.drain.judge import Judge, Judged
from garner.services.drain.merge import merge


def dry_run(index_id: str, task: NewTask, *, log: TaskLog) -> JsonObject:
    """Judges a task as a worker would, against the fields that the index has now.

    Writes nothing and takes no slot. What waits in the log and what the subjects hold already is
    not looked at, so that a task may still fail that was fine here.
    """
    schema = replace(log.schema(index_id), bound_by={})  # it would come behind all that are there
    judged = Judge(schema).judge(_as_recorded(task), task.payload)
    merge([judged], {})  # entries that one subject has too many of within the request
    failures = sorted(judged.refused + judged.limited, key=lambda each: each.position)
    return {
        "dry_run": True,
        "valid": not failures and judged.error is None,
        "message": judged.message,
        "counts": {
            "accepted": 0 if judged.error else task.operations - len(failures),
            "rejected": task.operations if judged.error else len(failures),
        },
        "errors": [_error(each) for each in failures[: limits.MAX_REPORTED_FAILURES]],
        "new_fields": _paths(judged.new_fields),
        "field_budget": _budget(schema, judged),
        "sizes": _sizes(task.payload),
        "visible_to": _readers(task.payload),
    }


def _as_recorded(task: NewTask) -> Task:
    """As it would stand in the log; entries with errors are told apart from the others."""
    nowhere = PayloadRef("", "", 0, len(task.payload))
    return Task(
        n=1,
        kind=task.kind,
        caller="",
        request_id="",
        payload=nowhere,
        operations=task.operations,
        created_at=0.0,
        skip_errors=True,
    )


def _error(outcome: EntryOutcome) -> JsonObject:
    return {name: value for name, value in outcome.to_json().items() if name != "outcome"}


def _paths(fields: dict[str, FieldType]) -> dict[str, str]:
    return {contract_path(parts_of_engine_path(path)): kind.value for path, kind in fields.items()}


def _budget(schema: Schema, judged: Judged) -> JsonObject:
    """`needed` counts fields for which there was no room, too."""
    used, new = len(schema.fields), len(judged.new_fields)
    without = {each.field for each in judged.refused if each.code == FIELD_LIMIT}
    return {
        "budget": limits.MAX_FIELDS,
        "used": used,
        "needed": new + len(without),
        "left": limits.MAX_FIELDS - used - new,
    }


def _sizes(payload: bytes) -> JsonObject:
    sizes = [len(line) for line in lines(payload)]
    return {"bytes": sum(sizes), "largest_entry": max(sizes, default=0)}


def _readers(payload: bytes) -> dict[str, int]:
    """How many of the entries each principal could see."""
    lists: Iterable[list[str]] = (each.entry[doc.VISIBLE_TO] for each in operations(payload))
    return dict(Counter(reader for readers in lists for reader in set(readers)).most_common())
