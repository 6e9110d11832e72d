"""How an operation is described."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean", "default": False}

Shape = type[BaseModel] | str | Schema | None
"""A model, the name of a schema that no model has, a schema as it is, or just text."""

Security = list[dict[str, list[str]]]


@dataclass(frozen=True)
class Operation:
    """`gives` is the body of a 200, `answers` has those of other statuses, `error` that of every
    status which is not named. `security` None is the document's own."""

    id: str
    tag: str
    summary: str
    gives: Shape
    takes: Shape = None
    parameters: tuple[Schema, ...] = ()
    answers: Mapping[int, Shape] = field(default_factory=dict)
    error: Shape = "GError"
    security: Security | None = None
    takes_types: tuple[str, ...] = ("application/json",)
    takes_always: bool = True
    content_type: str = "application/json"


def in_query(name: str, schema: Schema, text: str, *, required: bool = False) -> Schema:
    """A query parameter."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": text,
    }
