"""Index metadata and roles, as use cases see them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

IndexStatus = Literal["creating", "open", "delete-pending"]
"""`creating` is an index that nobody has been told of yet: to callers it does not exist."""

RoleName = Literal["owner", "admin", "writer"]


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """The metadata half of HEAD (ingest protocol, section 1). Times are epoch seconds."""

    index_id: str
    display_name: str
    description: str
    created_at: float
    status: IndexStatus = "open"
    is_trial: bool = True
    build: int = 1
    modified_at: float | None = None
    deleted_at: float | None = None
    date_detection: bool = True


@dataclass(frozen=True, slots=True)
class Role:
    role_id: str
    index_id: str
    role_name: RoleName
    principal: str
    created_at: float


@dataclass(frozen=True, slots=True)
class RoleSet:
    """Roles as they were read. A change is based on one and fails if it is no longer true."""

    roles: tuple[Role, ...]
    version: int


class IndexStore(Protocol):
    """Raises `Unavailable` when the table does not answer."""

    def get(self, index_id: str) -> IndexRecord | None:
        """The index, also one whose creation is not finished."""
        ...

    def get_many(self, index_ids: Sequence[str]) -> list[IndexRecord]:
        """Those that exist, in no order."""
        ...

    def by_key(self, key: str) -> IndexRecord | None:
        """The index with this key (`garner.domain.slots.index_key`)."""
        ...

    def roles(self, index_id: str) -> list[Role]: ...

    def reserve(self, record: IndexRecord, owner: Role, held: RoleSet) -> bool:
        """Stores a new index with its first role; marks it for attention.

        False, and nothing stored, if its key is taken or the owner's roles are no longer `held`.
        """
        ...

    def change(self, index_id: str, display_name: str, description: str) -> IndexRecord | None:
        """New texts for an open index; None if it is not open."""
        ...

    def open_created(self, index_id: str) -> bool:
        """`creating` → `open`; False if it is not being created any more."""
        ...

    def mark_deleted(self, index_id: str, now: float) -> bool:
        """`open` → `delete-pending`, all tasks up to now to be cancelled; marks it for attention.

        One update. False if it is not open.
        """
        ...

    def mark_reopened(self, index_id: str, now: float) -> bool:
        """`delete-pending` → `open`, marked for attention; False if it is not pending."""
        ...

    def cancelling(self, index_id: str) -> bool:
        """Whether tasks from before a delete still wait for their verdict."""
        ...

    def attend(self, index_id: str, at: float | None) -> None:
        """When the index needs attention next: its engine side may not fit its status; or never."""
        ...

    def needing_attention(self, now: float) -> list[str]:
        """Index ids whose time has come."""
        ...

    def remove(self, record: IndexRecord) -> bool:
        """The index is unknown from here on; False if its status is no longer the record's."""
        ...

    def forget(self, index_id: str) -> None:
        """Deletes what is left of a removed index: roles, cursor, fields, at last the mark."""
        ...


class RoleStore(Protocol):
    """Raises `Unavailable` when the table does not answer."""

    def of_index(self, index_id: str) -> RoleSet: ...

    def of_principal(self, principal: str) -> RoleSet: ...

    def of_principals(self, principals: Iterable[str]) -> list[Role]:
        """The roles that any of these holds, on any index. Thousands of principals are fine."""
        ...

    def add(self, role: Role, on_index: RoleSet, held: RoleSet) -> bool:
        """False, and nothing changed, if either set is no longer what is stored."""
        ...

    def delete(self, role: Role, on_index: RoleSet) -> bool:
        """False, and nothing changed, if the index's roles are no longer these."""
        ...
