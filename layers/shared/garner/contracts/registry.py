"""Documents of the source registry and of index names."""

from typing import Annotated

from pydantic import Field, StringConstraints

from garner.contracts.base import Document
from garner.contracts.controller import iso, process_request
from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import ProcessRequest
from garner.domain.harvest.run import RecordError
from garner.domain.harvest.source import masked_descriptor
from garner.domain.harvest.tables import IndexName
from garner.errors import JsonObject

_SourceName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class IndexNameDocument(Document):
    """What a name of an index may be used by; `move_from` takes it from another index."""

    sources: list[_SourceName] = Field(max_length=1_000)
    move_from: str = ""


class ScheduleDocument(Document):
    """`parameters` are those of `update`, as on the wire: `{"indexName": …, "-skipCheck": …}`."""

    parameters: dict[str, str]
    hours: int | None = Field(None, ge=1, le=8_784)


class SampleDocument(Document):
    size: int = Field(5, ge=1)


def source_document(source: RegisteredSource) -> JsonObject:
    """A source as curators see it: no credential of a URL is shown."""
    return {
        "source_id": source.source_id,
        "descriptor": masked_descriptor(source.descriptor),
        "version": source.descriptor_version,
        "status": source.status.value,
        "created_at": iso(source.created_at),
        "changed_at": iso(source.changed_at),
        "last_run_at": iso(source.last_run_at),
        "last_refusal": source.last_refusal,
        "records_in_error": source.errors_left,
        "accepted_records": source.reference,
        "schedule": source.schedule,
    }


def runs_document(source: RegisteredSource, requests: list[ProcessRequest]) -> JsonObject:
    by_state: dict[str, int] = {}
    for request in requests:
        by_state[request.state.value] = by_state.get(request.state.value, 0) + 1
    return {
        "source_id": source.source_id,
        "status": source.status.value,
        "last_refusal": source.last_refusal,
        "by_state": by_state,
        "runs": [process_request(each) for each in requests],
    }


def errors_document(errors: list[RecordError], marker: str) -> JsonObject:
    return {
        "errors": [{"record": each.record, "reason": each.reason} for each in errors],
        "marker": marker or None,
    }


def index_name_document(row: IndexName) -> JsonObject:
    return {"name": row.name, "index_id": row.index_id, "sources": list(row.sources)}
