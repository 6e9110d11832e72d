"""The fields that one request names, and what could not be done with them.

A request never fails while it is compiled because of a field (contract 8.5): a field that is
unknown or of the wrong type matches nothing, and is remembered here. Who asked decides what it
means: callers with a role are told, others are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from garner.domain.documents import ENTRIES_CONTENT, KEYWORD, TERM
from garner.domain.fields import FieldType, Schema, engine_path, parse_contract_path
from garner.errors import BadRequest, ValidationFailed
from garner.limits import MAX_FILTER_CLAUSES, MAX_TERM_CHARACTERS


@dataclass(frozen=True, slots=True)
class Field:
    """A field as the request calls it, and as the engine does."""

    given: str
    path: str
    type: FieldType

    @property
    def name(self) -> str:
        return f"{ENTRIES_CONTENT}.{self.path}"

    @property
    def value_name(self) -> str:
        """Where whole values are: strings have a sub-field for them."""
        return f"{self.name}.{KEYWORD}" if self.type is FieldType.STRING else self.name

    def lookup_name(self, value: object) -> str:
        """Where this whole value is found fastest: a short string is a term."""
        if self.type is FieldType.STRING and _utf16_units(str(value)) <= MAX_TERM_CHARACTERS:
            return f"{self.name}.{TERM}"
        return self.value_name


def _utf16_units(text: str) -> int:
    """The length of a text as the engine counts it. A clone of it counts characters, which are
    never more: what is short here is short there, too."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class KnownFields(Mapping[str, FieldType]):
    """The registry, which remembers whether somebody asked for what is not in it."""

    def __init__(self, fields: Mapping[str, FieldType]) -> None:
        self._fields = fields
        self.missed = False

    def __getitem__(self, path: str) -> FieldType:
        try:
            return self._fields[path]
        except KeyError:
            self.missed = True
            raise

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class Scope:
    """`schema` is for those who look fields up themselves; it remembers, too."""

    def __init__(self, schema: Schema) -> None:
        self._fields = KnownFields(schema.fields)
        self.schema = replace(schema, fields=self._fields)
        self.problems: dict[str, list[str]] = {}
        self._clauses = 0

    @property
    def has_unknown_fields(self) -> bool:
        return self._fields.missed

    def field(self, given: str) -> Field | None:
        path = engine_path(parse_contract_path(given))
        kind = self._fields.get(path)
        return None if kind is None else Field(given, path, kind)

    def is_object(self, path: str) -> bool:
        prefix = f"{path}."
        return any(known.startswith(prefix) for known in self._fields)

    def refuse(self, part: str, field: Field, reason: str) -> None:
        """`part` of the request can't be applied to `field`."""
        text = f"{field.given!r} is a field of type {field.type.wire_name}: {reason}."
        self.problems.setdefault(part, []).append(text)

    def spend(self, clauses: int) -> None:
        """Raises `BadRequest` where the filters of one list would be too much for the engine."""
        self._clauses += clauses
        if self._clauses > MAX_FILTER_CLAUSES:
            raise BadRequest(f"The filters need more than {MAX_FILTER_CLAUSES} clauses")

    def start_list(self) -> None:
        self._clauses = 0

    def raise_problems(self) -> None:
        if self.problems:
            raise ValidationFailed({"json": self.problems})
