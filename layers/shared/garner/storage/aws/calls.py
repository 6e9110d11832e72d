"""Calls of AWS services that speak JSON (DynamoDB, SQS): `call("GetItem", {...})`.

One signed POST each. Our own because boto3 with one client costs a cold start 190 ms, and each call
over 1 ms of CPU more (docs/adr/0016); services that are off the path of a request go through boto3.
Numbers in attribute values are strings and bytes are base64, as on the wire.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from garner.errors import JsonObject, Unavailable
from garner.ports.clock import Clock, Ids
from garner.storage.aws.credentials import Credentials
from garner.storage.aws.signature import signed_headers
from garner.storage.http import HttpAnswer, NoAnswer, Origin

Call = Callable[[str, JsonObject], JsonObject]
"""`(operation, request) → answer`. Raises `Refused`, or `Unavailable` for what passes by itself."""

_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.05  # doubled with each try, and spread
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
_CONNECTIONS = 32

_PASSING = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class Refused(Exception):
    """The service said no. `code` is its error code without a namespace, `answer` its document."""

    def __init__(self, code: str, answer: JsonObject) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


@dataclass(frozen=True, slots=True)
class JsonService:
    """How a service is spoken to: what is signed for, and the prefix and version of its calls."""

    name: str
    target: str


DYNAMODB = JsonService("dynamodb", "DynamoDB_20120810")
SQS = JsonService("sqs", "AmazonSQS")


def is_passing(code: str) -> bool:
    """Whether an error code speaks of a moment, not of the request."""
    return code in _PASSING


class SignedCalls:
    """A `Call` of one service at `endpoint`. Passing failures are repeated; a repeated write is
    harmless, since each of ours is conditional or a doorbell."""

    def __init__(
        self,
        service: JsonService,
        endpoint: str,
        region: str,
        *,
        credentials: Callable[[], Credentials],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._service = service
        self._url = endpoint.rstrip("/") + "/"
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._ids = ids
        self._origin = Origin(endpoint, connect_seconds=_CONNECT_SECONDS, kept=_CONNECTIONS)

    def __call__(self, operation: str, request: JsonObject) -> JsonObject:
        body = orjson.dumps(request)
        failure: Exception | None = None
        for attempt in range(_TRIES):
            if attempt:
                self._clock.sleep(_FIRST_PAUSE_SECONDS * 2**attempt * self._ids.jitter())
            try:
                answer = self._send(operation, body)
            except NoAnswer as error:
                failure = error
                continue
            if answer.status == 200:
                return _document(answer.body)
            refused = _refusal(answer)
            if answer.status < 500 and not is_passing(refused.code):
                raise refused
            failure = refused
        raise Unavailable(f"{self._service.name} does not answer now; try again.") from failure

    def _send(self, operation: str, body: bytes) -> HttpAnswer:
        headers = signed_headers(
            self._credentials(),
            "POST",
            self._url,
            body,
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"{self._service.target}.{operation}",
            },
            service=self._service.name,
            region=self._region,
            now=self._clock.now(),
        )
        return self._origin.request("POST", "/", body, headers, timeout=_ANSWER_SECONDS)


def _document(body: bytes) -> JsonObject:
    """Empty for what is no JSON object, as the page of a proxy in between."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _refusal(answer: HttpAnswer) -> Refused:
    """`__type` is `com.amazonaws.dynamodb.v20120810#ThrottlingException`, or the code alone."""
    document = _document(answer.body)
    code = str(document.get("__type", answer.status)).rpartition("#")[2]
    return Refused(code, document)
