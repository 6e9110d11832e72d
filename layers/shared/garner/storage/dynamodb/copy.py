"""Make one table equal to another, item by item: a restored table has a name of its own, and the
stack goes on with the one that it has."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from garner.errors import Unavailable
from garner.storage.aws.calls import Call

_BATCH = 25  # DynamoDB's most
_TRIES = 20


def make_equal(call: Call, target: str, source: str) -> tuple[int, int]:
    """`(written, deleted)` items of `target`. Nobody else may write to either. May be repeated."""
    wanted: set[tuple[str, str]] = set()
    for items in _batches(_scan(call, source)):
        wanted.update(map(_key, items))
        _write(call, target, [{"PutRequest": {"Item": item}} for item in items])
    extra = (item for item in _scan(call, target, "pk, sk") if _key(item) not in wanted)
    deleted = 0
    for items in _batches(extra):
        _write(call, target, [{"DeleteRequest": {"Key": item}} for item in items])
        deleted += len(items)
    return len(wanted), deleted


def _scan(call: Call, table: str, attributes: str = "") -> Iterator[Any]:
    only = {"ProjectionExpression": attributes} if attributes else {}
    request: Any = {"TableName": table, "ConsistentRead": True, **only}
    while True:
        page = call("Scan", request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _key(item: Any) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _write(call: Call, table: str, requests: list[Any]) -> None:
    for _ in range(_TRIES):
        answer = call("BatchWriteItem", {"RequestItems": {table: requests}})
        requests = answer.get("UnprocessedItems", {}).get(table, [])
        if not requests:
            return
    raise Unavailable("The table is throttled; do it again: it goes on where it is not equal.")
