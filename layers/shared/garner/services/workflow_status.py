"""The one word of the `*_status` routes (controller contract 6.1)."""

from typing import Literal

from garner.domain.harvest.requests import RequestType
from garner.ports.registry import SourceRegistry
from garner.ports.runs import RequestLog
from garner.services.known_source import known_source

StatusWord = Literal["Running", "Finished", "None"]


def workflow_status(
    kind: RequestType,
    source_id: str | None,
    *,
    sources: SourceRegistry,
    requests: RequestLog,
) -> StatusWord:
    """Of the latest request of that type, whatever its outcome. Raises `Refused`."""
    source = known_source(source_id, sources=sources)
    request = requests.get(source.latest.get(kind.value, ""))
    if request is None:
        return "None"
    return "Finished" if request.state.is_terminal else "Running"
