"""The schemas of documents that are declared as such: `garner.contracts.schema`."""

from inspect import getdoc
from typing import Any

from garner.contracts.schema import Schema

_PLACE = "#/components/schemas/"
_OURS = frozenset(("read", "before", "check"))


def components(*documents: Schema) -> dict[str, Schema]:
    """These documents and all that are in them, by name; one refers to the other."""
    found: dict[str, Schema] = {}
    for document in documents:
        _shown(document, found)
    return found


def _shown(schema: Schema, found: dict[str, Schema]) -> Schema:
    if "choices" in schema:
        return _choice({kind: _shown(each, found) for kind, each in schema["choices"].items()})
    if "title" not in schema:
        return _without_ours(schema, found)
    name = schema["title"]
    if name not in found:
        found[name] = {}  # it may be in itself
        found[name] = _without_ours(schema, found)
    return {"$ref": _PLACE + name}


def _without_ours(schema: Schema, found: dict[str, Schema]) -> Schema:
    shown: dict[str, Any] = {key: value for key, value in schema.items() if key not in _OURS}
    if "properties" in schema:
        shown["properties"] = {
            name: _shown(each, found) for name, each in schema["properties"].items()
        }
    if "items" in schema:
        shown["items"] = _shown(schema["items"], found)
    if "prefixItems" in schema:
        shown["prefixItems"] = [_shown(each, found) for each in schema["prefixItems"]]
    if "check" in schema:
        shown["description"] = getdoc(schema["check"])
    return shown


def _choice(references: dict[str, Schema]) -> Schema:
    places = {kind: each["$ref"] for kind, each in references.items()}
    return {
        "oneOf": [{"$ref": place} for place in dict.fromkeys(places.values())],
        "discriminator": {"propertyName": "type", "mapping": places},
    }
