"""The exception family. Each error has a stable code, a message for people and optional details.

There is no HTTP in here: `garner.api.errors` holds the one table from exception to status and body.
The codes are the catalogue of the wire contract (section 0.7).
"""

from collections.abc import Mapping
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object whose content belongs to the caller: the only place where `Any` is right."""


class GarnerError(Exception):
    """Base of every error that a caller may see."""

    code = "ServerError.Generic"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: JsonObject | None = dict(details) if details else None


class BadRequest(GarnerError):
    """The request can't be understood, or asks for more than a limit allows."""

    code = "BadRequest.Generic"


class QuerySyntaxError(BadRequest):
    """An advanced query that does not parse; `details` has `column` (1-based) and `cause`."""

    def __init__(self, cause: str, column: int) -> None:
        super().__init__(
            f"The query can't be parsed at column {column}: {cause}",
            {"cause": cause, "column": column},
        )


class ResultTooLarge(BadRequest):
    """The answer would exceed what one response can carry."""

    code = "BadRequest.ResultTooLarge"


class ValidationFailed(GarnerError):
    """Well-formed JSON or parameters that break the schema.

    `messages` is `{location: {field: [text, ...]}}`; locations are `json` and `query`, nested
    fields nest, list positions are string keys (contract 0.7).
    """

    code = "BadRequest.ValidationError"

    def __init__(self, messages: Mapping[str, Any]) -> None:
        super().__init__("Request failed input validation.", {"messages": dict(messages)})

    @classmethod
    def of(cls, location: str, path: str, text: str) -> "ValidationFailed":
        """One message; `path` is dotted, `""` stands for the whole document."""
        tree: Any = [text]
        for part in reversed(path.split(".") if path else ["_schema"]):
            tree = {part: tree}
        return cls({location: tree})


class SourceFailed(BadRequest):
    """A registered source can't be fetched or read; the message is for its curator and holds
    neither text of an answer nor a credential. `retryable`: the next try may find it well."""

    code = "BadRequest.SourceFailed"

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class Unauthorized(GarnerError):
    """No usable credentials."""

    code = "Unauthorized.Generic"


class Forbidden(GarnerError):
    """The caller lacks a role or a scope."""

    code = "Forbidden.Generic"

    @classmethod
    def operation(cls, name: str, cause: str, resolution: str) -> "Forbidden":
        return cls(
            f"{name} request denied by service",
            {"cause": cause, "recommended_resolution": resolution},
        )


class NotFound(GarnerError):
    """Does not exist, or the caller may not see it."""

    code = "NotFound.Generic"


class NoSuchIndex(NotFound):
    code = "NotFound.NoSuchIndex"

    def __init__(self, index_id: str) -> None:
        super().__init__(f'There is no search index named "{index_id}"')


class MethodNotAllowed(GarnerError):
    code = "MethodNotAllowed.Generic"


class Conflict(GarnerError):
    """The state of the resource forbids the operation."""

    code = "Conflict.Generic"


class WrongIndexStatus(Conflict):
    code = "Conflict.IncompatibleIndexStatus"

    def __init__(self, actual: str, required: str) -> None:
        super().__init__(
            f"Index status ({actual}) did not match required status for this operation: {required}"
        )


class LimitExceeded(Conflict):
    code = "Conflict.LimitExceeded"

    def __init__(self, message: str, cause: str, constraint: str) -> None:
        super().__init__(message, {"cause": cause, "constraint": constraint})


class TooLarge(GarnerError):
    code = "RequestEntityTooLarge.Generic"


class Unprocessable(GarnerError):
    """An Idempotency-Key that was used for another request (contract 8.7)."""

    code = "UnprocessableEntity.Generic"


class Retryable(GarnerError):
    """A condition that passes; `retry_after` is in seconds."""

    def __init__(
        self, message: str, retry_after: int, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, details)
        self.retry_after = retry_after


class TooManyRequests(Retryable):
    code = "TooManyRequests.Generic"


class Unavailable(Retryable):
    """A part that Garner depends on (engine, table, queue) does not answer."""

    code = "ServiceUnavailable.Generic"

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message, retry_after)


class QueryTimeout(GarnerError):
    """The query ran over its budget."""

    code = "GatewayTimeout.Generic"
