"""Buckets that sources may be read from, by an allow-list (harvest 2)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import SourceFailed
from garner.ports.sources import BucketObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = {"NoSuchKey", "404", "NoSuchBucket"}
_FORBIDDEN = {"AccessDenied", "403"}


class S3BucketReader:
    """A `BucketReader`. `own` is Garner's bucket, which no list can allow."""

    def __init__(self, client: "S3Client", allowed: frozenset[str], own: str) -> None:
        self._client = client
        self._allowed = allowed - {own}

    def list(self, bucket: str, prefix: str) -> Iterator[BucketObject]:
        self._check(bucket)
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, Delimiter="/"
        )
        try:
            for page in pages:
                for item in page.get("Contents", ()):
                    yield BucketObject(item["Key"], item["Size"])
        except (ClientError, BotoCoreError) as error:
            raise _failed(error) from error

    def open(self, bucket: str, key: str) -> BinaryIO:
        self._check(bucket)
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise _failed(error) from error
        return cast(BinaryIO, _Body(cast(BinaryIO, answer["Body"])))

    def _check(self, bucket: str) -> None:
        if bucket not in self._allowed:
            raise SourceFailed("The bucket is not one that sources may be read from.")


class _Body:
    """A body whose trouble is that of its source."""

    def __init__(self, body: BinaryIO) -> None:
        self._body = body

    def read(self, count: int = -1) -> bytes:
        try:
            return self._body.read(count)
        except (BotoCoreError, OSError) as error:
            raise _failed(error) from error

    def close(self) -> None:
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _failed(error: Exception) -> SourceFailed:
    code = error.response["Error"].get("Code") if isinstance(error, ClientError) else ""
    if code in _ABSENT:
        return SourceFailed("There is no such object or bucket.")
    if code in _FORBIDDEN:
        return SourceFailed("Garner may not read this object or bucket.")
    return SourceFailed("The bucket can't be read.", retryable=True)
