"""Task documents (contract 2.4, 2.10, 2.12 and 2.13)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from garner.contracts.base import Document
from garner.contracts.gmeta import Subject


class BatchDeleteBySubject(Document):
    subjects: Annotated[list[Subject], Field(min_length=1)]


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
