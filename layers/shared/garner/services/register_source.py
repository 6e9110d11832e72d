"""Register, change and delete sources (an extension of ours, controller contract 4)."""

from dataclasses import replace

from garner.contracts.source import parse_descriptor
from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.source import unmasked_url
from garner.errors import Conflict, JsonObject, NotFound, ValidationFailed
from garner.ports.clock import Clock
from garner.ports.harvest import Schedules
from garner.ports.registry import SourceRegistry
from garner.ports.sources import Transformers
from garner.services.check_source import check_source

URL_FIELDS = ("ingestURL", "mergeIngestURLTemplate")


def register_source(
    document: JsonObject, *, sources: SourceRegistry, transformers: Transformers, clock: Clock
) -> RegisteredSource:
    """Raises `ValidationFailed` naming the fields, `Conflict` if the id is taken."""
    descriptor, source = check_source(document, transformers=transformers)
    now = clock.seconds()
    row = RegisteredSource(
        source_id=source.source_id,
        descriptor=descriptor.to_json(),
        created_at=now,
        changed_at=now,
    )
    if not sources.create(row):
        raise Conflict(f'There is a source named "{source.source_id}" already')
    return row


def find_source(source_id: str, *, sources: SourceRegistry) -> RegisteredSource:
    """Raises `NotFound`."""
    row = sources.get(source_id)
    if row is None:
        raise NotFound(f'There is no source named "{source_id}"')
    return row


def change_source(
    source_id: str,
    document: JsonObject,
    *,
    sources: SourceRegistry,
    transformers: Transformers,
    schedules: Schedules,
    clock: Clock,
) -> RegisteredSource:
    """Replaces the descriptor. A run that is under way keeps the one it started with. A URL sent
    back as it was shown, with its secrets masked, is the stored one."""
    row = find_source(source_id, sources=sources)
    changed = parse_descriptor(document).to_json()
    changed |= {
        name: unmasked_url(changed[name], row.descriptor[name])
        for name in URL_FIELDS
        if name in changed and name in row.descriptor
    }
    descriptor, source = check_source(changed, transformers=transformers)
    if source.source_id != source_id:
        raise ValidationFailed.of("json", "sourceID", "The id of a source can't change.")
    schedule = row.schedule
    if schedule and source.schedule_hours:
        schedule = {**schedule, "hours": source.schedule_hours}
        schedules.put(source_id, hours=source.schedule_hours, request=schedule["request"])
    return sources.change(
        source_id,
        lambda stored: replace(
            stored,
            descriptor=descriptor.to_json(),
            descriptor_version=stored.descriptor_version + 1,
            changed_at=clock.seconds(),
            schedule=schedule,
        ),
    )


def delete_source(source_id: str, *, sources: SourceRegistry, schedules: Schedules) -> None:
    """Takes the source out of the registry; what it published stays. Raises `Conflict` while a
    workflow is active on it."""
    row = find_source(source_id, sources=sources)
    if row.active_run:
        raise Conflict("A workflow is active on this source; reset it first")
    schedules.delete(source_id)
    if not sources.delete(row):
        raise Conflict("The source changed meanwhile; try again")
