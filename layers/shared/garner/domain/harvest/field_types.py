"""Whether a change set fits an index: field types and the source's share of its fields.

One source must not poison an index (harvest 1): a conflict refuses the whole publish and names
the field, before anything is submitted. What is wrong with one record alone (a value that is too
long) is left to its task, which skips it.
"""

from collections.abc import Mapping

from garner.domain.content import FIELD_LIMIT, TYPE_CONFLICT, Checker, FieldProblem
from garner.domain.fields import FieldType, Schema
from garner.errors import JsonObject


class ChangeSet:
    """Holds the documents of one publish against the fields of its index, one after the other.

    `brought` are the fields that earlier documents of the change set add (engine path → type);
    `added_before` fields came to the index with earlier publishes of this source.
    """

    def __init__(
        self, schema: Schema, brought: Mapping[str, str], *, added_before: int, quota: int
    ) -> None:
        self._checker = Checker(schema, {path: FieldType(kind) for path, kind in brought.items()})
        self._added_before = added_before
        self._quota = quota

    def problem(self, document: JsonObject) -> str:
        """Why nothing can be published with this document in it, or nothing."""
        result = self._checker.check(document)
        if isinstance(result, FieldProblem) and result.code in (TYPE_CONFLICT, FIELD_LIMIT):
            return f"Field {result.field}: {result.reason}"
        added = self._added_before + len(self._checker.new_fields)
        if self._checker.new_fields and added > self._quota:
            return f"The source would add {added} fields to the index, its quota is {self._quota}"
        return ""

    @property
    def brought(self) -> dict[str, str]:
        return {path: kind.value for path, kind in self._checker.new_fields.items()}
