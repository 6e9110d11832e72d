"""Where the bytes of tasks are kept: small ones beside the log, large ones as objects."""

from collections.abc import Iterator
from typing import Protocol

from garner.domain.tasks import PayloadRef
from garner.domain.uploads import Upload
from garner.errors import JsonObject


class PayloadDamaged(Exception):
    """What is stored is missing, or not what was accepted."""


class PayloadStore(Protocol):
    """Raises `Unavailable` when the store does not answer."""

    def put(self, index_id: str, payload: bytes) -> PayloadRef:
        """Keeps `payload`, compressed, under a name of its own."""
        ...

    def get(self, ref: PayloadRef) -> bytes:
        """Exactly what was put. Raises `PayloadDamaged`."""
        ...

    def put_page(self, name: str, page: bytes) -> None:
        """Keeps a page of a task's outcomes or parts; the same name again replaces it."""
        ...

    def page(self, name: str) -> bytes:
        """Raises `PayloadDamaged` if there is none."""
        ...

    # --- uploads ---------------------------------------------------------------------------------

    def presign(self, name: str, most_bytes: int, seconds: int) -> JsonObject:
        """`{url, fields}` of a form with which anyone may put one object of that name."""
        ...

    def pin(self, name: str) -> Upload | None:
        """The version of an uploaded object that is there now, None if there is none."""
        ...

    def stream(self, upload: Upload) -> Iterator[bytes]:
        """The pinned version, piece by piece. Raises `PayloadDamaged` if it is gone."""
        ...
