"""What the documents of pydantic have in common, and how broken ones are told (contract 0.7)."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from garner.errors import ValidationFailed


class Document(BaseModel):
    """A request document: unknown keys are ignored (contract 0.8), nothing changes after parsing.

    A validator is built when it is first needed: most requests need few of them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Raises `ValidationFailed` with one message list per field."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise ValidationFailed({"json": _message_tree(error)}) from None


_TEXTS = {"missing": "Missing data for required field."}


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
