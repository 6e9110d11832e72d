"""The edge of every function behind the HTTP API: routing, authentication, errors, answers, and one
log line per request.

Powertools routes; what is around a route is ours, because the contract decides the shape of each
error, and those of the framework would have another one.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

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
        self._resolver = APIGatewayHttpResolver()
        self._authenticate = authenticate
        self._ids = ids
        self._document = document
        self._after = after
        self.routes: list[tuple[str, str]] = []  # (method, path), for the OpenAPI document
        self._resolver.not_found(lambda _: self._serve("unknown", _unknown_path, {}))

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
            def call(**parts: str) -> Response[str | bytes]:
                return self._serve(path, route, parts)

            self._resolver.route(path, method)(call)
            self.routes.append((method, path))
            return route

        return register

    def serves(self, method: str, path: str) -> bool:
        """Whether a route of this function would get such a request."""
        return any(
            of_method == method and re.fullmatch(re.sub("<[^>]+>", "[^/]+", of_path), path)
            for of_method, of_path in self.routes
        )

    def otherwise(self, route: Callable[[Request], Result]) -> None:
        """Serves what no other route of this function serves."""
        self._resolver.not_found(lambda _: self._serve("otherwise", route, {}))

    def __call__(self, event: Event, context: Any) -> dict[str, Any]:
        """The answer to one event, in the gateway's format 2.0."""
        try:
            return self._resolver.resolve(event, context)
        finally:
            if self._after:
                self._after()

    def _serve(
        self, path: str, route: Callable[..., Result], parts: Mapping[str, str]
    ) -> Response[str | bytes]:
        """Runs a route; whatever it raises becomes an error document. The one place that logs."""
        started = time.perf_counter()
        request_id = self._ids.token()
        event: Event = self._resolver.current_event.raw_event
        about = {
            "request_id": request_id,
            "method": event["requestContext"]["http"]["method"],
            "route": path,
            **{name: parts[name] for name in _IDENTIFIERS if name in parts},
        }
        try:
            request = Request.of(event, request_id)
            request.caller = self._authenticate(request)
            response = _response(as_answer(route(request, **parts)), event)
        except Exception as error:
            response, code = self._failed(error, request_id, event)
            about["code"] = code
            failure = error if response.status_code >= 500 else None
        else:
            failure = None
        about["status"] = response.status_code
        about["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
        level = logging.ERROR if failure else logging.INFO
        log.log(level, "request served", extra=about, exc_info=failure)
        return response

    def _failed(
        self, error: Exception, request_id: str, event: Event
    ) -> tuple[Response[str | bytes], str]:
        known = as_known(error)
        status = status_of(known)
        body = orjson.dumps(self._document(known, status, request_id))
        answer = Answer(body, status, headers=headers_of(known))
        return _response(answer, event), known.code


def _unknown_path(request: Request) -> Result:
    raise NotFound(f"There is no route {request.method} {request.path}")


class _Ready(Response[str | bytes]):
    """A body that is not to be serialised: powertools would do it with compressed JSON."""

    def is_json(self) -> bool:
        return False


def _response(answer: Answer, event: Event) -> Response[str | bytes]:
    headers = event.get("headers") or {}
    body, extra = pack(answer.body, headers.get("accept-encoding", ""))
    return _Ready(
        status_code=answer.status,
        content_type=answer.content_type,
        body=body,
        headers={**answer.headers, **extra},
    )
