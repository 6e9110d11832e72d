"""A source that updates itself: the same use case, called by a scheduler."""

from dataclasses import replace

from garner.contracts.source import parse_descriptor
from garner.domain.harvest.control import RegisteredSource
from garner.errors import JsonObject, ValidationFailed
from garner.ports.harvest import Schedules
from garner.ports.registry import SourceRegistry
from garner.services.register_source import find_source


def schedule_source(
    source_id: str,
    hours: int | None,
    parameters: JsonObject,
    *,
    sources: SourceRegistry,
    schedules: Schedules,
) -> RegisteredSource:
    """`parameters` are those of `update`, by their names on the wire; `hours` default to the
    descriptor's frequency. The schedule is made first: a row never promises one that is not."""
    row = find_source(source_id, sources=sources)
    every = hours or parse_descriptor(row.descriptor).schedule_hours
    if not every:
        text = "Give hours here, or scheduleFreq in the descriptor."
        raise ValidationFailed.of("json", "hours", text)
    request = {**parameters, "resourceID": source_id}
    schedules.put(source_id, hours=every, request=request)
    schedule = {"hours": every, "request": request}
    return sources.change(source_id, lambda stored: replace(stored, schedule=schedule))


def unschedule_source(
    source_id: str, *, sources: SourceRegistry, schedules: Schedules
) -> RegisteredSource:
    find_source(source_id, sources=sources)
    schedules.delete(source_id)
    return sources.change(source_id, lambda stored: replace(stored, schedule={}))
