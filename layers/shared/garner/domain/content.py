"""Checks the content of entries against an index's fields, and makes what the engine indexes.

The rules are contract 4.5 to 4.7: detection of new fields, conversions into existing ones, field
names and sizes. The *projection* is the content as a strict mapping takes it: key names escaped,
null, `[]` and `{}` left out, always and whatever the registry knows (ingest protocol 4).

This is the hot loop of an ingest: one pass that copies an object only where something in it has
to change, asks the registry about a key only once, and calls nothing for a plain value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

from garner import limits
from garner.domain.dates import is_date
from garner.domain.fields import (
    FieldParts,
    FieldType,
    Schema,
    contract_path,
    engine_path,
    escape_key,
    parts_of_engine_path,
    prefixes,
)
from garner.domain.geo import geo_problem
from garner.errors import JsonObject


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why an entry, or a declaration, is refused (contract 4.3). Holds no value of the content.

    `field` is a contract path; `expected` and `found` are type names where types are the matter.
    """

    code: str
    field: str
    expected: str | None
    found: str | None
    reason: str


TYPE_CONFLICT = "TYPE_CONFLICT"
FIELD_LIMIT = "FIELD_LIMIT"
DEPTH_LIMIT = "DEPTH_LIMIT"
VALUE_TOO_LONG = "VALUE_TOO_LONG"
NUMBER_OUT_OF_RANGE = "NUMBER_OUT_OF_RANGE"
INVALID_FIELD_NAME = "INVALID_FIELD_NAME"
INVALID_TEXT = "INVALID_TEXT"
INVALID_GEO = "INVALID_GEO"


class CheckedContent(NamedTuple):
    """`indexed` is the projection; where it `differs`, the entry keeps the `original` as well."""

    indexed: JsonObject
    differs: bool


class _Refused(Exception):
    """Ends the pass at the first problem."""

    def __init__(self, problem: FieldProblem) -> None:
        self.problem = problem


class _Leaf:
    """A key that holds values. Values of the class `plain` need no more than a look at their size;
    an escaped key has none, since each of its objects has to change."""

    __slots__ = ("accepted", "is_geo", "kind", "name", "parts", "plain", "renamed")

    def __init__(self, parts: FieldParts, name: str, kind: FieldType) -> None:
        self.parts = parts
        self.name = name
        self.renamed = name != parts[-1]
        self.kind = kind
        self.is_geo = kind.is_geo
        self.accepted = _ACCEPTED.get(kind, frozenset())
        self.plain = None if self.renamed else _PLAIN.get(kind)


class _Level:
    """A key that holds objects, or the content itself, with what is known of the keys in them."""

    __slots__ = ("known", "name", "parts", "path", "plain", "renamed")

    def __init__(self, parts: FieldParts, name: str, path: str) -> None:
        self.parts = parts
        self.name = name
        self.renamed = bool(parts) and name != parts[-1]
        self.path = path
        self.plain = None
        self.known: dict[str, _Leaf | _Level] = {}


_PLAIN: Final[dict[FieldType, type]] = {
    FieldType.STRING: str,
    FieldType.INTEGER: int,
    FieldType.FLOAT: float,
    FieldType.BOOLEAN: bool,
}
_ACCEPTED: Final[dict[FieldType, frozenset[type]]] = {
    FieldType.STRING: frozenset({str, int, float, bool}),
    FieldType.INTEGER: frozenset({int}),
    FieldType.FLOAT: frozenset({int, float}),
    FieldType.BOOLEAN: frozenset({bool}),
    FieldType.DATE: frozenset({str}),
}
_FOUND: Final[dict[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    dict: "object",
}
_ADVICE: Final[dict[str, str]] = {
    "string": "send text, a number, true or false",
    "integer": "send a number without quotes, fraction or exponent",
    "float": "send a number without quotes",
    "boolean": "send true or false without quotes",
    "date": "send a date such as 2020-05-01, 2020-05-01 10:11:12, 2020/05/01 10:11:12 +0000 or "
    "2020-05-01T10:11:12.000Z",
    "geo_point": "send points to it, or another field name",
    "geo_shape": "send GeoJSON geometries to it, or another field name",
    "object": "send an object",
}
_NOTHING: Final = object()
"""What null, `[]` and `{}` leave in the projection."""

# Within these bounds a number is in range whatever it is, and comparing is fast.
_PLAIN_LOW, _PLAIN_HIGH = -(2**53), 2**53


class Checker:
    """Checks one task's contents in order; the first value decides the type of a new field.

    `declared` are the types that the task itself declares (engine path → type). They bind before
    any value is seen; where they can't, `declaration_problem` says why, and the task has failed.
    A field that an accepted entry brought stays in `new_fields`; one of a refused entry does not.
    A checker that has no `new_fields` may go on with the next task on the same schema.
    """

    def __init__(self, schema: Schema, declared: Mapping[str, FieldType] | None = None) -> None:
        self.new_fields: dict[str, FieldType] = {}
        self._fields = schema.fields
        self._date_detection = schema.date_detection
        self._root = _Level((), "", "")
        self._objects: dict[str, None] | None = None
        self._undo: list[tuple[dict[str, Any], str]] = []
        self.declaration_problem = self._declare(declared or {})

    def check(self, content: JsonObject) -> CheckedContent | FieldProblem:
        """The projection of `content`, or the first problem in it."""
        try:
            indexed = self._object(self._root, content)
        except _Refused as refused:
            self._forget()
            return refused.problem
        self._undo.clear()
        return CheckedContent(indexed, indexed is not content)

    def _forget(self) -> None:
        """Takes back what the entry at hand has brought."""
        for known, name in self._undo:
            known.pop(name, None)
        self._undo.clear()

    # --- declared types --------------------------------------------------------------------------

    def _declare(self, declared: Mapping[str, FieldType]) -> FieldProblem | None:
        try:
            for path, kind in declared.items():
                self._declare_one(path, kind)
        except _Refused as refused:
            self._forget()
            return refused.problem
        self._undo.clear()
        return None

    def _declare_one(self, path: str, kind: FieldType) -> None:
        parts = parts_of_engine_path(path)
        bound = self._type_of(path)
        if bound is kind:
            return
        if bound or self._is_object(path):
            _refuse_type(parts, bound or "object", kind)
        for end in range(1, len(parts)):
            _escaped(parts[: end - 1], parts[end - 1])
            if bound := self._type_of(engine_path(parts[:end])):
                _refuse_type(parts[:end], bound, "object")
        _escaped(parts[:-1], parts[-1])
        self._add(parts, path, kind)

    # --- the pass --------------------------------------------------------------------------------

    def _object(self, level: _Level, value: JsonObject) -> JsonObject:
        """The projection of an object: `value` itself if nothing in it has to change."""
        known = level.known
        changes: list[tuple[str, Any]] = []
        for key, item in value.items():
            node, kind = known.get(key), type(item)
            if node is not None and node.plain is kind:
                if kind is str:
                    if item.isascii() and len(item) <= limits.MAX_FIELD_VALUE_BYTES:
                        continue
                elif _PLAIN_LOW <= item <= _PLAIN_HIGH:
                    continue
            kept = self._value(level, key, item)
            if kept is not item or known[key].renamed:
                changes.append((key, kept))
        return _changed(known, value, changes) if changes else value

    def _value(self, level: _Level, key: str, item: Any, nesting: int = 1) -> Any:
        """The projection of one value, or `_NOTHING`. `nesting` counts arrays within arrays."""
        if not item and (item is None or item in ([], {})):
            _escaped(level.parts, key)
            return _NOTHING
        node = level.known.get(key) or self._recall(level, key)
        if node.__class__ is _Leaf and node.is_geo:
            return _geo(node, item)
        if type(item) is list:
            return self._array(level, key, item, nesting)
        node = node or self._introduce(level, key, item)
        if isinstance(node, _Leaf):
            _check_scalar(node, item)
            return item
        if not isinstance(item, dict):
            _refuse_type(node.parts, "object", _FOUND[type(item)])
        kept = self._object(node, item)
        if not kept and not node.known:
            del level.known[key]  # an object without fields leaves its name free
        return kept or _NOTHING

    def _array(self, level: _Level, key: str, items: list[Any], nesting: int) -> Any:
        """The projection of an array: of each element for itself, arrays within it flattened."""
        if nesting > limits.MAX_DEPTH:
            _refuse_depth((*level.parts, key))
        node = level.known.get(key)
        if node is not None and node.plain is str and _all_plain_text(items):
            return items
        kept: list[Any] = []
        same = True
        for item in items:
            projected = self._value(level, key, item, nesting + 1)
            same = same and projected is item and type(item) is not list
            if type(projected) is list and type(item) is list:
                kept.extend(projected)
            elif projected is not _NOTHING:
                kept.append(projected)
        return (items if same else kept) if kept else _NOTHING

    # --- what a key is ---------------------------------------------------------------------------

    def _type_of(self, path: str) -> FieldType | None:
        return self._fields.get(path) or self.new_fields.get(path)

    def _is_object(self, path: str) -> bool:
        if self._objects is None:
            self._objects = dict.fromkeys(prefixes(self._fields))
        return path in self._objects

    def _recall(self, level: _Level, key: str) -> _Leaf | _Level | None:
        """What the registry, declarations and earlier entries say of a key; None if it is new."""
        name = _escaped(level.parts, key)
        parts, path = (*level.parts, key), f"{level.path}.{name}" if level.path else name
        if kind := self._type_of(path):
            return self._know(level, key, _Leaf(parts, name, kind))
        if self._is_object(path):
            return self._know(level, key, _Level(parts, name, path))
        return None

    def _introduce(self, level: _Level, key: str, item: Any) -> _Leaf | _Level:
        """A key that nothing is known of: its value says what it is (contract 4.5)."""
        name = _escaped(level.parts, key)
        parts, path = (*level.parts, key), f"{level.path}.{name}" if level.path else name
        if isinstance(item, dict):
            if len(parts) >= limits.MAX_DEPTH:
                _refuse_depth(parts)
            return self._know(level, key, _Level(parts, name, path))
        kind = self._detect(item)
        self._add(parts, path, kind)
        return self._know(level, key, _Leaf(parts, name, kind))

    def _know(self, level: _Level, key: str, node: _Leaf | _Level) -> _Leaf | _Level:
        level.known[key] = node
        self._undo.append((level.known, key))
        return node

    def _detect(self, item: Any) -> FieldType:
        match item:
            case bool():
                return FieldType.BOOLEAN
            case int():
                return FieldType.INTEGER
            case float():
                return FieldType.FLOAT
            case str() if self._date_detection and is_date(item):
                return FieldType.DATE
            case _:
                return FieldType.STRING

    def _add(self, parts: FieldParts, path: str, kind: FieldType) -> None:
        if len(parts) > limits.MAX_DEPTH:
            _refuse_depth(parts)
        if len(path.encode()) > limits.MAX_FIELD_PATH_BYTES:
            _refuse(
                INVALID_FIELD_NAME,
                parts,
                f"The field's path has more than {limits.MAX_FIELD_PATH_BYTES} bytes; shorten it",
            )
        if len(self._fields) + len(self.new_fields) >= limits.MAX_FIELDS:
            _refuse(
                FIELD_LIMIT,
                parts,
                f"The index has its {limits.MAX_FIELDS:,} fields; leave this one out, or put "
                "what varies into values instead of field names",
            )
        self.new_fields[path] = kind
        self._undo.append((self.new_fields, path))
        assert self._objects is not None  # whoever adds a field has asked whether it is an object
        for prefix in prefixes([path]).difference(self._objects):
            self._objects[prefix] = None
            self._undo.append((self._objects, prefix))


def _changed(
    known: Mapping[str, _Leaf | _Level], value: JsonObject, changes: list[tuple[str, Any]]
) -> JsonObject:
    changed = value.copy()
    for key, _ in changes:
        del changed[key]
    # Only now: an escaped name may equal a key that had to be escaped itself.
    changed.update((known[key].name, kept) for key, kept in changes if kept is not _NOTHING)
    return changed


def _all_plain_text(items: list[Any]) -> bool:
    for item in items:
        if type(item) is not str or not item.isascii():
            return False
        if len(item) > limits.MAX_FIELD_VALUE_BYTES:
            return False
    return True


def _check_scalar(leaf: _Leaf, item: Any) -> None:
    """Contract 4.5, the table of conversions; 4.7, long values; 64 bits."""
    if type(item) not in leaf.accepted:
        _refuse_type(leaf.parts, leaf.kind, _FOUND[type(item)])
    if isinstance(item, str):
        if leaf.kind is not FieldType.DATE:
            _check_text(leaf.parts, item)
        elif not is_date(item):
            _refuse_type(leaf.parts, leaf.kind, "string")
    elif isinstance(item, float):
        if not math.isfinite(item):
            _refuse(NUMBER_OUT_OF_RANGE, leaf.parts, "The number is not finite; leave it out")
    elif not limits.INT64_MIN <= item <= limits.INT64_MAX:
        _refuse(
            NUMBER_OUT_OF_RANGE,
            leaf.parts,
            "The integer needs more than 64 bits; send it as a string, to a string field",
        )


def _check_text(parts: FieldParts, text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        _refuse(INVALID_TEXT, parts, "The text has half of a surrogate pair; send valid Unicode")
    if size > limits.MAX_FIELD_VALUE_BYTES:
        _refuse(
            VALUE_TOO_LONG,
            parts,
            f"The text has {size:,} bytes, at most {limits.MAX_FIELD_VALUE_BYTES:,} are possible; "
            "shorten it, or split it into an array of shorter texts",
        )


def _geo(leaf: _Leaf, item: Any) -> Any:
    """The projection of a geo value. The engine takes no array of shapes, but a collection."""
    kept = _filled(item)
    if kept == []:
        return _NOTHING
    if isinstance(item, list) and leaf.kind is FieldType.GEO_SHAPE:
        kept = {"type": "GeometryCollection", "geometries": kept}
    elif kept == item:
        kept = item
    if reason := geo_problem(leaf.kind, kept):
        found = _FOUND.get(type(item), "array")
        problem = f"The value {reason}"
        raise _Refused(
            FieldProblem(INVALID_GEO, contract_path(leaf.parts), leaf.kind.value, found, problem)
        )
    return kept


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [kept for part in value if (kept := _filled(part)) not in (None, [], {})]
    return value


def _escaped(parts: FieldParts, key: str) -> str:
    """The key's name in the engine, if it can have one (contract 4.6)."""
    if not key:
        _refuse(INVALID_FIELD_NAME, (*parts, key), "A field name is empty; give it a name")
    try:
        return escape_key(key)
    except UnicodeEncodeError:
        _refuse(
            INVALID_FIELD_NAME,
            parts,
            "A field name in this object has half of a surrogate pair; send valid Unicode",
        )


def _refuse(code: str, parts: FieldParts, reason: str) -> NoReturn:
    raise _Refused(FieldProblem(code, contract_path(parts), None, None, reason))


def _refuse_depth(parts: FieldParts) -> NoReturn:
    _refuse(
        DEPTH_LIMIT,
        parts,
        f"The content is nested deeper than {limits.MAX_DEPTH} levels; make it flatter",
    )


def _refuse_type(parts: FieldParts, expected: str, found: str) -> NoReturn:
    reason = (
        f"The field is of type {expected} in this index and the value is of type {found}; "
        f"{_ADVICE[expected]}, or use another field name: a field keeps its first type"
    )
    raise _Refused(
        FieldProblem(TYPE_CONFLICT, contract_path(parts), str(expected), str(found), reason)
    )
