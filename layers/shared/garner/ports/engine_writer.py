"""Writing documents to the engine, as the drain sees it (ingest protocol, sections 1 and 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from garner.errors import JsonObject


class AliasMissing(Exception):
    """The write alias is not there: the index is being deleted, or somebody removed it."""


class BulkTooLarge(Exception):
    """The engine takes no request of this size (413)."""


class ItemResult(Enum):
    """What the engine made of one write."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"  # a write of a higher version is there
    REJECTED = "rejected"  # definitely, because of the document
    RETRYABLE = "retryable"  # because of the engine's own state


@dataclass(slots=True)
class Write:
    """One whole document. `body` is its JSON without line breaks; None deletes (purge only)."""

    document_id: str
    version: int
    body: bytes | None
    tombstone: bool = False


@dataclass(frozen=True, slots=True)
class StoredDocument:
    version: int
    document: JsonObject


class EngineWriter(Protocol):
    """All methods go through the write alias, tombstones included. Those that read take a `build`
    to read that one instead, also while the index has no aliases.

    They raise `Unavailable` or `QueryTimeout` where no answer came or the engine refuses for load,
    and `AliasMissing`. After either of the first two a write may still arrive later.
    """

    def bulk(self, index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        """One request, external versions that may be equal (`external_gte`); results in order.

        Raises `BulkTooLarge`.
        """
        ...

    def read(
        self, index_id: str, document_ids: Sequence[str], build: int | None = None
    ) -> dict[str, StoredDocument]:
        """The documents that exist, in real time."""
        ...

    def refresh(self, index_id: str, build: int | None = None) -> None:
        """Everything acknowledged is found by searches from here on."""
        ...

    def matching(
        self,
        index_id: str,
        query: Mapping[str, object],
        *,
        slot: int,
        after: str | None,
        size: int,
        build: int | None = None,
    ) -> list[str]:
        """Subjects in order, after `after`: live ones that match `query`, and tombstones made by
        `slot` itself."""
        ...

    def tombstones(self, index_id: str, size: int) -> list[tuple[str, int]]:
        """`(document id, version)` of tombstones, those of the earliest slots first."""
        ...
