"""The times and bounds of the ingest protocol. All times are seconds; tests make them short."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolSettings:
    """Ingest protocol, section 3, first paragraph; the defaults are those of production."""

    lease: float = 60.0
    heartbeat: float = 20.0
    void_grace: float = 2.0
    lifetime: float = 840.0  # of one drain: the function's time-out less the margin
    engine_request: float = 30.0  # the longest that one request to the engine may take
    clock_difference: float = 5.0  # the largest between two workers
    max_attempts: int = 3
    bulks_in_flight: int = 3
    retry_first: float = 0.2
    retry_most: float = 5.0
    patience: float = 30.0  # with an engine that refuses, before a clean stop
    backoff: float = 30.0  # after such a stop
    ring_after: float = 30.0
    purge_after: float = 86_400.0
    backlog_tasks: int = 100_000
    backlog_bytes: int = 20_000_000_000
    idempotency: float = 86_400.0

    @property
    def arrival(self) -> float:
        """How long after it was sent a write may still arrive, by anybody's clock."""
        return self.engine_request + 2 * self.clock_difference
