"""The models of what the registry shows, for the OpenAPI document. Apart from
`garner.contracts.registry`, which makes the answers, because no request needs them. Keys that are
not here are never sent, except in a descriptor.
"""

from typing import Any, Literal

from garner.contracts.controller_models import LogRowDocument, ProcessRequestDocument, Shown
from garner.contracts.source import SourceDescriptor
from garner.domain.harvest.control import ResourceStatus


class Schedule(Shown):
    """Every `hours`, `update` is called with `request`: its parameters as on the wire."""

    hours: int
    request: dict[str, str]


class NoSchedule(Shown):
    """The source has none."""


class SourceDocument(Shown):
    """`descriptor` in canonical spellings, without what has its default; what a URL tells in
    confidence is `***`. Times are ISO 8601, empty where there is none."""

    source_id: str
    descriptor: SourceDescriptor
    version: int
    status: ResourceStatus
    created_at: str
    changed_at: str
    last_run_at: str
    last_refusal: str
    records_in_error: int
    accepted_records: int
    schedule: Schedule | NoSchedule


class SourceList(Shown):
    sources: list[SourceDocument]


class SourceAcknowledgement(Shown):
    source_id: str
    acknowledged: Literal[True] = True


class SampledRecordDocument(Shown):
    """`error` says what would keep the record out of the index; empty: nothing."""

    where: str
    raw: dict[str, Any] | None
    primary_key: str
    document: dict[str, Any] | None
    subject: str
    error: str
    qc_messages: list[str]


class SampleAnswer(Shown):
    """`complete` is false where time ran out before `size` records; `filtered` and `deleted` count
    records passed over; `failure` says why the crawl could not go on after these records."""

    records: list[SampledRecordDocument]
    filtered: int
    deleted: int
    complete: bool
    failure: str


class RunList(Shown):
    """The newest first; `by_state` counts them."""

    source_id: str
    status: ResourceStatus
    last_refusal: str
    by_state: dict[str, int]
    runs: list[ProcessRequestDocument]


class RunLog(Shown):
    log: list[LogRowDocument]


class RecordErrorDocument(Shown):
    record: str
    reason: str


class RecordErrorList(Shown):
    """`marker` is that of the next page; null on the last one."""

    errors: list[RecordErrorDocument]
    marker: str | None


class IndexNameShown(Shown):
    name: str
    index_id: str
    sources: list[str]


class IndexNameList(Shown):
    names: list[IndexNameShown]


class IndexNameAcknowledgement(Shown):
    name: str
    acknowledged: Literal[True] = True
