"""Files that clients put into the store themselves (ingest protocol 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from garner.domain.tasks import PayloadRef


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A POST that puts one file there: `fields` first, then the file as the field `file`."""

    url: str
    fields: Mapping[str, str]


class UploadStore(Protocol):
    """Raises `Unavailable` when the store does not answer."""

    def form(self, index_id: str, upload_id: str, seconds: int) -> UploadForm:
        """Good for `seconds`, for a file of at most 5 GB."""
        ...

    def find(self, index_id: str, upload_id: str) -> PayloadRef | None:
        """The file in the version that is there now; None if it was not uploaded."""
        ...
