"""Documents that are read without pydantic, whose import alone is a third of a cold start of the
read path (docs/adr/0016).

A declaration is a JSON Schema (draft 2020-12) as plain data: the OpenAPI document shows what `read`
follows. Some keys are ours and not shown: `read` (how it is read), `before` (turns what is accepted
out of leniency into what is declared), `check` (the rules between fields; its docstring is shown as
the description) and `choices` and `otherwise` (of
`by_type`).
"""

from collections.abc import Callable, Mapping
from itertools import repeat
from math import inf, isfinite
from types import NoneType
from typing import Any, NoReturn

from garner.errors import JsonObject, ValidationFailed

Schema = dict[str, Any]
Check = Callable[[Any], str | None]
"""Takes what was accepted so far, gives what is wrong with it."""


def read(schema: Schema, value: object, location: str = "json") -> Any:
    """`value`, which is JSON, as declared: defaults filled in, unknown keys dropped, and keys whose
    value is null as good as absent. Raises `ValidationFailed` with all problems (contract 0.7).

    It recurses as deep as the declaration does: where that has no end, the caller bounds `value`.
    """
    try:
        return _read(schema, value)
    except _Refused as refused:
        found = refused.messages
        tree = found if isinstance(found, dict) else {"_schema": found}
        raise ValidationFailed({location: tree}) from None


# --- declarations -------------------------------------------------------------------------------


def text(least: int = 0, most: int | None = None, **more: Any) -> Schema:
    """A string of so many characters."""
    bounds = _given(minLength=least or None, maxLength=most)
    return {"type": "string", **bounds, "read": _read_text, **more}


def integer(low: int, high: int, **more: Any) -> Schema:
    """As in JSON Schema: 5.0 is an integer."""
    return {"type": "integer", "minimum": low, "maximum": high, "read": _read_integer, **more}


def number(low: float | None = None, high: float | None = None) -> Schema:
    """A finite number, which becomes a float; both bounds or none."""
    return {"type": "number", **_given(minimum=low, maximum=high), "read": _read_number}


def boolean(**more: Any) -> Schema:
    return {"type": "boolean", "read": _read_boolean, **more}


def one_of(*words: str, **more: Any) -> Schema:
    return {"type": "string", "enum": [*words], "read": _read_word, **more}


def scalar(*types: str) -> Schema:
    """A value of one of these types of JSON, as it is."""
    return {"type": [*types], "read": _read_scalar}


def list_of(item: Schema, least: int = 0, most: int | None = None, **more: Any) -> Schema:
    """A list of so many items."""
    bounds = _given(minItems=least or None, maxItems=most)
    return {"type": "array", "items": item, **bounds, "read": _read_list, **more}


def row(*items: Schema) -> Schema:
    """A list that has one item for each of these."""
    size = {"minItems": len(items), "maxItems": len(items)}
    return {"type": "array", "prefixItems": [*items], **size, "read": _read_list}


def document(
    name: str,
    required: Mapping[str, Schema],
    optional: Mapping[str, Schema] | None = None,
    check: Check | None = None,
) -> Schema:
    """An object; `name` is that of its schema in the OpenAPI document."""
    return {
        "title": name,
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": [*required],
        "read": _read_document,
        **_given(check=check),
    }


def choices(*documents: Schema) -> dict[str, Schema]:
    """Each under the values that its key `type` may have."""
    return {word: each for each in documents for word in each["properties"]["type"]["enum"]}


def by_type(documents: Mapping[str, Schema], otherwise: str | None = None) -> Schema:
    """One of `choices`, by the key `type`, or the one of type `otherwise` where that is absent.

    More choices may come later: so a document can be declared to hold others of its kind.
    """
    return {"choices": documents, "otherwise": otherwise, "read": _read_choice}


def _given(**keys: Any) -> JsonObject:
    return {name: value for name, value in keys.items() if value is not None}


# --- reading ------------------------------------------------------------------------------------


class _Refused(Exception):
    """A list of texts about the value itself, or a tree of those about what is in it."""

    def __init__(self, messages: list[str] | JsonObject) -> None:
        super().__init__()
        self.messages = messages


def _refuse(problem: str) -> NoReturn:
    raise _Refused([problem])


def _read(schema: Schema, value: Any) -> Any:
    if "before" in schema:
        value = schema["before"](value)
    accepted = schema["read"](schema, value)
    if "check" in schema and (problem := schema["check"](accepted)):
        _refuse(problem)
    return accepted


def _read_text(schema: Schema, value: Any) -> str:
    if not isinstance(value, str):
        _refuse("Not a valid string.")
    _expect_size(len(value), schema.get("minLength", 0), schema.get("maxLength", inf))
    return value


def _read_integer(schema: Schema, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse("Not a valid integer.")
    _expect_within(value, schema)
    return value


def _read_number(schema: Schema, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        _refuse("Not a valid number.")
    _expect_within(value, schema)
    return float(value)


def _read_boolean(_: Schema, value: Any) -> bool:
    if not isinstance(value, bool):
        _refuse("Not a valid boolean.")
    return value


def _read_word(schema: Schema, value: Any) -> Any:
    if value not in schema["enum"]:
        _refuse(f"Must be one of: {', '.join(schema['enum'])}.")
    return value


_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", NoneType: "null"}


def _read_scalar(schema: Schema, value: Any) -> Any:
    infinite = isinstance(value, float) and not isfinite(value)
    if infinite or _TYPES.get(type(value)) not in schema["type"]:
        _refuse(f"Not a valid {' or '.join(schema['type'])}.")
    return value


def _read_list(schema: Schema, value: Any) -> list[Any]:
    if not isinstance(value, list):
        _refuse("Not a valid list.")
    _expect_size(len(value), schema.get("minItems", 0), schema.get("maxItems", inf))
    accepted: list[Any] = []
    refused: JsonObject = {}
    items = schema.get("prefixItems") or repeat(schema["items"])
    for position, (item, each) in enumerate(zip(items, value, strict=False)):
        try:
            accepted.append(_read(item, each))
        except _Refused as problem:
            refused[str(position)] = problem.messages
    if refused:
        raise _Refused(refused)
    return accepted


def _read_document(schema: Schema, value: Any) -> JsonObject:
    if not isinstance(value, dict):
        _refuse("Not a valid object.")
    accepted: JsonObject = {}
    refused: JsonObject = {}
    for name, inner in schema["properties"].items():
        given = value.get(name)
        try:
            if given is not None:
                accepted[name] = _read(inner, given)
            elif name in schema["required"]:
                _refuse("Missing data for required field.")
            elif "default" in inner:
                default = inner["default"]
                accepted[name] = [*default] if isinstance(default, list) else default
        except _Refused as problem:
            refused[name] = problem.messages
    if refused:
        raise _Refused(refused)
    return accepted


def _read_choice(schema: Schema, value: Any) -> Any:
    if not isinstance(value, dict):
        _refuse("Not a valid object.")
    kind = value.get("type")
    if kind is None:
        kind = schema["otherwise"]
    choice = schema["choices"].get(kind) if isinstance(kind, str) else None
    if choice is None:
        _refuse(f"'type' must be one of: {', '.join(schema['choices'])}.")
    return _read(choice, value)


def _expect_size(size: int, least: float, most: float) -> None:
    if size < least:
        _refuse(f"Shorter than minimum length {least}.")
    if size > most:
        _refuse(f"Longer than maximum length {most}.")


def _expect_within(value: float, schema: Schema) -> None:
    low, high = schema.get("minimum", -inf), schema.get("maximum", inf)
    if not low <= value <= high:
        _refuse(f"Must be between {low} and {high}.")
