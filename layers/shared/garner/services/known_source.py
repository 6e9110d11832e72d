"""Find a source by what a client sent: missing and unknown have texts of their own (2.5)."""

from garner.domain.harvest.control import NO_RESOURCE, UNKNOWN_RESOURCE, Refused, RegisteredSource
from garner.ports.registry import SourceRegistry


def known_source(source_id: str | None, *, sources: SourceRegistry) -> RegisteredSource:
    """Raises `Refused`."""
    if not source_id or not source_id.strip():
        raise Refused(NO_RESOURCE)
    source = sources.get(source_id)
    if source is None:
        raise Refused(UNKNOWN_RESOURCE)
    return source
