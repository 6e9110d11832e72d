"""Objects in S3."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from garner.domain.uploads import Upload
from garner.errors import JsonObject, Unavailable
from garner.ports.payloads import PayloadDamaged

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
_PIECE = 1 << 20
_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "403"})
"""403: the HEAD of an object that is not there, for those who may not list."""


class S3Objects:
    """Implements `garner.storage.payloads.Objects`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, data: bytes) -> str | None:
        version: str | None = self._call("put_object", Key=name, Body=data).get("VersionId")
        return version

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

    def read(self, name: str, version: str | None) -> bytes:
        try:
            data: bytes = self._open(name, version).read()
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
