"""The rows that curators and workers share besides sources and requests."""

from dataclasses import dataclass

from garner.domain.harvest.control import SystemStatus


@dataclass(frozen=True, slots=True)
class IndexName:
    """An alias row: `name` stands for `index_id`, and `sources` may publish there."""

    name: str
    index_id: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one source has published on one index. `ledger` is a stored manifest, `pending` the run
    that may have submitted something since; the first publish fixes `rule` and `entry_id`."""

    source_id: str
    index_id: str
    version: int = 0
    ledger: str = ""
    pending: str = ""
    rule: str | None = None
    entry_id: str | None = None
    fields_added: int = 0


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A row of `system_status`; `recovered_at` None is still open."""

    number: int
    status: SystemStatus
    opened_at: float
    recovered_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A row of `ingestion_statistics`: one a run. `import_id` rises."""

    import_id: int
    source_id: str
    request_id: str
    at: float
    total: int
    ingested: int
    finished: int
    errors: int
