"""What each route takes and gives, for the OpenAPI document. Routes themselves are not listed here:
they come from the functions, and one without a description is an error."""

from tools.operations import controller, registry, search
from tools.operations.model import Operation, Schema

OPERATIONS: dict[tuple[str, str], Operation] = (
    search.OPERATIONS | registry.OPERATIONS | controller.OPERATIONS
)
FREE: dict[str, Schema] = search.FREE | controller.FREE
"""Schemas that no model has."""

SECURITY_SCHEMES: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer"},
    **controller.SECURITY_SCHEMES,
}
