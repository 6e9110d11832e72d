"""Show one index, or list those on which the caller holds a role (contract 2.15, 2.19)."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from garner import limits
from garner.domain.principals import SCOPE_ALL, Caller
from garner.errors import GarnerError
from garner.ports.engine_indexes import EngineIndexes, IndexStats
from garner.ports.indexes import IndexRecord, IndexStore, Role, RoleName, RoleStore
from garner.services import access

_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class IndexView:
    """`stats` is None where the engine can't tell: the index is not available now."""

    record: IndexRecord
    stats: IndexStats | None
    permissions: list[RoleName]


def show_index(
    index_id: str, caller: Caller, *, indexes: IndexStore, engine: EngineIndexes
) -> IndexView:
    """Anyone may look; raises `NoSuchIndex`."""
    record = access.existing(index_id, indexes=indexes)
    roles = [] if caller.is_anonymous else indexes.roles(record.index_id)
    return view(record, access.held_roles(roles, caller), engine=engine)


def view(record: IndexRecord, permissions: list[RoleName], *, engine: EngineIndexes) -> IndexView:
    return IndexView(record, _stats(record, engine), permissions)


def list_indexes(
    caller: Caller,
    filter_roles: Callable[[], Sequence[RoleName]],
    *,
    indexes: IndexStore,
    roles: RoleStore,
    engine: EngineIndexes,
) -> list[IndexView]:
    """Oldest first, at most 100, of those where the caller has one of `filter_roles`, which is
    read when the caller is known to be allowed."""
    access.require_token(caller)
    access.require_scope(caller, (SCOPE_ALL,), "index_list")
    names = filter_roles()
    held = _by_index(roles.of_principals(caller.principals))
    wanted = [
        index_id
        for index_id, found in held.items()
        if any(role.role_name in names for role in found)
    ]
    records = [each for each in indexes.get_many(wanted) if each.status != "creating"]
    records.sort(key=lambda record: (record.created_at, record.index_id))
    records = records[: limits.MAX_INDEX_LIST]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        stats = list(pool.map(lambda record: _stats(record, engine), records))
    return [
        IndexView(record, found, access.held_roles(held[record.index_id], caller))
        for record, found in zip(records, stats, strict=True)
    ]


def _by_index(roles: Iterable[Role]) -> dict[str, list[Role]]:
    found: dict[str, list[Role]] = {}
    for role in roles:
        found.setdefault(role.index_id, []).append(role)
    return found


def _stats(record: IndexRecord, engine: EngineIndexes) -> IndexStats | None:
    if record.status != "open":
        return None
    try:
        return engine.stats(record.index_id)
    except GarnerError:
        return None
