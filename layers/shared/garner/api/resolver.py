"""The edge of every function behind the HTTP API: routing, authentication, errors, answers, and one
log line per request.

No framework: the gateway has routed to the function already, and the contract decides the shape of
each answer and error. A resolver of powertools costs a cold start 80 ms (docs/adr/0016).
"""

import logging
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson

from garner.api.answer import Answer, as_answer, pack
from garner.api.errors import ErrorDocument, as_known, globus_document, headers_of, status_of
from garner.api.request import Request
from garner.domain.principals import Caller
from garner.errors import JsonObject, NotFound
from garner.ports.clock import Ids

log = logging.getLogger(__name__)

Event = Mapping[str, Any]
Result = JsonObject | bytes | Answer
"""What a route gives back: an object, ready-made JSON, or an `Answer`."""

AnyRoute = TypeVar("AnyRoute", bound=Callable[..., Result])
Authenticate = Callable[[Request], Caller]

_IDENTIFIERS = ("index_id", "task_id")  # parts of a path that go into the log


def bearer(caller_of: Callable[[str | None], Caller]) -> Authenticate:
    """Authentication by the Authorization header, as the Search API has it."""
    return lambda request: caller_of(request.headers.get("authorization"))


class Api:
    """Collects the routes of one function and serves its events.

        @api.get("/v1/index/<index_id>")
        def index_show(request: Request, index_id: str) -> JsonObject: ...

    `authenticate` finds the caller, before anything else; `document` writes errors in the dialect
    of the API; `after` is called when an event is served.
    """

    def __init__(
        self,
        *,
        authenticate: Authenticate,
        ids: Ids,
        document: ErrorDocument = globus_document,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._authenticate = authenticate
        self._ids = ids
        self._document = document
        self._after = after
        self._calls: list[tuple[str, str, Callable[..., Result]]] = []
        self._otherwise: tuple[str, Callable[..., Result]] = ("unknown", _unknown_path)

    def get(self, path: str) -> Callable[[AnyRoute], AnyRoute]:
        return self.route("GET", path)

    def post(self, path: str) -> Callable[[AnyRoute], AnyRoute]:
        return self.route("POST", path)

    def put(self, path: str) -> Callable[[AnyRoute], AnyRoute]:
        return self.route("PUT", path)

    def patch(self, path: str) -> Callable[[AnyRoute], AnyRoute]:
        return self.route("PATCH", path)

    def delete(self, path: str) -> Callable[[AnyRoute], AnyRoute]:
        return self.route("DELETE", path)

    def route(self, method: str, path: str) -> Callable[[AnyRoute], AnyRoute]:
        def register(route: AnyRoute) -> AnyRoute:
            self._calls.append((method, path, route))
            return route

        return register

    @property
    def routes(self) -> list[tuple[str, str]]:
        """`(method, path)` of each, for the OpenAPI document."""
        return [(method, path) for method, path, _ in self._calls]

    def serves(self, method: str, path: str) -> bool:
        """Whether a route of this function would get such a request."""
        return self._find(method, path)[0] != self._otherwise[0]

    def otherwise(self, route: Callable[[Request], Result]) -> None:
        """Serves what no other route of this function serves."""
        self._otherwise = ("otherwise", route)

    def __call__(self, event: Event, context: object) -> dict[str, Any]:
        """The answer to one event, in the gateway's format 2.0."""
        http = event["requestContext"]["http"]
        try:
            return self._serve(event, *self._find(http["method"], http["path"]))
        finally:
            if self._after:
                self._after()

    def _find(self, method: str, path: str) -> tuple[str, Callable[..., Result], dict[str, str]]:
        """The route's path, the route and the parts that it names."""
        for of_method, of_path, route in self._calls:
            if of_method == method and (parts := _match(of_path, path)) is not None:
                return of_path, route, parts
        return *self._otherwise, {}

    def _serve(
        self, event: Event, path: str, route: Callable[..., Result], parts: Mapping[str, str]
    ) -> dict[str, Any]:
        """Runs a route; whatever it raises becomes an error document. The one place that logs."""
        started = time.perf_counter()
        request_id = self._ids.token()
        about = {
            "request_id": request_id,
            "method": event["requestContext"]["http"]["method"],
            "route": path,
            **{name: parts[name] for name in _IDENTIFIERS if name in parts},
        }
        failure: Exception | None = None
        try:
            request = Request.of(event, request_id)
            request.caller = self._authenticate(request)
            response = _response(as_answer(route(request, **parts)), event)
        except Exception as error:
            response, code = self._failed(error, request_id, event)
            about["code"] = code
            failure = error if response["statusCode"] >= 500 else None
        about["status"] = response["statusCode"]
        about["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
        level = logging.ERROR if failure else logging.INFO
        log.log(level, "request served", extra=about, exc_info=failure)
        return response

    def _failed(
        self, error: Exception, request_id: str, event: Event
    ) -> tuple[dict[str, Any], str]:
        known = as_known(error)
        status = status_of(known)
        body = orjson.dumps(self._document(known, status, request_id))
        answer = Answer(body, status, headers=headers_of(known))
        return _response(answer, event), known.code


def _unknown_path(request: Request) -> Result:
    raise NotFound(f"There is no route {request.method} {request.path}")


def _match(template: str, path: str) -> dict[str, str] | None:
    """The parts of `path` that stand where `template` has `<name>`; None if it is another path."""
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    parts: dict[str, str] = {}
    for expected, part in zip(wanted, given, strict=True):
        if expected.startswith("<") and part:
            parts[expected[1:-1]] = part
        elif expected != part:
            return None
    return parts


def _response(answer: Answer, event: Event) -> dict[str, Any]:
    """In the gateway's format 2.0; compressed bodies travel as base64."""
    headers = event.get("headers") or {}
    body, extra = pack(answer.body, headers.get("accept-encoding", ""))
    packed = isinstance(body, bytes)
    return {
        "statusCode": answer.status,
        "headers": {"Content-Type": answer.content_type, **answer.headers, **extra},
        "body": b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": packed,
    }
