"""Buckets as sources, on moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from garner.errors import SourceFailed
from garner.storage.source_buckets import S3BucketReader


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        s3 = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        for bucket in ("open", "closed", "garner"):
            s3.create_bucket(Bucket=bucket)
            for key in ("d/a.csv", "d/b.csv", "d/sub/c.csv"):
                s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        yield s3


def test_an_allowed_bucket_is_listed_one_level_deep_and_read(client: Any) -> None:
    reader = S3BucketReader(client, frozenset({"open"}), own="garner")
    assert [each.key for each in reader.list("open", "d/")] == ["d/a.csv", "d/b.csv"]
    with reader.open("open", "d/a.csv") as body:
        assert (body.read(3), body.read()) == (b"d/a", b".csv")


@pytest.mark.parametrize("bucket", ["closed", "garner", "nowhere"])
def test_other_buckets_and_garners_own_are_refused(client: Any, bucket: str) -> None:
    reader = S3BucketReader(client, frozenset({"open", "garner"}), own="garner")
    with pytest.raises(SourceFailed, match="not one that sources may be read from"):
        reader.open(bucket, "d/a.csv")
    with pytest.raises(SourceFailed, match="not one that sources may be read from"):
        list(reader.list(bucket, "d/"))


def test_what_is_not_there_is_told_without_a_retry(client: Any) -> None:
    reader = S3BucketReader(client, frozenset({"open", "gone"}), own="garner")
    with pytest.raises(SourceFailed, match="no such object") as caught:
        reader.open("open", "zzz")
    assert not caught.value.retryable
    with pytest.raises(SourceFailed, match="no such object or bucket"):
        list(reader.list("gone", ""))
