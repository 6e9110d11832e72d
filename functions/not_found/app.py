"""What no route of the gateway takes: 404, 405, and preflight requests that come this far."""

import re
from pathlib import Path

import orjson

from garner.api.answer import Answer
from garner.api.request import Request
from garner.api.resolver import Api
from garner.errors import MethodNotAllowed, NotFound
from garner.runtime.container import Container
from garner.runtime.start import serve_open

_PATHS: dict[str, list[str]] = orjson.loads((Path(__file__).parent / "paths.json").read_bytes())
_PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, "
    "X-Globus-Client-Info, Idempotency-Key",
    "Access-Control-Max-Age": "600",
}


def _methods(path: str) -> list[str]:
    """The methods of the route that has this path."""
    for template, methods in _PATHS.items():
        if re.fullmatch(re.sub(r"\{.+?\}", "[^/]+", template), path):
            return methods
    return []


def routes(api: Api, on: Container) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "OPTIONS":
            return Answer(b"", status=204, headers=_PREFLIGHT)
        allowed = _methods(request.path)
        if allowed:
            text = f"{request.path} takes {', '.join(allowed)}, not {request.method}"
            raise MethodNotAllowed(text, {"allowed": allowed})
        raise NotFound(f"There is no route {request.method} {request.path}")

    api.otherwise(answer)


handler = serve_open("not_found", routes)
