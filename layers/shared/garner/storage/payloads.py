"""Payloads: small ones as items beside the log, large ones as objects.

P#<key>#<id>                 at most 8 KB, compressed
payload/<key>/<id>           larger ones
payload/<key>/outcomes/…      pages of tasks
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Protocol

from garner import limits
from garner.domain.slots import index_key
from garner.domain.tasks import PayloadRef
from garner.domain.uploads import Upload
from garner.errors import JsonObject
from garner.ports.clock import Clock, Ids
from garner.ports.payloads import PayloadDamaged
from garner.storage.dynamodb.table import SINGLE, Put, Table

_LEVEL = 1  # fast; the network and the table are what is saved
_KEPT_DAYS = 2 * limits.RETENTION_DAYS  # longer than any task waits and is shown


class Objects(Protocol):
    """What holds the large ones. Raises `PayloadDamaged` for what is gone, and `Unavailable`."""

    def put(self, name: str, data: bytes) -> str | None:
        """The version that was written, where versions are kept."""
        ...

    def read(self, name: str, version: str | None) -> bytes: ...

    def presign(self, name: str, most_bytes: int, seconds: int) -> JsonObject: ...

    def pin(self, name: str) -> Upload | None: ...

    def stream(self, upload: Upload) -> Iterator[bytes]: ...


class StoredPayloads:
    """Implements `garner.ports.payloads.PayloadStore`.

    `objects` is called when one is needed first: most tasks are small, and the client of an object
    store is costly to start.
    """

    def __init__(
        self, table: Table, objects: Callable[[], Objects], *, clock: Clock, ids: Ids
    ) -> None:
        self._table = table
        self._make_objects = objects
        self._made: Objects | None = None
        self._lock = Lock()
        self._clock = clock
        self._ids = ids

    @property
    def _objects(self) -> Objects:
        """Made once: several threads read payloads, and boto3 makes no clients in parallel."""
        with self._lock:
            if self._made is None:
                self._made = self._make_objects()
            return self._made

    def put(self, index_id: str, payload: bytes) -> PayloadRef:
        stored = zlib.compress(payload, _LEVEL)
        digest = hashlib.sha256(payload).hexdigest()
        name, version = self._ids.token(), None
        if len(stored) <= limits.INLINE_PAYLOAD_BYTES:
            key = f"P#{index_key(index_id)}#{name}"
            self._table.put(Put({"pk": key, "sk": SINGLE, "data": stored, **self._expiry()}))
        else:
            key = f"payload/{index_key(index_id)}/{name}"
            version = self._objects.put(key, stored)
        return PayloadRef(key, digest, len(stored), len(payload), version)

    def _expiry(self) -> dict[str, int]:
        return {"expires_at": int(self._clock.seconds() + _KEPT_DAYS * 86_400)}

    def get(self, ref: PayloadRef) -> bytes:
        if ref.key.startswith("P#"):
            item = self._table.get((ref.key, SINGLE))
            stored = item["data"] if item else b""
        else:
            stored = self._objects.read(ref.key, ref.version)
        try:
            expand = zlib.decompressobj()
            payload = expand.decompress(stored, ref.expanded + 1)
        except zlib.error as error:
            raise PayloadDamaged(ref.key) from error
        if len(payload) != ref.expanded or hashlib.sha256(payload).hexdigest() != ref.sha256:
            raise PayloadDamaged(ref.key)
        return payload

    def put_page(self, name: str, page: bytes) -> None:
        self._objects.put(name, zlib.compress(page, _LEVEL))

    def page(self, name: str) -> bytes:
        try:
            return zlib.decompress(self._objects.read(name, None))
        except zlib.error as error:
            raise PayloadDamaged(name) from error

    def presign(self, name: str, most_bytes: int, seconds: int) -> JsonObject:
        return self._objects.presign(name, most_bytes, seconds)

    def pin(self, name: str) -> Upload | None:
        return self._objects.pin(name)

    def stream(self, upload: Upload) -> Iterator[bytes]:
        return self._objects.stream(upload)
