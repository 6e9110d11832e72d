"""Whether a change set fits an index: field types and the source's share of its fields.

One source must not poison an index (harvest 1): a conflict refuses the whole publish and names
the field, before anything is submitted.
"""

from collections.abc import Mapping

from garner.domain.fields import FieldType, Schema, contract_path, parts_of_engine_path
from garner.limits import MAX_FIELDS

Observed = Mapping[str, str]
"""Engine path → the value of a `FieldType`."""


def merge_types(known: dict[str, str], observed: Observed) -> str | None:
    """Adds what one document shows; returns why it can't be, if the change set is at odds with
    itself."""
    for path, kind in observed.items():
        other = known.setdefault(path, kind)
        if other == kind:
            continue
        wider = _wider(other, kind)
        if wider is None:
            return f"Field {_name(path)} is {other} in one record and {kind} in another"
        known[path] = wider
    return None


def index_problem(observed: Observed, schema: Schema, *, already_added: int, quota: int) -> str:
    """Why the change set can't be published, or nothing. `already_added` fields came to the index
    with earlier publishes of this source."""
    new = 0
    for path, kind in observed.items():
        bound = schema.fields.get(path)
        if bound is None:
            new += 1
        elif not _fits(kind, bound):
            return f"Field {_name(path)} is {bound.value} in the index, the source has {kind}"
    if new and already_added + new > quota:
        return f"The source would add {already_added + new} fields, its quota is {quota}"
    if len(schema.fields) + new > MAX_FIELDS:
        return f"The index would have more than {MAX_FIELDS} fields"
    return ""


def count_new(observed: Observed, schema: Schema) -> int:
    return sum(path not in schema.fields for path in observed)


def _fits(kind: str, bound: FieldType) -> bool:
    return kind == bound.value or _wider(kind, bound.value) == bound.value


def _wider(one: str, other: str) -> str | None:
    """The type that takes both: whole numbers are fractions, dates are text."""
    for narrow, wide in (("integer", "float"), ("date", "string")):
        if {one, other} == {narrow, wide}:
            return wide
    return None


def _name(path: str) -> str:
    return contract_path(parts_of_engine_path(path))
