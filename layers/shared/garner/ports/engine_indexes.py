"""The engine's side of an index: its physical builds, aliases, mapping and cursor document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from garner.domain.fields import FieldType, Schema


class MappingRefused(Exception):
    """The engine definitely refuses these fields; sending them again can't help.

    Not a `GarnerError`: no caller sees it. The drain takes the binding back and fails the task
    (ingest protocol 3, step 6).
    """


@dataclass(frozen=True, slots=True)
class IndexStats:
    """What searches can find: tombstones don't count."""

    num_subjects: int
    num_entries: int
    size_in_bytes: int


class EngineIndexes(Protocol):
    """Every method may be repeated after a crash with the same result.

    All raise `Unavailable` where the engine does not answer, refuses for load or is blocked, and
    `NoSuchIndex` where an alias that the method goes through is missing.
    """

    def create(self, index_id: str, build: int, schema: Schema) -> None:
        """The physical index with both aliases, in one step."""
        ...

    def remove_aliases(self, index_id: str) -> None:
        """Nothing reads or writes the index from here on; its data stays (delete-pending)."""
        ...

    def restore_aliases(self, index_id: str, build: int) -> None:
        """Undoes `remove_aliases` (reopen)."""
        ...

    def drop(self, index_id: str) -> None:
        """Deletes every build, its data included."""
        ...

    def put_fields(
        self, index_id: str, new_fields: Mapping[str, FieldType], schema: Schema
    ) -> None:
        """Adds fields (engine path → type) to the mapping and stores `schema`, the whole registry
        with the new fields, in its `_meta`. Raises `MappingRefused`."""
        ...

    def schema(self, index_id: str) -> Schema:
        """The registry in the mapping's `_meta`, never from a cache."""
        ...

    def stats(self, index_id: str) -> IndexStats: ...

    def refresh(self, index_id: str) -> None:
        """Everything acknowledged before this call is found by searches after it."""
        ...

    def write_cursor(self, index_id: str, applied: int) -> None:
        """Records beside the data that the log is applied up to this slot; never goes back."""
        ...

    def cursor(self, index_id: str) -> int:
        """The slot in the cursor document, 0 without one: where to replay from after a restore."""
        ...

    def highest_version(self, index_id: str) -> int:
        """Of any document in the index, tombstones included; 0 in an empty one. Reads them all."""
        ...

    def rebuild(self, index_id: str, build: int, schema: Schema) -> None:
        """A new build from the stored documents, versions kept, tombstones and cursor included;
        then one step moves both aliases. A barrier: nothing may be writing. The old build goes."""
        ...
