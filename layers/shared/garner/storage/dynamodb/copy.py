"""Make one table equal to another, item by item: a restored table has a name of its own, and the
stack goes on with the one that it has."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from garner.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH = 25  # DynamoDB's most
_TRIES = 20


def make_equal(client: "DynamoDBClient", target: str, source: str) -> tuple[int, int]:
    """`(written, deleted)` items of `target`. Nobody else may write to either. May be repeated."""
    wanted: set[tuple[str, str]] = set()
    for items in _batches(_scan(client, source)):
        wanted.update(map(_key, items))
        _write(client, target, [{"PutRequest": {"Item": item}} for item in items])
    extra = (item for item in _scan(client, target, "pk, sk") if _key(item) not in wanted)
    deleted = 0
    for items in _batches(extra):
        _write(client, target, [{"DeleteRequest": {"Key": item}} for item in items])
        deleted += len(items)
    return len(wanted), deleted


def _scan(client: "DynamoDBClient", table: str, attributes: str = "") -> Iterator[Any]:
    only = {"ProjectionExpression": attributes} if attributes else {}
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True, **only)  # type: ignore[arg-type]
    for page in pages:
        yield from page["Items"]


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _key(item: Any) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _write(client: "DynamoDBClient", table: str, requests: list[Any]) -> None:
    for _ in range(_TRIES):
        answer = client.batch_write_item(RequestItems={table: requests})
        requests = answer.get("UnprocessedItems", {}).get(table, [])
        if not requests:
            return
    raise Unavailable("The table is throttled; do it again: it goes on where it is not equal.")
