"""Index metadata in the table: the metadata half of HEAD, and the mark for attention.

H#<key>  -   HEAD (ingest protocol, section 1)
E#<key>  -   the mark: its engine side may not fit its status; found by the sweeper
"""

from collections.abc import Sequence
from typing import Any

from garner.domain.slots import index_key
from garner.ports.indexes import IndexRecord, Role, RoleSet
from garner.storage.dynamodb import roles as role_items
from garner.storage.dynamodb.table import (
    SINGLE,
    Action,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
)

ATTENTION = "index"  # the sweeper's `due_kind`
_STATUS = {"status": "status"}  # a reserved word
_IS = "#status = :was"


def head_key(index_id: str) -> Key:
    return f"H#{index_key(index_id)}", SINGLE


def _cursor_key(index_id: str) -> Key:
    return f"C#{index_key(index_id)}", SINGLE


def _mark_key(index_id: str) -> Key:
    return f"E#{index_key(index_id)}", SINGLE


class DynamoIndexStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, index_id: str) -> IndexRecord | None:
        record = self.by_key(index_key(index_id))
        return record if record and record.index_id == index_id else None

    def ids(self) -> list[str]:
        """Of all indexes. Reads the whole table: for an operator, never for a request."""
        return sorted(item["index_id"] for item in self._table.scan("H#"))

    def by_key(self, key: str) -> IndexRecord | None:
        item = self._table.get((f"H#{key}", SINGLE))
        return _record(item) if item else None

    def get_many(self, index_ids: Sequence[str]) -> list[IndexRecord]:
        items = self._table.batch_get([head_key(index_id) for index_id in index_ids])
        return [_record(item) for item in items.values() if item["index_id"] in index_ids]

    def roles(self, index_id: str) -> list[Role]:
        return list(role_items.read_index(self._table, index_id).roles)

    def reserve(self, record: IndexRecord, owner: Role, held: RoleSet) -> bool:
        pk, sk = head_key(record.index_id)
        head = {"pk": pk, "sk": sk, "head": 0, "cancel_upto": 0, **_attributes(record)}
        return self._transact(
            [
                Put(head, "attribute_not_exists(pk)"),
                _mark(record.index_id, record.created_at),
                *role_items.added(owner, RoleSet((), 0), held),
            ]
        )

    def change(self, index_id: str, display_name: str, description: str) -> IndexRecord | None:
        try:
            item = self._table.update(
                Update(
                    head_key(index_id),
                    "SET display_name = :name, description = :text",
                    _IS,
                    {"name": display_name, "text": description, "was": "open"},
                    _STATUS,
                )
            )
        except ConditionFailed:
            return None
        return _record(item)

    def open_created(self, index_id: str) -> bool:
        return self._transact(
            [self._status(index_id, "creating", "open"), Delete(_mark_key(index_id))]
        )

    def mark_deleted(self, index_id: str, now: float) -> bool:
        change = self._status(
            index_id, "open", "delete-pending", ", cancel_upto = head, deleted_at = :now", now=now
        )
        return self._transact([change, _mark(index_id, now)])

    def mark_reopened(self, index_id: str, now: float) -> bool:
        change = self._status(index_id, "delete-pending", "open", " REMOVE deleted_at")
        return self._transact([change, _mark(index_id, now)])

    def cancelling(self, index_id: str) -> bool:
        items = self._table.batch_get([head_key(index_id), _cursor_key(index_id)])
        upto = items.get(head_key(index_id), {}).get("cancel_upto", 0)
        applied = items.get(_cursor_key(index_id), {}).get("applied", 0)
        return bool(applied < upto)

    def attend(self, index_id: str, at: float | None) -> None:
        if at is None:
            self._table.delete(Delete(_mark_key(index_id)))
        else:
            self._table.put(_mark(index_id, at))

    def needing_attention(self, now: float) -> list[str]:
        return [item["index_id"] for item in self._table.due(ATTENTION, now)]

    def remove(self, record: IndexRecord) -> bool:
        head = head_key(record.index_id)
        try:
            self._table.delete(Delete(head, _IS, {"was": record.status}, _STATUS))
        except ConditionFailed:
            return False
        return True

    def forget(self, index_id: str) -> None:
        role_items.forget_index(self._table, index_id)
        self._table.delete(Delete(_cursor_key(index_id)))
        self._table.delete(Delete((f"S#{index_key(index_id)}", SINGLE)))
        self._table.delete(Delete(_mark_key(index_id)))  # last: until here a crash is taken up

    def _status(
        self, index_id: str, was: str, status: str, more: str = "", **values: Any
    ) -> Update:
        return Update(
            head_key(index_id),
            f"SET #status = :status{more}",
            _IS,
            {"was": was, "status": status, **values},
            _STATUS,
        )

    def _transact(self, actions: list[Action]) -> bool:
        try:
            self._table.transact(actions)
        except TransactionRefused:
            return False
        return True


def _mark(index_id: str, at: float) -> Put:
    pk, sk = _mark_key(index_id)
    return Put({"pk": pk, "sk": sk, "index_id": index_id, "due_kind": ATTENTION, "due_at": at})


def _attributes(record: IndexRecord) -> Item:
    names = IndexRecord.__dataclass_fields__
    values = {name: getattr(record, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _record(item: Item) -> IndexRecord:
    names = IndexRecord.__dataclass_fields__
    return IndexRecord(**{name: item[name] for name in names if name in item})
