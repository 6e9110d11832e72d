"""The records of a run that are in error, with their reasons, page by page."""

from collections.abc import Iterator

import orjson

from garner.domain.harvest.run import RecordError, Run
from garner.errors import BadRequest
from garner.limits import MAX_ERROR_LIST
from garner.ports.harvest import Stage
from garner.ports.runs import RunStore
from garner.services.harvest.names import PARSE, REBASE
from garner.services.harvest.objects import get_lines

_KINDS = (PARSE, REBASE)


def list_record_errors(
    run_id: str, marker: str, *, runs: RunStore, stage: Stage
) -> tuple[list[RecordError], str]:
    """At most a hundred, and the marker of the next page (empty: no more). Raises `BadRequest` for
    a marker that is none."""
    run = runs.get(run_id)
    if run is None:
        return [], ""
    start = _read_marker(marker)
    found: list[RecordError] = []
    for place, error in _errors(run, start, runs, stage):
        if len(found) == MAX_ERROR_LIST:
            return found, ".".join(map(str, place))
        found.append(error)
    return found, ""


def _errors(
    run: Run, start: tuple[int, int, int], runs: RunStore, stage: Stage
) -> Iterator[tuple[tuple[int, int, int], RecordError]]:
    for kind in range(start[0], len(_KINDS)):
        markers = runs.markers(run.run_id, f"{_KINDS[kind]}.{run.generation}")
        for unit, marker in sorted(markers.items()):
            if (kind, unit) < start[:2]:
                continue
            first = start[2] if (kind, unit) == start[:2] else 0
            lines = get_lines(stage, marker["errors"])
            for number, line in enumerate(lines[first:], first):
                yield (kind, unit, number), RecordError(*orjson.loads(line))


def _read_marker(text: str) -> tuple[int, int, int]:
    if not text:
        return 0, 0, 0
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadRequest("The marker is not one of this list")
    kind, unit, line = map(int, parts)
    return kind, unit, line
