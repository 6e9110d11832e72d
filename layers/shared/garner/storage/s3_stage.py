"""The stage in S3: `raw/…` holds what was fetched, `stage/…` what is made of it."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import Unavailable
from garner.ports.sources import RawMeta

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READERS = 12  # of the client's sixteen connections
_IN_MEMORY = 4_000_000
_PIECE = 1 << 20
_DELETE_AT_ONCE = 1_000


@dataclass(frozen=True)
class S3RawFile:
    """A `RawFile`. It is copied to local disk when it is opened, since archives are read from
    their end."""

    meta: RawMeta
    stage: "S3Stage"
    key: str

    def open(self) -> BinaryIO:
        copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes
        self.stage.copy_to(self.key, cast(BinaryIO, copy))
        copy.seek(0)
        return cast(BinaryIO, copy)


class S3Stage:
    """Implements `garner.ports.harvest.Stage` and `RawStage`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @cached_property
    def _readers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_READERS, "stage")

    def put(self, key: str, body: bytes) -> None:
        self._call("put_object", Key=key, Body=body)

    def get(self, key: str) -> bytes:
        return self._read(self._call("get_object", Key=key)["Body"])

    def get_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        if len(ranges) == 1:
            return [self._range(ranges[0])]
        return list(self._readers.map(self._range, ranges))

    def put_raw(self, key: str, body: BinaryIO) -> None:
        self._call("put_object", Key=key, Body=body)

    def raw(self, key: str, meta: RawMeta) -> S3RawFile:
        return S3RawFile(meta, self, key)

    def copy_to(self, key: str, target: BinaryIO) -> None:
        body = self._call("get_object", Key=key)["Body"]
        try:
            for piece in body.iter_chunks(_PIECE):
                target.write(piece)
        except (BotoCoreError, OSError) as error:
            raise Unavailable("The stage stopped answering; try again.") from error

    def delete_prefix(self, prefix: str) -> None:
        while True:
            page = self._call("list_objects_v2", Prefix=prefix, MaxKeys=_DELETE_AT_ONCE)
            found = [{"Key": each["Key"]} for each in page.get("Contents", ())]
            if not found:
                return
            self._call("delete_objects", Delete={"Objects": found, "Quiet": True})

    def _range(self, place: tuple[str, int, int]) -> bytes:
        key, first, length = place
        answer = self._call("get_object", Key=key, Range=f"bytes={first}-{first + length - 1}")
        return self._read(answer["Body"])

    def _read(self, body: Any) -> bytes:
        try:
            data: bytes = body.read()
        except (BotoCoreError, OSError) as error:
            raise Unavailable("The stage stopped answering; try again.") from error
        return data

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, **request)
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The stage can't be reached; try again.") from error
