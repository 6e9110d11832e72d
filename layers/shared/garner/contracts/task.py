"""Task documents (contract 2.4, 2.10, 2.12 and 2.13)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from garner import limits
from garner.contracts.base import Document
from garner.contracts.gmeta import Subject

FieldTypeName = Literal["string", "integer", "float", "boolean", "date", "geo_point", "geo_shape"]


class BatchDeleteBySubject(Document):
    subjects: Annotated[list[Subject], Field(min_length=1)]


class DeclareFields(Document):
    """Field types to bind before any value is seen: contract path → type. An extension."""

    fields: Annotated[dict[str, FieldTypeName], Field(min_length=1, max_length=limits.MAX_FIELDS)]


class TaskSubmitResponse(BaseModel):
    """What every call that submits a task answers."""

    acknowledged: Literal[True] = True
    task_id: str
    as_identity: str
    success: Literal[True] = True
    num_documents_ingested: Literal[0] = 0


class TaskDocument(BaseModel):
    task_id: str
    index_id: str
    task_type: str
    state: Literal["CREATING", "PENDING", "PROGRESS", "SUCCESS", "FAILED", "CANCELLED"]
    state_description: str
    creation_date: str
    completion_date: str | None
    message: str | None
    additional_details: dict[str, Any] | None


class TaskList(BaseModel):
    index_id: str
    tasks: list[TaskDocument]


class UploadOffer(BaseModel):
    """POST `fields`, and then the file as the field `file`, to `url`."""

    upload_id: str
    method: Literal["POST"]
    url: str
    fields: dict[str, str]
    max_bytes: int
    expiration_date: str


class OutcomeDocument(BaseModel):
    position: int
    subject: str | None
    entry_id: str | None
    outcome: Literal["applied", "superseded", "rejected"]
    code: str | None
    field: str | None
    expected: str | None
    found: str | None
    reason: str | None


class OutcomeList(BaseModel):
    outcomes: list[OutcomeDocument]
    marker: str | None
