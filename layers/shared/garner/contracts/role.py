"""Role documents (contract 2.20 to 2.22)."""

from typing import Literal

from pydantic import BaseModel, field_validator

from garner.contracts.base import Document
from garner.domain.principals import is_principal_urn


class RoleCreate(Document):
    role_name: Literal["owner", "admin", "writer"]
    principal: str

    @field_validator("principal")
    @classmethod
    def _is_urn(cls, principal: str) -> str:
        if not is_principal_urn(principal):
            raise ValueError("Not a Principal URN.")
        return principal.lower()


class RoleDocument(BaseModel):
    id: str
    role_name: Literal["owner", "admin", "writer"]
    index_id: str
    principal: str
    principal_type: Literal["identity", "group"]
    creation_date: str


class RoleList(BaseModel):
    role_list: list[RoleDocument]


class RoleDeleted(BaseModel):
    deleted: RoleDocument
    success: Literal[True] = True
