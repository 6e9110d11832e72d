"""Registered sources, index names, targets and the system's status.

X#S                 sk <source id>      a source; `revision` guards changes
X#N                 sk <index name>     a name and the index it stands for
X#P#<source id>     sk <index id>       what is published where; `version` guards changes
X#Y                 sk -                the system's status; sk ROW#… its history
"""

from collections.abc import Callable
from dataclasses import asdict, replace

import orjson

from garner.domain.harvest.control import RegisteredSource, SystemStatus
from garner.domain.harvest.requests import ProcessRequest
from garner.domain.harvest.run import Run
from garner.domain.harvest.tables import IndexName, SystemRow, Target
from garner.errors import NotFound, Unavailable
from garner.storage.dynamodb.harvest_items import (
    SOURCES,
    document_of,
    new_run_item,
    request_items,
    source_put,
)
from garner.storage.dynamodb.table import (
    SINGLE,
    Action,
    Check,
    ConditionFailed,
    Delete,
    Item,
    Put,
    Table,
    TransactionRefused,
    Update,
)

_NAMES = "X#N"
_SYSTEM = "X#Y"
_TARGETS = "X#P#"
_TRIES = 8
_MAX_KEY_BYTES = 1_024


class DynamoSourceRegistry:
    """Implements `garner.ports.registry.SourceRegistry`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, source_id: str) -> RegisteredSource | None:
        if not 0 < len(source_id.encode("utf-8", "replace")) <= _MAX_KEY_BYTES:
            return None
        item = self._table.get((SOURCES, source_id))
        return _source(item) if item else None

    def list(self) -> list[RegisteredSource]:
        return [_source(item) for item in self._table.query(SOURCES)]

    def create(self, source: RegisteredSource) -> bool:
        put = source_put(source, -1)
        try:
            self._table.put(Put(put.item, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return False
        return True

    def change(
        self, source_id: str, change: Callable[[RegisteredSource], RegisteredSource]
    ) -> RegisteredSource:
        for _ in range(_TRIES):
            source = self.get(source_id)
            if source is None:
                raise NotFound(f'There is no source named "{source_id}"')
            changed = change(source)
            try:
                self._table.put(source_put(changed, source.revision))
            except ConditionFailed:
                continue
            return replace(changed, revision=source.revision + 1)
        raise Unavailable("The source is being changed by others; try again.")

    def delete(self, source: RegisteredSource) -> bool:
        key = (SOURCES, source.source_id)
        try:
            self._table.delete(Delete(key, "revision = :r", {"r": source.revision}))
        except ConditionFailed:
            return False
        return True

    def start(self, source: RegisteredSource, request: ProcessRequest, run: Run) -> bool:
        paused = Check(
            (_SYSTEM, SINGLE),
            "attribute_not_exists(pk) OR #status <> :paused",
            {"paused": SystemStatus.PAUSED.value},
            {"status": "status"},
        )
        actions: list[Action] = [
            source_put(source, source.revision),
            paused,
            *map(Put, request_items(request)),
            Put(new_run_item(run), "attribute_not_exists(pk)"),
        ]
        try:
            self._table.transact(actions)
        except TransactionRefused:
            return False
        return True


class DynamoIndexNames:
    """Implements `garner.ports.registry.IndexNames`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> IndexName | None:
        item = self._table.get((_NAMES, name))
        return _name(item) if item else None

    def list(self, index_id: str) -> list[IndexName]:
        rows = map(_name, self._table.query(_NAMES))
        return [row for row in rows if row.index_id == index_id]

    def put(self, row: IndexName) -> bool:
        return self._write(row, "attribute_not_exists(pk) OR index_id = :index", row.index_id)

    def move(self, row: IndexName, *, expected: str) -> bool:
        return self._write(row, "index_id = :index", expected)

    def delete(self, row: IndexName) -> bool:
        try:
            self._table.delete(
                Delete((_NAMES, row.name), "index_id = :index", {"index": row.index_id})
            )
        except ConditionFailed:
            return False
        return True

    def _write(self, row: IndexName, condition: str, index_id: str) -> bool:
        item: Item = {
            "pk": _NAMES,
            "sk": row.name,
            "index_id": row.index_id,
            "sources": list(row.sources),
        }
        try:
            self._table.put(Put(item, condition, {"index": index_id}))
        except ConditionFailed:
            return False
        return True


class DynamoTargets:
    """Implements `garner.ports.registry.Targets`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, source_id: str, index_id: str) -> Target:
        item = self._table.get((_TARGETS + source_id, index_id))
        return _target(item) if item else Target(source_id=source_id, index_id=index_id)

    def list(self, source_id: str) -> list[Target]:
        return [_target(item) for item in self._table.query(_TARGETS + source_id)]

    def replace(self, target: Target) -> bool:
        item = {
            "pk": _TARGETS + target.source_id,
            "sk": target.index_id,
            "version": target.version,
            "doc": orjson.dumps(asdict(target)).decode(),
        }
        before = target.version - 1
        condition = "attribute_not_exists(pk)" if before == 0 else "version = :before"
        values = {"before": before} if before else {}
        try:
            self._table.put(Put(item, condition, values))
        except ConditionFailed:
            return False
        return True


class DynamoSystem:
    """Implements `garner.ports.registry.SystemStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def status(self) -> SystemStatus:
        item = self._table.get((_SYSTEM, SINGLE))
        return SystemStatus(item["status"]) if item else SystemStatus.ALL_CLEAR

    def rows(self) -> list[SystemRow]:
        return [
            SystemRow(
                int(item["sk"].removeprefix("ROW#")),
                SystemStatus(item["status"]),
                item["opened_at"],
                item.get("recovered_at"),
            )
            for item in self._table.query(_SYSTEM, prefix="ROW#", newest_first=True)
        ]

    def enter(self, status: SystemStatus, now: float) -> None:
        row = {
            "pk": _SYSTEM,
            "sk": f"ROW#{int(now * 1_000):016d}",
            "status": status.value,
            "opened_at": now,
        }
        self._table.transact([Put(_system_item(status)), Put(row)])

    def leave(self, expected: frozenset[SystemStatus], status: SystemStatus, now: float) -> bool:
        found = self.status()
        if found not in expected:
            return False
        condition = "#status = :found"
        names, values = {"status": "status"}, {"found": found.value}
        try:
            self._table.put(Put(_system_item(status), condition, values, names))
        except ConditionFailed:
            return False
        for row in self.rows():
            if row.recovered_at is None:
                key = (_SYSTEM, f"ROW#{row.number:016d}")
                self._table.update(Update(key, "SET recovered_at = :now", values={"now": now}))
        return True


def _system_item(status: SystemStatus) -> Item:
    return {"pk": _SYSTEM, "sk": SINGLE, "status": status.value}


def _source(item: Item) -> RegisteredSource:
    return RegisteredSource.from_json(document_of(item))


def _name(item: Item) -> IndexName:
    return IndexName(item["sk"], item["index_id"], tuple(item["sources"]))


def _target(item: Item) -> Target:
    return Target(**document_of(item))
