"""The one DynamoDB table: plain values in and out, and failures as `Unavailable`.

Every store in this room goes through `Table`, so that no other module knows the wire types of
DynamoDB or its error codes. Keys are `(pk, sk)`; singletons have the sort key `-`.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from garner.errors import JsonObject, Unavailable
from garner.storage.aws.calls import Call, Refused

Item = dict[str, Any]
"""One item with Python values: str, int, float, bool, bytes, None, list, dict."""

Key = tuple[str, str]

SINGLE = "-"  # the sort key of an item that is alone in its partition
DUE_INDEX = "due"  # sparse: what the sweeper looks for (`due_kind`, `due_at`)

_CONFLICT = "TransactionConflict"
_TRIES_ON_CONFLICT = 6  # a conflict means that somebody else just wrote: the next try mostly works
_BATCH_GET = 100


class ConditionFailed(Exception):
    """A write whose condition did not hold; `item` is what was there, if anything."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


class TransactionRefused(Exception):
    """A transaction in which conditions did not hold.

    `failed` maps the position of each failed action to the item that was there, if any.
    """

    def __init__(self, failed: Mapping[int, Item | None]) -> None:
        super().__init__(f"conditions of actions {sorted(failed)} failed")
        self.failed = dict(failed)


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    item: Item
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """Change attributes of one item; `expression` is an update expression."""

    key: Key
    expression: str
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delete:
    key: Key
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on an item that the transaction does not change."""

    key: Key
    condition: str
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


Action = Put | Update | Delete | Check


class Table:
    """Strongly consistent reads and conditional writes on one table.

    In `condition` and `expression`, values are written `:name` and given as `values={"name": …}`,
    reserved attribute names are written `#name` and given as `names={"name": "attribute"}`.
    Every method raises `Unavailable` if the table does not answer or is throttled.
    """

    def __init__(self, call: Call, name: str) -> None:
        self._call_plain = call
        self._name = name

    def get(self, key: Key) -> Item | None:
        answer = self._call("GetItem", Key=_wire_key(key), ConsistentRead=True)
        return from_wire(answer["Item"]) if "Item" in answer else None

    def batch_get(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """The items that exist. Any number of keys."""
        found: dict[Key, Item] = {}
        for start in range(0, len(keys), _BATCH_GET):
            waiting: Any = [_wire_key(key) for key in keys[start : start + _BATCH_GET]]
            for _ in range(_TRIES_ON_CONFLICT):
                answer = self._call_plain(
                    "BatchGetItem",
                    {"RequestItems": {self._name: {"Keys": waiting, "ConsistentRead": True}}},
                )
                for wire in answer["Responses"].get(self._name, []):
                    item = from_wire(wire)
                    found[item["pk"], item["sk"]] = item
                waiting = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys")
                if not waiting:
                    break
            else:
                raise Unavailable("The table is throttled; try again.")
        return found

    def put(self, put: Put) -> None:
        """Raises `ConditionFailed`."""
        self._write("PutItem", put)

    def update(self, update: Update) -> Item:
        """The item as it is afterwards. Raises `ConditionFailed`."""
        answer = self._write("UpdateItem", update, ReturnValues="ALL_NEW")
        return from_wire(answer["Attributes"])

    def delete(self, delete: Delete) -> None:
        """Raises `ConditionFailed`. Deleting what is not there is fine without a condition."""
        self._write("DeleteItem", delete)

    def transact(self, actions: Sequence[Action], *, token: str | None = None) -> None:
        """All or nothing, at most 100 actions. Raises `TransactionRefused`.

        `token` (at most 36 characters) makes the repetition of a transaction with an unknown
        outcome safe for ten minutes.
        """
        wire = [self._transact_item(action) for action in actions]
        extra = {"ClientRequestToken": token} if token else {}
        for _ in range(_TRIES_ON_CONFLICT):
            try:
                self._call_plain("TransactWriteItems", {"TransactItems": wire, **extra})
            except Refused as refused:
                reasons: list[Any] = refused.answer.get("CancellationReasons", [])
                codes = {reason.get("Code", "None") for reason in reasons}
                if "ConditionalCheckFailed" in codes:
                    raise TransactionRefused(_failed(reasons)) from None
                if codes & {_CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"}:
                    continue
                raise
            else:
                return
        raise Unavailable("The table is busy; try again.")

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Item]:
        """The items of one partition in the order of their sort keys."""
        values = {"pk": pk} | ({"prefix": prefix} if prefix else {})
        yield from self._pages(
            KeyConditionExpression="pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            ExpressionAttributeValues=_wire_values(values),
            ConsistentRead=True,
            ScanIndexForward=not newest_first,
            limit=limit,
        )

    def due(self, kind: str, until: float, *, limit: int | None = None) -> Iterator[Item]:
        """What the sweeper has to look at: items of `kind` due by `until`, longest due first.

        Eventually consistent: nothing may be decided on it without reading the item again.
        """
        yield from self._pages(
            IndexName=DUE_INDEX,
            KeyConditionExpression="due_kind = :kind AND due_at <= :until",
            ExpressionAttributeValues=_wire_values({"kind": kind, "until": until}),
            limit=limit,
        )

    def scan(self, prefix: str) -> Iterator[Item]:
        """All items whose partition key begins with `prefix`; every item of the table is read."""
        yield from self._pages(
            "Scan",
            FilterExpression="begins_with(pk, :prefix)",
            ExpressionAttributeValues=_wire_values({"prefix": prefix}),
            ConsistentRead=True,
            limit=None,
        )

    def _pages(
        self, operation: str = "Query", *, limit: int | None, **request: Any
    ) -> Iterator[Item]:
        left = limit
        while True:
            if left is not None:
                request["Limit"] = left
            answer = self._call(operation, **request)
            for wire in answer["Items"]:
                yield from_wire(wire)
            if left is not None:
                left -= len(answer["Items"])
            if "LastEvaluatedKey" not in answer or left == 0:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _write(self, operation: str, action: Put | Update | Delete, **extra: Any) -> Any:
        request = _wire_action(action)
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        for _ in range(_TRIES_ON_CONFLICT):
            try:
                return self._call(operation, **request, **extra)
            except Refused as refused:
                if refused.code == "ConditionalCheckFailedException":
                    wire: Any = refused.answer.get("Item")
                    raise ConditionFailed(from_wire(wire) if wire else None) from None
                if refused.code != f"{_CONFLICT}Exception":
                    raise
        raise Unavailable("The table is busy; try again.")

    def _transact_item(self, action: Action) -> dict[str, Any]:
        kind = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}
        request = _wire_action(action) | {"TableName": self._name}
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return {kind[type(action)]: request}

    def _call(self, operation: str, **request: Any) -> JsonObject:
        return self._call_plain(operation, {"TableName": self._name, **request})


def to_wire(value: Any) -> Any:  # noqa: PLR0911 - one case per type
    """A Python value as a DynamoDB attribute value."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case float():
            return {"N": repr(value)}
        case bytes():
            return {"B": b64encode(value).decode()}
        case None:
            return {"NULL": True}
        case list() | tuple():
            return {"L": [to_wire(each) for each in value]}
        case dict():
            return {"M": {name: to_wire(each) for name, each in value.items()}}
    raise TypeError(f"{type(value).__name__} has no place in an item")


def from_wire(item: Mapping[str, Any]) -> Item:
    return {name: _from_value(value) for name, value in item.items()}


def _from_value(value: Mapping[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    match kind:
        case "N":
            return float(inner) if set(inner) & set(".eE") else int(inner)
        case "B":
            return b64decode(inner)
        case "NULL":
            return None
        case "L":
            return [_from_value(each) for each in inner]
        case "M":
            return from_wire(inner)
    return inner


def _wire_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _wire_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f":{name}": to_wire(value) for name, value in values.items()}


def _wire_action(action: Action) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if isinstance(action, Put):
        request["Item"] = {name: to_wire(value) for name, value in action.item.items()}
    else:
        request["Key"] = _wire_key(action.key)
    if isinstance(action, Update):
        request["UpdateExpression"] = action.expression
    if action.condition:
        request["ConditionExpression"] = action.condition
    if action.values:
        request["ExpressionAttributeValues"] = _wire_values(action.values)
    if action.names:
        request["ExpressionAttributeNames"] = {f"#{k}": v for k, v in action.names.items()}
    return request


def _failed(reasons: Sequence[Mapping[str, Any]]) -> dict[int, Item | None]:
    return {
        position: from_wire(reason["Item"]) if reason.get("Item") else None
        for position, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
