"""GMetaEntry, GMetaList and GIngest: what writers send (contract 2.4 and 2.5)."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from garner import limits
from garner.contracts.base import Document
from garner.domain.principals import is_principal_urn, is_visibility_principal
from garner.errors import JsonObject, ValidationFailed


def _bytes_within(limit: int, text: str) -> str:
    if len(text.encode()) > limit:
        raise ValueError(f"Longer than {limit} bytes of UTF-8.")
    return text


def _subject(text: str) -> str:
    if not text:
        raise ValueError("Must not be empty.")
    return _bytes_within(limits.MAX_SUBJECT_BYTES, text)


def _entry_id(text: str) -> str:
    return _bytes_within(limits.MAX_ENTRY_ID_BYTES, text)


def _reader(text: str) -> str:
    if not is_visibility_principal(text):
        raise ValueError("Not a Principal URN, 'public' or 'all_authenticated_users'.")
    return text.lower()


def _urn(text: str) -> str:
    if not is_principal_urn(text):
        raise ValueError("Not a Principal URN.")
    return text.lower()


def _set_name(text: str) -> str:
    if not text:
        raise ValueError("Must not be empty.")
    return _bytes_within(limits.MAX_SET_NAME_BYTES, text)


Subject = Annotated[str, AfterValidator(_subject)]
EntryId = Annotated[str, AfterValidator(_entry_id)]
VisibleTo = Annotated[
    list[Annotated[str, AfterValidator(_reader)]], Field(max_length=limits.MAX_VISIBLE_TO)
]
SetName = Annotated[str, AfterValidator(_set_name)]
Principals = Annotated[
    list[Annotated[str, AfterValidator(_urn)]], Field(max_length=limits.MAX_PRINCIPALS_PER_SET)
]


class GMetaEntry(Document):
    """One block of content about a subject, and who may see it."""

    subject: Subject
    id: EntryId | None = None
    visible_to: VisibleTo
    content: dict[str, Any]
    principal_sets: (
        Annotated[dict[SetName, Principals], Field(max_length=limits.MAX_PRINCIPAL_SETS)] | None
    ) = None


class GMetaList(Document):
    gmeta: list[GMetaEntry]


GeoType = Literal["geo_point", "geo_shape"]


class GMetaUpload(Document):
    """An extension: the entries are in a file that was uploaded before, one a line."""

    upload_id: str


class GIngest(Document):
    """`field_mapping` declares geo fields: contract path → type. GMetaUpload is an extension."""

    ingest_type: Literal["GMetaEntry", "GMetaList", "GMetaUpload"]
    ingest_data: dict[str, Any]
    field_mapping: dict[str, GeoType] | None = None


@dataclass(frozen=True, slots=True)
class Ingest:
    """A GIngest that was read: its entries, or the id of the upload that has them, and the types
    that it declares."""

    entries: list[GMetaEntry]
    upload_id: str | None
    declared: dict[str, str]


def read_ingest(document: JsonObject) -> Ingest:
    """Raises `ValidationFailed`.

    The data is read apart from its envelope: a choice between models made by pydantic would put
    the name of the model into the path of every error (contract 0.7).
    """
    envelope = GIngest.from_json(document)
    entries, upload_id, data = [], None, envelope.ingest_data
    try:
        match envelope.ingest_type:
            case "GMetaEntry":
                entries = [GMetaEntry.from_json(data)]
            case "GMetaList":
                entries = GMetaList.from_json(data).gmeta
            case "GMetaUpload":
                upload_id = GMetaUpload.from_json(data).upload_id
    except ValidationFailed as error:
        messages = (error.details or {})["messages"]
        raise ValidationFailed({"json": {"ingest_data": messages["json"]}}) from None
    return Ingest(entries, upload_id, dict(envelope.field_mapping or {}))
