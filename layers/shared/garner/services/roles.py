"""Create, list and delete roles (contract 2.20 to 2.22). Rules that look at several roles hold
under concurrent changes: a change fails if the roles it was based on are no longer there."""

from collections.abc import Callable

from garner import limits
from garner.contracts.role import RoleCreate
from garner.domain.principals import Caller
from garner.errors import Conflict, Forbidden, LimitExceeded, NotFound, Unavailable
from garner.ports.clock import Clock, Ids
from garner.ports.indexes import IndexStore, Role, RoleSet, RoleStore
from garner.services import access
from garner.services.create_index import check_trial_limit

_TRIES = 8


def list_roles(
    index_id: str, caller: Caller, *, indexes: IndexStore, roles: RoleStore
) -> list[Role]:
    """Oldest first."""
    admission = access.admit(index_id, caller, access.ROLE_LIST, indexes=indexes)
    return list(roles.of_index(admission.index.index_id).roles)


def create_role(
    index_id: str,
    wanted: Callable[[], RoleCreate],
    caller: Caller,
    *,
    max_trial_indexes: int,
    indexes: IndexStore,
    roles: RoleStore,
    clock: Clock,
    ids: Ids,
) -> Role:
    """The new role. `wanted` is read when the caller is known to be allowed, since input is checked
    last. Raises `Forbidden`, `LimitExceeded`, or `Conflict` for a role that is there."""
    admission = access.admit(index_id, caller, access.ROLE_CREATE, indexes=indexes)
    new = wanted()
    if new.role_name == access.OWNER and access.OWNER not in admission.roles:
        raise Forbidden.operation(
            access.ROLE_CREATE.name,
            "Only an owner can make somebody an owner",
            "Ask an owner of the index",
        )
    index = admission.index
    role = Role(ids.token()[:16], index.index_id, new.role_name, new.principal, clock.seconds())
    for _ in range(_TRIES):
        on_index, held = roles.of_index(index.index_id), roles.of_principal(new.principal)
        _check_new(role, on_index)
        if new.role_name == access.OWNER and index.is_trial:
            check_trial_limit(held, max_trial_indexes, indexes=indexes)
        if roles.add(role, on_index, held):
            return role
    raise _busy()


def delete_role(
    index_id: str, role_id: str, caller: Caller, *, indexes: IndexStore, roles: RoleStore
) -> Role:
    """The role that was deleted. Raises `NotFound`, or `Conflict` for the last owner."""
    admission = access.admit(index_id, caller, access.ROLE_DELETE, indexes=indexes)
    for _ in range(_TRIES):
        on_index = roles.of_index(admission.index.index_id)
        role = next((each for each in on_index.roles if each.role_id == role_id), None)
        if role is None:
            raise NotFound(f'There is no role "{role_id}" on this index')
        owners = [each for each in on_index.roles if each.role_name == access.OWNER]
        if owners == [role]:
            raise Conflict("The last owner of an index can't be removed")
        if roles.delete(role, on_index):
            return role
    raise _busy()


def _check_new(role: Role, on_index: RoleSet) -> None:
    same = [(each.role_name, each.principal) for each in on_index.roles]
    if (role.role_name, role.principal) in same:
        raise Conflict(f"{role.principal} has the role {role.role_name} already")
    if len(same) >= limits.MAX_ROLES_PER_INDEX:
        raise LimitExceeded(
            "Role limit exceeded",
            f"{len(same)} roles exist on this index",
            f"At most {limits.MAX_ROLES_PER_INDEX} roles are possible on one index",
        )


def _busy() -> Unavailable:
    return Unavailable("The roles of this index change too quickly; try again.")
