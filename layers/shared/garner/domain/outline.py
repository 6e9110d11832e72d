"""The outline of a payload: which fields its entries have and what kinds of values, without any.

Whoever accepts a task has its entries at hand as objects, in many functions at once; the worker of
an index is only one. So accept writes the outline into the payload's header, and the worker checks
that against the registry, instead of every entry (docs/adr/0018). It is a short cut and decides
nothing: an entry that has anything about it to be looked at is *odd*, and is checked by
`garner.domain.content`, as are all entries of a payload whose outline does not fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from garner import limits
from garner.domain.dates import is_date
from garner.domain.fields import FieldType, escape_key
from garner.errors import JsonObject

_DATE, _TEXT, _INTEGER, _FLOAT, _BOOLEAN = "dtifb"
_KINDS: Final[dict[type, str]] = {int: _INTEGER, float: _FLOAT, bool: _BOOLEAN}
_FIT: Final[Mapping[FieldType, frozenset[str]]] = {
    FieldType.STRING: frozenset("dtifb"),
    FieldType.INTEGER: frozenset(_INTEGER),
    FieldType.FLOAT: frozenset({_INTEGER, _FLOAT}),
    FieldType.BOOLEAN: frozenset(_BOOLEAN),
    FieldType.DATE: frozenset(_DATE),
}
"""Of each type, the kinds that a field takes as they are (contract 4.5, the table of conversions).
Of geo types none: their values are always looked at."""
_SHORT: Final = limits.MAX_FIELD_VALUE_BYTES // 4  # characters: surely not too many bytes
_PLAIN_LINES: Final = (
    ["subject", "visible_to", "content"],
    ["subject", "id", "visible_to", "content"],
)


@dataclass(frozen=True, slots=True)
class Outline:
    """`kinds`: engine path → the kinds of its values, a letter each. `odd`: which operations it
    says nothing of, counted from the payload's first."""

    kinds: Mapping[str, str]
    odd: frozenset[int]

    @classmethod
    def from_header(cls, header: JsonObject) -> "Outline | None":
        found = header.get("outline")
        return cls(found["kinds"], frozenset(found["odd"])) if found else None

    def fits(self, fields: Mapping[str, FieldType]) -> bool:
        """Whether all entries that are not odd are what these fields take as it is."""
        return all(
            path in fields and _FIT.get(fields[path], frozenset()).issuperset(kinds)
            for path, kinds in self.kinds.items()
        )


class _Node:
    """What is known of a key: values of some kinds, objects with keys in them, or both."""

    __slots__ = ("inner", "kinds", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.kinds: set[str] = set()
        self.inner: dict[str, _Node] = {}


class _Odd(Exception):
    """Something about an entry has to be looked at."""


class Outliner:
    """Takes the operations of a payload in order."""

    def __init__(self) -> None:
        self._root = _Node("")
        self._leaves: list[_Node] = []
        self._odd: list[int] = []
        self._taken = 0

    def take(self, line: JsonObject) -> None:
        try:
            if list(line) not in _PLAIN_LINES:
                raise _Odd
            self._object(self._root, line["content"], 1)
        except _Odd:
            self._odd.append(self._taken)
        self._taken += 1

    def header(self) -> JsonObject:
        """For the payload's header; nothing where it would not be worth its bytes."""
        kinds = {leaf.path: "".join(sorted(leaf.kinds)) for leaf in self._leaves}
        if 2 * len(self._odd) > self._taken or len(kinds) > limits.MAX_FIELDS:
            return {}
        return {"outline": {"kinds": kinds, "odd": self._odd}}

    def _object(self, node: _Node, value: JsonObject, depth: int) -> None:
        if not value or depth > limits.MAX_DEPTH:
            raise _Odd
        known = node.inner
        for key, item in value.items():
            inner = known.get(key) or self._introduce(node, key)
            if type(item) is list:
                if not item:
                    raise _Odd
                for each in item:
                    self._value(inner, each, depth)
            else:
                self._value(inner, item, depth)

    def _value(self, node: _Node, item: Any, depth: int) -> None:
        kind = type(item)
        if kind is dict:
            self._object(node, item, depth + 1)
            return
        letter = _text(item, node.kinds) if kind is str else _KINDS.get(kind)
        if letter is None or (letter == _INTEGER and not _fits_64_bits(item)):
            raise _Odd
        if letter == _FLOAT and not isfinite(item):
            raise _Odd
        if letter not in node.kinds:
            if not node.kinds:
                self._leaves.append(node)
            node.kinds.add(letter)

    def _introduce(self, node: _Node, key: str) -> _Node:
        if not key or escape_key(key) != key:
            raise _Odd
        path = f"{node.path}.{key}" if node.path else key
        inner = node.inner[key] = _Node(path)
        return inner


def _text(text: str, kinds: set[str]) -> str | None:
    if len(text) > _SHORT and len(text.encode()) > limits.MAX_FIELD_VALUE_BYTES:
        return None
    if _TEXT in kinds:  # so it is a text field, whatever else comes
        return _TEXT
    return _DATE if is_date(text) else _TEXT


def _fits_64_bits(number: int) -> bool:
    return limits.INT64_MIN <= number <= limits.INT64_MAX
