"""Index metadata and roles, as use cases see them."""

from dataclasses import dataclass
from typing import Literal, Protocol

IndexStatus = Literal["open", "delete-pending"]
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


@dataclass(frozen=True, slots=True)
class Role:
    role_id: str
    index_id: str
    role_name: RoleName
    principal: str
    created_at: float


class IndexStore(Protocol):
    """Raises `Unavailable` when the table does not answer."""

    def get(self, index_id: str) -> IndexRecord | None: ...

    def roles(self, index_id: str) -> list[Role]: ...
