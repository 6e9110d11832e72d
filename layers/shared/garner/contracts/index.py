"""Index documents (contract 2.14 to 2.19)."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from garner import limits
from garner.contracts.base import Document

DisplayName = Annotated[str, StringConstraints(max_length=limits.MAX_DISPLAY_NAME_CHARACTERS)]
Description = Annotated[str, StringConstraints(max_length=limits.MAX_DESCRIPTION_CHARACTERS)]


class IndexCreate(Document):
    """`date_detection` is an extension: off, a string in a date form stays a string."""

    display_name: DisplayName
    description: Description
    date_detection: bool | None = None


class IndexUpdate(Document):
    """Absent or null leaves a text as it is."""

    display_name: DisplayName | None = None
    description: Description | None = None


class GSearchIndex(BaseModel):
    """What Create and Update answer."""

    model_config = ConfigDict(populate_by_name=True)

    datatype: Literal["GSearchIndex"] = Field("GSearchIndex", alias="@datatype")
    document_version: Literal["2017-09-01"] = Field("2017-09-01", alias="@version")
    id: str
    display_name: str
    description: str
    creation_date: str
    is_trial: bool
    subscription_id: str | None = None
    max_size_in_mb: int
    size_in_mb: int = 0
    num_subjects: int = 0
    num_entries: int = 0
    status: Literal["open", "delete-pending"]
    available: bool
    content_last_modified_date: str | None = None


class IndexWithPermissions(GSearchIndex):
    """What Show and List answer: with the caller's own roles, groups included."""

    permissions: list[Literal["owner", "admin", "writer"]] = []


class IndexList(BaseModel):
    index_list: list[IndexWithPermissions]


class IndexAcknowledgement(BaseModel):
    """What Delete and Reopen answer."""

    index_id: str
    acknowledged: Literal[True] = True


def service_date(seconds: float) -> str:
    """A date of an index or role document: UTC, a space, no zone (contract 0.10)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
