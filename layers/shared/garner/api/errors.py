"""The one table from exception to HTTP status, and the error documents of both dialects."""

from collections.abc import Callable, Mapping

from garner import errors
from garner.errors import GarnerError, JsonObject

STATUS: Mapping[type[GarnerError], int] = {
    errors.BadRequest: 400,
    errors.ValidationFailed: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unprocessable: 422,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.QueryTimeout: 504,
    GarnerError: 500,
}

ErrorDocument = Callable[[GarnerError, int, str], JsonObject]
"""How a dialect writes an error: (error, status, request id) → body."""

_DEFECT = "Something went wrong inside Garner; its log has the details under this request_id"


def status_of(error: GarnerError) -> int:
    """The status of the nearest ancestor in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def as_known(error: Exception) -> GarnerError:
    """What a caller may know of any exception."""
    return error if isinstance(error, GarnerError) else GarnerError(_DEFECT)


def headers_of(error: GarnerError) -> dict[str, str]:
    match error:
        case errors.Retryable():
            return {"Retry-After": str(error.retry_after)}
        case errors.Unauthorized():
            return {"WWW-Authenticate": "Bearer"}
        case errors.MethodNotAllowed(details={"allowed": [*methods]}):
            return {"Allow": ", ".join(map(str, methods))}
    return {}


def globus_document(error: GarnerError, status: int, request_id: str) -> JsonObject:
    """GError (contract 0.7)."""
    document: JsonObject = {
        "@datatype": "GError",
        "@version": "2017-09-01",
        "status": status,
        "code": error.code,
        "message": error.message,
        "request_id": request_id,
    }
    if error.details:
        document["error_data"] = error.details
    return document
