"""What every wire document has in common, and how a broken one is reported (contract 0.7, 0.8)."""

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from garner.errors import BadRequest, JsonObject, ValidationFailed


class Document(BaseModel):
    """A request document: unknown keys are ignored (contract 0.8), nothing changes after parsing.

    A validator is built when it is first needed: most requests need few of them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)


AnyDocument = TypeVar("AnyDocument", bound=BaseModel)

_TEXTS = {"missing": "Missing data for required field."}


def parse_json_object(body: bytes | str | None) -> JsonObject:
    """The body as an object, whatever its Content-Type; raises `BadRequest` (contract 0.2)."""
    try:
        document = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise BadRequest(
            "This request requires a JSON payload",
            {
                "cause": "The body is missing, or is not a JSON object",
                "recommended_resolution": "Send a JSON object and Content-Type: application/json",
            },
        )
    return document


def parse(model: type[AnyDocument], document: object, location: str = "json") -> AnyDocument:
    """Validate `document`; raises `ValidationFailed` with one message list per field."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ValidationFailed({location: _message_tree(error)}) from None


def _message_tree(error: ValidationError) -> dict[str, Any]:
    """Nested fields nest, list positions are string keys (contract 0.7)."""
    tree: dict[str, Any] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        node = tree
        *path, last = [str(part) for part in problem["loc"]] or ["_schema"]
        for part in path:
            child = node.setdefault(part, {})
            node = child if isinstance(child, dict) else node
        text = _TEXTS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        existing = node.setdefault(last, [])
        if isinstance(existing, list):
            existing.append(text)
    return tree
