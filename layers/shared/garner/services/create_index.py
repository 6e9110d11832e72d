"""Create an index: reserved in the table, built in the engine, then opened.

Until it is opened nobody sees it. A crash on the way leaves it `creating`; `tend_index` removes it.
"""

from garner.contracts.index import IndexCreate
from garner.domain.fields import Schema
from garner.domain.principals import SCOPE_ALL, Caller
from garner.errors import GarnerError, LimitExceeded, Unavailable
from garner.ports.clock import Clock, Ids
from garner.ports.engine_indexes import EngineIndexes
from garner.ports.indexes import IndexRecord, IndexStore, Role, RoleSet, RoleStore
from garner.services import access

_TRIES = 8


def create_index(
    wanted: IndexCreate,
    caller: Caller,
    *,
    max_trial_indexes: int,
    indexes: IndexStore,
    roles: RoleStore,
    engine: EngineIndexes,
    clock: Clock,
    ids: Ids,
) -> IndexRecord:
    """The new index, of which the caller is the owner.

    Raises `Unauthorized`, `Forbidden`, `LimitExceeded`, or `Unavailable` with nothing left behind.
    """
    owner = authorize_creation(caller)
    record = IndexRecord(
        index_id=ids.uuid(),
        display_name=wanted.display_name,
        description=wanted.description,
        created_at=clock.seconds(),
        status="creating",
        date_detection=wanted.date_detection is not False,
    )
    role = Role(ids.token()[:16], record.index_id, access.OWNER, owner, record.created_at)
    _reserve(record, role, max_trial_indexes, indexes, roles)
    try:
        schema = Schema(date_detection=record.date_detection)
        engine.create(record.index_id, record.build, schema)
    except GarnerError:
        if indexes.remove(record):
            indexes.forget(record.index_id)
        raise
    if not indexes.open_created(record.index_id):
        raise Unavailable("The index could not be created; try again.")
    return indexes.get(record.index_id) or record


def authorize_creation(caller: Caller) -> str:
    """The identity that will own a new index; raises `Unauthorized` or `Forbidden`."""
    access.require_token(caller)
    access.require_scope(caller, (SCOPE_ALL,), "index_create")
    assert caller.identity is not None
    return caller.identity


def check_trial_limit(held: RoleSet, maximum: int, *, indexes: IndexStore) -> None:
    """Raises `LimitExceeded` if whoever holds these roles may not own another trial index.

    Indexes that are deleted but not gone don't count: they will not be used again.
    """
    owned = [role.index_id for role in held.roles if role.role_name == access.OWNER]
    records = indexes.get_many(owned) if len(owned) >= maximum else []
    counted = [each for each in records if each.is_trial and each.status != "delete-pending"]
    if len(counted) >= maximum:
        raise LimitExceeded(
            "Role limit exceeded",
            f"{len(counted)} trial indices are owned already",
            f"At most {maximum} trial indices can be owned by one identity",
        )


def _reserve(
    record: IndexRecord, owner: Role, maximum: int, indexes: IndexStore, roles: RoleStore
) -> None:
    for _ in range(_TRIES):
        held = roles.of_principal(owner.principal)
        check_trial_limit(held, maximum, indexes=indexes)
        if indexes.reserve(record, owner, held):
            return
    raise Unavailable("Roles of this identity change too quickly; try again.")
