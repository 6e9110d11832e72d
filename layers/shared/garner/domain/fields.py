"""Field paths and field types: how a name in a document, in a query and in the engine relate.

Three spellings of one path (contract 4.6):

* parts: `("a.b", "c")`, the keys as they stand in the content;
* contract path: `a\\.b.c`, what callers write in filters, facets and sorts;
* engine path: `a%2Eb.c`, what the mapping has. Every character that the engine could take for a
  level, a wildcard or nothing at all is percent-encoded, so a key is one level, always.
"""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import unquote


class FieldType(StrEnum):
    """The types a field can be bound to; the values are those of the stored registry."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    GEO_POINT = "geo_point"
    GEO_SHAPE = "geo_shape"

    @property
    def is_geo(self) -> bool:
        return self in (FieldType.GEO_POINT, FieldType.GEO_SHAPE)

    @property
    def wire_name(self) -> str:
        """The name on the beta mapping route (contract 2.23)."""
        return {"string": "text", "integer": "long"}.get(self.value, self.value)


FieldParts = tuple[str, ...]

# Letters, digits and the signs that are harmless inside one level. No dot, `*`, `%`, `,`, space.
_UNSAFE = re.compile(r"[^\w@:/#~+=&;!$()<>|{}\[\]'-]", re.UNICODE)


def escape_key(key: str) -> str:
    """A content key as one level of an engine path. Reversible; never empty for a legal key."""
    return _UNSAFE.sub(lambda m: "".join(f"%{b:02X}" for b in m.group().encode()), key)


def engine_path(parts: FieldParts) -> str:
    return ".".join(map(escape_key, parts))


def parts_of_engine_path(path: str) -> FieldParts:
    return tuple(unquote(part) for part in path.split("."))


def contract_path(parts: FieldParts) -> str:
    """What a caller would write for this path."""
    return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in parts)


def parse_contract_path(text: str) -> FieldParts:
    r"""`a\.b.c` → `("a.b", "c")`. A backslash escapes the next character; a last one is itself."""
    parts, part, characters = [], "", iter(text)
    for character in characters:
        if character == "\\":
            part += next(characters, "\\")
        elif character == ".":
            parts.append(part)
            part = ""
        else:
            part += character
    return (*parts, part)


@dataclass(frozen=True, slots=True)
class Schema:
    """What is known of an index's fields: the registry that is stored, and travels in `_meta`.

    `fields` maps engine path → type, leaves only. `multi_entry` is bound for ever by the first
    entry with an id (ingest protocol, section 1). `bound_by` has the slots of the newest fields:
    those of a dead worker's pack, whose tasks are judged again.
    """

    fields: Mapping[str, FieldType] = field(default_factory=dict)
    multi_entry: bool = False
    version: int = 0
    date_detection: bool = True
    bound_by: Mapping[str, int] = field(default_factory=dict)

    def as_of(self, n: int) -> "Schema":
        """What the tasks up to slot `n` have bound: a verdict depends on nothing behind it."""
        later = {path for path, slot in self.bound_by.items() if slot > n}
        if not later:
            return self
        known = {path: kind for path, kind in self.fields.items() if path not in later}
        return replace(self, fields=known)

    def binding(self, n: int, fields: Mapping[str, FieldType], applied: int) -> "Schema":
        """With the new fields of the task at slot `n`; those up to `applied` are decided."""
        undecided = {path: slot for path, slot in self.bound_by.items() if slot > applied}
        return replace(
            self,
            fields={**self.fields, **fields},
            version=self.version + 1,
            bound_by=undecided | dict.fromkeys(fields, n),
        )

    def without(self, fields: AbstractSet[str]) -> "Schema":
        """A binding taken back."""
        return replace(
            self,
            fields={path: kind for path, kind in self.fields.items() if path not in fields},
            version=self.version + 1,
            bound_by={path: slot for path, slot in self.bound_by.items() if path not in fields},
        )

    def type_of(self, parts: FieldParts) -> FieldType | None:
        return self.fields.get(engine_path(parts))

    def to_json(self) -> dict[str, object]:
        return {
            "fields": {path: kind.value for path, kind in self.fields.items()},
            "multi_entry": self.multi_entry,
            "version": self.version,
            "date_detection": self.date_detection,
            **({"bound_by": dict(self.bound_by)} if self.bound_by else {}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> "Schema":
        fields, bound_by = document.get("fields") or {}, document.get("bound_by") or {}
        assert isinstance(fields, Mapping)
        assert isinstance(bound_by, Mapping)
        return cls(
            fields={str(path): FieldType(kind) for path, kind in fields.items()},
            multi_entry=bool(document.get("multi_entry", False)),
            version=int(str(document.get("version", 0))),
            date_detection=bool(document.get("date_detection", True)),
            bound_by={str(path): int(slot) for path, slot in bound_by.items()},
        )


def prefixes(paths: Iterable[str]) -> set[str]:
    """The engine paths of all objects on the way to `paths`."""
    found = set()
    for path in paths:
        while "." in path:
            path = path.rpartition(".")[0]  # noqa: PLW2901 - walks up one path
            found.add(path)
    return found
