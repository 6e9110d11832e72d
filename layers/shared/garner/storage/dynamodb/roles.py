"""Roles in the table, from both sides.

    R#<index key>   <role id>               a role
    R#<index key>   -                       the version of the index's roles
    U#<principal>   <index id>#<role id>    the same role, to be found by who holds it
    U#<principal>   -                       the version of the principal's roles

Every change raises both versions and fails if one is not what the change was based on; so the
rules that look at several roles (last owner, limits) hold under concurrent changes. The version
item also tells which of a caller's thousands of groups hold a role at all: one batch read.
"""

from collections.abc import Iterable, Iterator

from garner.domain.slots import index_key
from garner.ports.indexes import Role, RoleSet
from garner.storage.dynamodb.table import (
    SINGLE,
    Action,
    Delete,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
)


class DynamoRoleStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def of_index(self, index_id: str) -> RoleSet:
        return read_index(self._table, index_id)

    def of_principal(self, principal: str) -> RoleSet:
        return _role_set(self._table.query(f"U#{principal}"))

    def of_principals(self, principals: Iterable[str]) -> list[Role]:
        markers = self._table.batch_get([_principal_key(urn) for urn in sorted(principals)])
        return [
            role for pk, _ in sorted(markers) for role in _role_set(self._table.query(pk)).roles
        ]

    def add(self, role: Role, on_index: RoleSet, held: RoleSet) -> bool:
        return self._transact(added(role, on_index, held))

    def delete(self, role: Role, on_index: RoleSet) -> bool:
        return self._transact(
            [_raised(_index_key(role.index_id), on_index.version), *_deleted(role)]
        )

    def _transact(self, actions: list[Action]) -> bool:
        try:
            self._table.transact(actions)
        except TransactionRefused:
            return False
        return True


def read_index(table: Table, index_id: str) -> RoleSet:
    return _role_set(table.query(_index_key(index_id)[0]))


def added(role: Role, on_index: RoleSet, held: RoleSet) -> list[Action]:
    """The actions that add a role to what was read."""
    here, there = _addresses(role)
    return [
        _raised(_index_key(role.index_id), on_index.version),
        _raised(_principal_key(role.principal), held.version),
        Put(_item(here, role)),
        Put(_item(there, role)),
    ]


def forget_index(table: Table, index_id: str) -> None:
    """Deletes the roles of an index that is gone; may be repeated."""
    for role in read_index(table, index_id).roles:
        table.transact(_deleted(role))
    table.delete(Delete(_index_key(index_id)))


def _deleted(role: Role) -> list[Action]:
    """Taking a role away from a principal breaks no rule of the principal's: its version stays."""
    return [Delete(address) for address in _addresses(role)]


def _raised(key: Key, version: int) -> Update:
    """Raises a version that must be what was read; 0 stands for an item that is not there."""
    condition = "version = :read" if version else "attribute_not_exists(pk)"
    values = {"one": 1} | ({"read": version} if version else {})
    return Update(key, "ADD version :one", condition, values)


def _index_key(index_id: str) -> Key:
    return f"R#{index_key(index_id)}", SINGLE


def _principal_key(principal: str) -> Key:
    return f"U#{principal}", SINGLE


def _addresses(role: Role) -> tuple[Key, Key]:
    return (
        (_index_key(role.index_id)[0], role.role_id),
        (_principal_key(role.principal)[0], f"{role.index_id}#{role.role_id}"),
    )


def _item(key: Key, role: Role) -> Item:
    return {
        "pk": key[0],
        "sk": key[1],
        **{name: getattr(role, name) for name in Role.__dataclass_fields__},
    }


def _role_set(items: Iterator[Item]) -> RoleSet:
    version, roles = 0, []
    for item in items:
        if item["sk"] == SINGLE:
            version = item["version"]
        else:
            roles.append(Role(**{name: item[name] for name in Role.__dataclass_fields__}))
    return RoleSet(tuple(sorted(roles, key=lambda role: (role.created_at, role.role_id))), version)
