"""A request as the routes see it: parameters parsed, body bounded, caller known."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar

import orjson

from garner import limits
from garner.api.parameters import Parameters
from garner.contracts.strict_json import InvalidJson, parse_json
from garner.domain.principals import ANONYMOUS, Caller
from garner.errors import BadRequest, JsonObject, TooLarge

_GZIP = zlib.MAX_WBITS | 16
_CHUNK = 1 << 20
_NO_OBJECT = {
    "cause": "The body is missing, or is not a JSON object",
    "recommended_resolution": "Send a JSON object and Content-Type: application/json",
}


class Readable(Protocol):
    """The models of `garner.contracts`: not imported here, since most requests that read have
    none, and pydantic is a third of a cold start."""

    @classmethod
    def from_json(cls, document: object) -> Self: ...


AnyDocument = TypeVar("AnyDocument", bound=Readable)


@dataclass
class Request:
    """One event of the HTTP API, payload format 2.0."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    parameters: Parameters
    request_id: str
    raw_body: str
    body_is_base64: bool
    caller: Caller = ANONYMOUS

    @classmethod
    def of(cls, event: Mapping[str, Any], request_id: str) -> "Request":
        """Raises `BadRequest` for a query string that can't be read."""
        http = event["requestContext"]["http"]
        return cls(
            method=http["method"].upper(),
            path=event.get("rawPath") or http["path"],
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            parameters=Parameters.parse(event.get("rawQueryString") or ""),
            request_id=request_id,
            raw_body=event.get("body") or "",
            body_is_base64=bool(event.get("isBase64Encoded")),
        )

    @cached_property
    def body(self) -> bytes:
        """The body, expanded where it came as gzip; raises `TooLarge` and `BadRequest`."""
        body = self._sent_body()
        if len(body) > limits.MAX_BODY_BYTES:
            raise _too_large(f"The body is larger than {limits.MAX_BODY_BYTES:,} bytes")
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return body
        if encoding == "gzip":
            return _expand(body)
        raise BadRequest(f"Content-Encoding {encoding!r} is not supported; use gzip or none")

    def json(self) -> JsonObject:
        """The body as an object, whatever its Content-Type; raises `BadRequest` (contract 0.2)."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise BadRequest("This request requires a JSON payload", _NO_OBJECT)
        return document

    def content(self) -> JsonObject:
        """Like `json`, for content that is kept: nothing in it may be lost by parsing it.

        Raises `BadRequest` for a repeated key or an integer that would be rounded, too.
        """
        try:
            document = parse_json(self.body)
        except InvalidJson as error:
            self.json()  # what is not JSON at all has its own message
            raise BadRequest(f"The body can't be kept as it is. {error.reason}") from None
        return document if isinstance(document, dict) else self.json()

    def document(self, model: type[AnyDocument]) -> AnyDocument:
        """The body as a document; raises `BadRequest` and `ValidationFailed`."""
        return model.from_json(self.json())

    def kept_document(self, model: type[AnyDocument]) -> AnyDocument:
        """Like `document`, for content that is kept."""
        return model.from_json(self.content())

    def fingerprint(self) -> str:
        """A digest of method, path, parameters and body: what an Idempotency-Key stands for."""
        head = [self.method, self.path, self.parameters.canonical()]
        return hashlib.sha256(orjson.dumps(head) + b"\n" + self.body).hexdigest()

    def _sent_body(self) -> bytes:
        if not self.body_is_base64:
            return self.raw_body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.raw_body, validate=True)
        except binascii.Error:
            raise BadRequest("The body can't be decoded") from None


def _expand(body: bytes) -> bytes:
    """All members of a gzip body, never more than the limit in memory."""
    parts, size = [], 0
    while body:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            try:
                part = member.decompress(body, _CHUNK)
            except zlib.error:
                raise BadRequest("The body is not valid gzip") from None
            if not part and not member.unconsumed_tail and not member.eof:
                raise BadRequest("The gzip body ends too early")
            body = member.unconsumed_tail
            size += len(part)
            if size > limits.MAX_EXPANDED_BODY_BYTES:
                limit = f"{limits.MAX_EXPANDED_BODY_BYTES:,}"
                raise _too_large(f"The body expands to more than {limit} bytes")
            parts.append(part)
        body = member.unused_data
    return b"".join(parts)


def _too_large(cause: str) -> TooLarge:
    return TooLarge(
        f"{cause}; send larger loads through POST /v1/index/<index_id>/upload",
        {"cause": cause, "upload_route": "/v1/index/{index_id}/upload"},
    )
