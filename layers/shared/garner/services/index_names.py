"""Names that the controller's `indexName` may use: rows that an index's owner sets (harvest 1)."""

from collections.abc import Callable

from garner.domain.harvest.tables import IndexName
from garner.domain.principals import SCOPE_ALL, Caller
from garner.errors import Conflict, NotFound
from garner.ports.indexes import IndexStore
from garner.ports.registry import IndexNames
from garner.services import access

NAME_SET = access.Operation("index_name_set", frozenset({access.OWNER}), (SCOPE_ALL,))
NAME_LIST = access.Operation(
    "index_name_list", frozenset(access.ALL_ROLES), (SCOPE_ALL,), status=None
)


def set_index_name(
    index_id: str,
    name: str,
    read: Callable[[], tuple[tuple[str, ...], str]],
    caller: Caller,
    *,
    names: IndexNames,
    indexes: IndexStore,
) -> IndexName:
    """Lets `name` stand for the index, and sources publish there. `read` is called for an owner
    only, and gives these sources, and the id of the index that the name is taken from, which the
    caller must own as well (a rebuild); empty is none."""
    known = access.admit(index_id, caller, NAME_SET, indexes=indexes).index.index_id
    sources, move_from = read()
    row = IndexName(name, known, sources)
    if move_from:
        before = access.admit(move_from, caller, NAME_SET, indexes=indexes).index.index_id
        if not names.move(row, expected=before):
            raise Conflict(f"The name {name} does not stand for {before}")
    elif not names.put(row):
        raise Conflict(f"The name {name} stands for another index")
    return row


def list_index_names(
    index_id: str, caller: Caller, *, names: IndexNames, indexes: IndexStore
) -> list[IndexName]:
    known = access.admit(index_id, caller, NAME_LIST, indexes=indexes).index.index_id
    return names.list(known)


def delete_index_name(
    index_id: str, name: str, caller: Caller, *, names: IndexNames, indexes: IndexStore
) -> None:
    """What was published under the name stays."""
    known = access.admit(index_id, caller, NAME_SET, indexes=indexes).index.index_id
    if not names.delete(IndexName(name, known, ())):
        raise NotFound(f"The name {name} does not stand for this index")
