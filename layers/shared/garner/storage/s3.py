"""Payloads: small ones as items beside the log, large ones as objects in S3.

P#<key>#<id>                 at most 8 KB, compressed
payload/<key>/<id>           larger ones
payload/<key>/outcomes/…      pages of tasks
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from garner import limits
from garner.domain.slots import index_key
from garner.domain.tasks import PayloadRef
from garner.domain.uploads import Upload
from garner.errors import JsonObject, Unavailable
from garner.ports.clock import Clock, Ids
from garner.ports.payloads import PayloadDamaged
from garner.storage.dynamodb.table import SINGLE, Put, Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
    signature_version="s3v4",  # presigned forms of the old one are not checked everywhere
    s3={"addressing_style": "path"},
)
_LEVEL = 1  # fast; the network and the table are what is saved
_PIECE = 1 << 20
_KEPT_DAYS = 2 * limits.RETENTION_DAYS  # longer than any task waits and is shown
_GONE = frozenset(
    {"NoSuchKey", "NoSuchVersion", "404", "403"}
)  # HEAD: who may not list gets 403  # a HEAD has no body to say more


class S3Payloads:
    """Implements `garner.ports.payloads.PayloadStore`."""

    def __init__(
        self, client: "S3Client", bucket: str, table: Table, *, clock: Clock, ids: Ids
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._table = table
        self._clock = clock
        self._ids = ids

    def put(self, index_id: str, payload: bytes) -> PayloadRef:
        stored = zlib.compress(payload, _LEVEL)
        digest = hashlib.sha256(payload).hexdigest()
        name, version = self._ids.token(), None
        if len(stored) <= limits.INLINE_PAYLOAD_BYTES:
            key = f"P#{index_key(index_id)}#{name}"
            self._table.put(Put({"pk": key, "sk": SINGLE, "data": stored, **self._expiry()}))
        else:
            key = f"payload/{index_key(index_id)}/{name}"
            answer = self._call("put_object", Key=key, Body=stored)
            version = answer.get("VersionId")
        return PayloadRef(key, digest, len(stored), len(payload), version)

    def _expiry(self) -> dict[str, int]:
        return {"expires_at": int(self._clock.seconds() + _KEPT_DAYS * 86_400)}

    def get(self, ref: PayloadRef) -> bytes:
        if ref.key.startswith("P#"):
            item = self._table.get((ref.key, SINGLE))
            stored = item["data"] if item else b""
        else:
            stored = self._read(ref.key, ref.version)
        try:
            expand = zlib.decompressobj()
            payload = expand.decompress(stored, ref.expanded + 1)
        except zlib.error as error:
            raise PayloadDamaged(ref.key) from error
        if len(payload) != ref.expanded or hashlib.sha256(payload).hexdigest() != ref.sha256:
            raise PayloadDamaged(ref.key)
        return payload

    def put_page(self, name: str, page: bytes) -> None:
        self._call("put_object", Key=name, Body=zlib.compress(page, _LEVEL))

    def page(self, name: str) -> bytes:
        try:
            return zlib.decompress(self._read(name, None))
        except zlib.error as error:
            raise PayloadDamaged(name) from error

    def presign(self, name: str, most_bytes: int, seconds: int) -> JsonObject:
        form: JsonObject = self._client.generate_presigned_post(
            self._bucket,
            name,
            Conditions=[["content-length-range", 1, most_bytes]],
            ExpiresIn=seconds,
        )
        return form

    def pin(self, name: str) -> Upload | None:
        try:
            answer = self._call("head_object", Key=name)
        except PayloadDamaged:
            return None
        return Upload(name, answer.get("VersionId"), answer["ContentLength"])

    def stream(self, upload: Upload) -> Iterator[bytes]:
        body = self._open(upload.key, upload.version)
        try:
            yield from body.iter_chunks(_PIECE)
        except (BotoCoreError, OSError) as error:
            raise Unavailable("The payload store stopped answering; try again.") from error

    def _read(self, key: str, version: str | None) -> bytes:
        try:
            data: bytes = self._open(key, version).read()
        except (BotoCoreError, OSError) as error:
            raise Unavailable("The payload store stopped answering; try again.") from error
        return data

    def _open(self, key: str, version: str | None) -> Any:
        pinned = {"VersionId": version} if version and version != "null" else {}
        return self._call("get_object", Key=key, **pinned)["Body"]

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise PayloadDamaged(request["Key"]) from error
            raise Unavailable("The payload store refuses now; try again.") from error
        except BotoCoreError as error:
            raise Unavailable("The payload store can't be reached; try again.") from error
