"""Writes events/api/*.json: one event for each route of the Search API (`python -m tools.events`).

They are what API Gateway sends, are sent to their functions by the tests, and are there for
`make invoke FUNCTION=SearchFunction EVENT=events/api/search_get.json`.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.fakes.api import event
from tools.operations.search import OPERATIONS

EVENTS = Path(__file__).parents[1] / "events" / "api"
INDEX_ID = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d"
URN = "urn:globus:auth:identity:46bd0f56-e24f-11e5-a510-131bef46955c"

_ENTRY = {
    "subject": "https://example.com/foo/bar",
    "visible_to": ["public"],
    "content": {"foo/bar": "some val"},
}
_PARTS = {
    "index_id": INDEX_ID,
    "task_id": "0d0d0d0d-0d0d-8000-8000-000000000000",
    "role_id": "MDAwMDE3",
    "field_name": "rock",
    "webhook_id": "MDAwMDE4",
}
_QUERIES: dict[str, dict[str, str]] = {
    "search_get": {"q": "protein", "limit": "2"},
    "subject_get": {"subject": "https://example.com/foo/bar"},
    "subject_delete": {"subject": "https://example.com/foo/bar"},
    "entry_get": {"subject": "https://example.com/foo/bar"},
    "entry_delete": {"subject": "https://example.com/foo/bar", "entry_id": "foo/bar"},
    "index_list": {"filter_roles": "owner,writer"},
}
_BODIES: dict[str, Any] = {
    "search_post": {
        "@version": "query#1.0.0",
        "q": "protein",
        "filters": [{"type": "exists", "field_name": "homepage"}],
        "facets": [{"name": "Keywords", "type": "terms", "field_name": "keywords", "size": 3}],
    },
    "scroll": {"q": "*", "limit": 2},
    "ingest": {"ingest_type": "GMetaList", "ingest_data": {"gmeta": [_ENTRY]}},
    "entry_post": _ENTRY,
    "entry_put": _ENTRY | {"id": "foo/bar"},
    "batch_delete_by_subject": {"subjects": ["https://example.com/foo/bar"]},
    "delete_by_query": {"q": "nothing at all"},
    "index_create": {"display_name": "Drill cores", "description": "Cores of the north field"},
    "index_update": {"display_name": "Drill cores 2026"},
    "role_create": {"role_name": "writer", "principal": URN},
    "webhook_create": {"url": "https://example.com/hook"},
}


def files() -> dict[Path, str]:
    """File → text, one for each operation."""
    return {
        EVENTS / f"{operation.id}.json": json.dumps(
            _event(method, path, operation.id), indent=2, ensure_ascii=False
        )
        + "\n"
        for (method, path), operation in OPERATIONS.items()
    }


def _event(method: str, path: str, name: str) -> dict[str, Any]:
    parts = {part: value for part, value in _PARTS.items() if f"{{{part}}}" in path}
    body = _BODIES.get(name)
    made = event(
        method,
        path.format(**parts),
        query=urlencode(_QUERIES.get(name, {})),
        body=None if body is None else json.dumps(body),
    )
    return made | {"routeKey": f"{method} {path}", "pathParameters": parts}


def main() -> None:
    EVENTS.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
