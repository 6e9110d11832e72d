"""The requests that tools/costs.py reckons with are those that the code makes."""

from pathlib import Path
from typing import Any

import pytest

from garner.domain import operations
from garner.domain.principals import Caller
from garner.domain.tasks import NewTask, TaskKind
from garner.services.announce_tasks import announce_tasks
from garner.services.drain import DrainEnd, drain
from garner.services.submit import submit
from garner.storage.dynamodb.webhooks import DynamoDeliveryStore, DynamoWebhookStore
from tests.fakes.ingest import INDEX
from tests.storage.conftest import WritePath
from tools import costs

CALLER = Caller(identity="urn:globus:auth:identity:00000000-0000-4000-8000-000000000001")
SINGLE_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}


class Units:
    """Units of the table by what its calls ask for; every item is small here. What is written to
    the index `due` as well is not seen in a call."""

    def __init__(self, path: WritePath, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = self.reads = 0.0
        table: Any = path.table
        call = table._call_plain

        def counted(operation: str, request: dict[str, Any]) -> Any:
            self._count(operation, request)
            return call(operation, request)

        monkeypatch.setattr(table, "_call_plain", counted)

    def _count(self, name: str, request: dict[str, Any]) -> None:
        if name in SINGLE_WRITES:
            self.writes += 1
        elif name == "TransactWriteItems":
            self.writes += 2 * len(request["TransactItems"])
        elif name == "BatchGetItem":
            self.reads += sum(len(each["Keys"]) for each in request["RequestItems"].values())
        elif name == "GetItem":
            self.reads += 1
        elif name == "Query":
            self.reads += 0.5 if "IndexName" in request else 1
        else:
            raise AssertionError(name)

    def taken(self) -> costs.Work:
        work = costs.Work(self.writes, self.reads)
        self.writes = self.reads = 0.0
        return work


@pytest.fixture
def units(write_path: WritePath, monkeypatch: pytest.MonkeyPatch) -> Units:
    return Units(write_path, monkeypatch)


class Bus:
    def publish(self, _events: Any) -> None:
        pass


def ingest(path: WritePath, number: int) -> None:
    line = operations.upsert(f"core:{number}", ["public"], {"rock": "basalt"})
    task = NewTask(kind=TaskKind.INGEST, payload=operations.encode([line]), operations=1)
    submit(INDEX, CALLER, task, ports=path.accept)


def tell(path: WritePath) -> None:
    announce_tasks(
        announcements=path.log,
        webhooks=DynamoWebhookStore(path.table),
        deliveries=DynamoDeliveryStore(path.table),
        bus=Bus(),
        task_ids=path.accept.task_ids,
        clock=path.ports.clock,
        until=path.ports.clock.seconds() + 30,
    )


def test_accept_apply_tell_and_turn_cost_what_the_table_reckons(
    write_path: WritePath, units: Units
) -> None:
    ingest(write_path, 0)
    assert drain(INDEX, ports=write_path.ports) is DrainEnd.DONE  # binds the field
    tell(write_path)
    units.taken()

    ingest(write_path, 1)
    accept = units.taken()
    in_due, known_by = 1, 3  # the mark of HEAD; the caller's key, the index, its roles
    assert accept.writes + in_due == costs.ACCEPT.writes
    assert accept.reads + known_by == costs.ACCEPT.reads

    def turn(tasks: int) -> costs.Work:
        for number in range(tasks):
            ingest(write_path, number)
        units.taken()
        assert drain(INDEX, ports=write_path.ports) is DrainEnd.DONE
        return units.taken()

    drain(INDEX, ports=write_path.ports)
    few, many = turn(3), turn(13)
    writes, reads = (many.writes - few.writes) / 10, (many.reads - few.reads) / 10
    in_due = 1  # the mark of a task that is to be told
    assert (writes + in_due, reads) == (costs.APPLY.writes, costs.APPLY.reads)
    in_due = 1  # the mark of HEAD goes
    assert few.writes - 3 * writes + in_due == costs.TURN.writes
    assert few.reads - 3 * reads == costs.TURN.reads

    units.taken()
    tell(write_path)
    told = units.taken()
    tasks = 1 + 3 + 13
    in_due = 1  # the mark goes
    assert told.writes / tasks + in_due == costs.TELL.writes
    assert told.reads / tasks == pytest.approx(costs.TELL.reads, abs=0.5)


def test_the_table_of_the_document_is_what_the_script_prints() -> None:
    assert "\n".join(costs.lines()) in Path("docs/operations.md").read_text()
