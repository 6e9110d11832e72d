"""The mapping of a subject's document, and of the fields that an index has bound.

`dynamic: strict` everywhere: the registry decides types, the engine only holds to them. What every
path and type is called: `garner.domain.documents` and `garner.domain.fields`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from garner import limits
from garner.domain import documents as doc
from garner.domain.dates import ENGINE_DATE_FORMAT
from garner.domain.fields import FieldType, Schema
from garner.errors import JsonObject

_TO_TEXT: Final = {"copy_to": doc.ENTRIES_TEXT}
# A long text as a term costs more than all its words (docs/adr/0019): the engine only keeps it to
# be counted, sorted and compared, and short values are terms beside that.
_WHOLE_VALUES: Final = {
    doc.KEYWORD: {
        "type": "keyword",
        "index": False,
        "ignore_above": limits.MAX_FACETED_CHARACTERS,
    },
    doc.TERM: {"type": "keyword", "doc_values": False, "ignore_above": limits.MAX_TERM_CHARACTERS},
}
_FIELDS: Final[Mapping[FieldType, JsonObject]] = {
    FieldType.STRING: {"type": "text", "fields": _WHOLE_VALUES, **_TO_TEXT},
    FieldType.INTEGER: {"type": "long", **_TO_TEXT},
    FieldType.FLOAT: {"type": "double", **_TO_TEXT},
    FieldType.BOOLEAN: {"type": "boolean", **_TO_TEXT},
    FieldType.DATE: {"type": "date", "format": ENGINE_DATE_FORMAT, **_TO_TEXT},
    FieldType.GEO_POINT: {"type": "geo_point"},
    FieldType.GEO_SHAPE: {"type": "geo_shape"},
}

# Our budget counts leaves; the engine also counts objects and sub-fields. Its limit only has to be
# out of the way: the objects of 1,000 deep paths can be at most this many.
_TOTAL_FIELDS: Final = limits.MAX_FIELDS * (limits.MAX_DEPTH + 1) + 100
_DEPTH: Final = limits.MAX_DEPTH + 3  # below `entries.content`


def settings_for(shards: int) -> JsonObject:
    """The settings of an index. With several shards the relevance of a match depends a little on
    how documents fell, nothing else does."""
    return {
        "number_of_shards": shards,
        "auto_expand_replicas": "0-1",  # one as soon as there is a second node
        # The drain refreshes after each pack, before it says SUCCESS. Nothing else needs it, and a
        # task's data appears at once instead of in pieces.
        "refresh_interval": "-1",
        "mapping": {
            "total_fields": {"limit": _TOTAL_FIELDS},
            "depth": {"limit": _DEPTH},
            "coerce": False,
        },
    }


def mapping_for(schema: Schema) -> JsonObject:
    """The whole mapping of an index with these fields."""
    entry = {
        doc.ENTRY_ID: {"type": "keyword"},
        doc.VISIBLE_TO: {"type": "keyword"},
        doc.PRINCIPAL_SETS: {"type": "keyword"},
        doc.TEXT: {"type": "text"},
        doc.CONTENT: content_for(schema.fields),
        doc.ORIGINAL: {"type": "object", "enabled": False},
    }
    return {
        "dynamic": "strict",
        "_meta": meta_for(schema),
        # It would hold the name of each `term` that a document has, for `exists`, which we ask only
        # of fields with norms or doc values: a tenth of the engine's work (docs/adr/0019).
        "_field_names": {"enabled": False},
        "properties": {
            doc.SUBJECT: {"type": "keyword"},
            doc.LIVE: {"type": "boolean"},
            doc.SLOT: {"type": "long"},
            doc.APPLIED: {"type": "long", "index": False},
            doc.ENTRIES: {"type": "nested", "dynamic": "strict", "properties": entry},
        },
    }


def addition_for(new_fields: Mapping[str, FieldType], schema: Schema) -> JsonObject:
    """The body that adds fields to a mapping. The engine merges properties and replaces `_meta`,
    so `schema` is the whole registry, new fields included."""
    content = content_for(new_fields)
    entries = {"type": "nested", "properties": {doc.CONTENT: content}}
    return {"_meta": meta_for(schema), "properties": {doc.ENTRIES: entries}}


def content_for(fields: Mapping[str, FieldType]) -> JsonObject:
    """The strict object that holds these fields, with a strict object for each level on the way."""
    root = _object()
    for path, kind in fields.items():
        *levels, name = path.split(".")
        properties = root["properties"]
        for level in levels:
            properties = properties.setdefault(level, _object())["properties"]
        properties[name] = _FIELDS[kind]
    return root


def meta_for(schema: Schema) -> JsonObject:
    return {doc.META_KEY: replace(schema, bound_by={}).to_json()}


def _object() -> JsonObject:
    return {"type": "object", "dynamic": "strict", "properties": {}}
