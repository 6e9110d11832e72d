"""What search, scroll, subject and entry reads have in common at the edge."""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from garner.api.request import Request
from garner.ports.engine import SearchReader
from garner.ports.indexes import IndexStore, RoleName
from garner.services.access import held_roles, reading


class Reads:
    """Runs a use case of the read path. `indexes` is only called where the table has to be asked:
    for roles, or to tell why the engine does not know an index."""

    def __init__(self, *, reader: SearchReader, indexes: Callable[[], IndexStore]) -> None:
        self._reader = reader
        self._indexes = indexes

    def __call__(
        self,
        request: Request,
        index_id: str,
        use_case: Callable[..., bytes],
        read: Callable[[], Any],
        **more: Any,
    ) -> bytes:
        """The use case's answer; `read` gives its request. Errors come in the contract's order."""
        caller, reader, indexes = request.caller, self._reader, self._indexes
        with reading(index_id, caller, reader=reader, indexes=indexes) as known:

            @cache
            def roles() -> Collection[RoleName]:
                return held_roles(indexes().roles(known), caller)

            return use_case(known, caller, read(), reader=reader, roles=roles, **more)
