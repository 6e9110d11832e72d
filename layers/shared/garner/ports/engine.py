"""The search engine as use cases see it. Bodies are the engine's own query language: the compiler
in `garner.domain.query` writes them, adapters only carry them."""

from collections.abc import Sequence
from typing import Protocol

from garner.domain.fields import Schema
from garner.errors import JsonObject


class SearchReader(Protocol):
    """Reads through the read alias of an index.

    Every method raises `NoSuchIndex` where the alias is missing, `Unavailable` where the engine
    does not answer or refuses for load, and `QueryTimeout` when the budget is spent. The engine's
    error texts never leave the adapter.
    """

    def schema(self, index_id: str, *, fresh: bool = False) -> Schema:
        """The field registry from the mapping's `_meta`; cached for seconds unless `fresh`."""
        ...

    def search(self, index_id: str, body: JsonObject) -> JsonObject:
        """The engine's answer to one `_search`, whole and never partial."""
        ...

    def documents(self, index_id: str, subjects: Sequence[str]) -> list[JsonObject | None]:
        """The stored documents of subjects in real time, tombstones included: the alias's filter
        does not hold here, so the caller checks `live` and visibility."""
        ...
