"""An operator's commands over the real adapters: osmem, and a table of moto."""

from typing import Any

import boto3
import pytest

from garner.domain import documents as doc
from garner.domain import operations
from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.tasks import NewTask, TaskKind
from garner.errors import Unavailable
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.deployed import environment
from garner.runtime.operate import run
from garner.services.drain import DrainEnd, drain
from garner.services.submit import submit
from garner.storage.dynamodb.table import Put
from tests.fakes.aws import BotoCalls
from tests.fakes.ingest import INDEX
from tests.storage.conftest import WritePath

CALLER = Caller(identity="urn:globus:auth:identity:00000000-0000-4000-8000-000000000001")


class Operator:
    def __init__(self, path: WritePath) -> None:
        self.path = path
        self.said: list[str] = []
        self._container = Container(settings.Settings(settings.Table(name="garner")))
        self._container.dynamodb = BotoCalls(boto3.client("dynamodb"))
        self._container.table = path.table
        self._container.draining = lambda _lifetime: path.ports  # type: ignore[method-assign]

    def __call__(self, *arguments: str) -> bool:
        self.said.clear()
        return run(arguments, self._container, self.said.append)

    def ingest(self, subject: str, **content: Any) -> None:
        line = operations.upsert(subject, ["public"], content)
        task = NewTask(kind=TaskKind.INGEST, payload=operations.encode([line]), operations=1)
        submit(INDEX, CALLER, task, ports=self.path.accept)

    def drain(self) -> None:
        assert drain(INDEX, ports=self.path.ports) is DrainEnd.DONE

    def subjects(self) -> list[str]:
        body = {"query": {"match_all": {}}, "sort": ["subject"]}
        path = f"/{doc.read_alias(INDEX)}/_search"
        found = self.path.engine.request("POST", path, body).json()
        return [hit["_source"]["subject"] for hit in found["hits"]["hits"]]


@pytest.fixture
def operator(write_path: WritePath) -> Operator:
    return Operator(write_path)


def test_waiting_work_is_told_until_it_is_done(operator: Operator) -> None:
    operator.ingest("core:1", rock="basalt")
    operator.ingest("core:2", rock="chert")
    assert not operator("waiting")
    assert operator.said[0].startswith(f"{INDEX} 2 tasks wait, since ")
    assert operator("indexes")
    assert operator.said == [f"{INDEX} open head 2 applied 0 waiting 2 build 1"]
    operator.drain()
    assert operator("waiting")
    assert operator.said == ["nothing waits"]


def test_an_engine_that_lost_everything_after_the_snapshot_is_restored(operator: Operator) -> None:
    operator.ingest("core:1", rock="basalt", depth=3)
    operator.ingest("core:2", rock="chert")
    operator.drain()
    operator.path.ports.indexes.drop(INDEX)
    operator.path.ports.indexes.create(INDEX, 1, Schema())  # the emptiest snapshot of all
    assert operator.subjects() == []
    assert operator("restore", INDEX)
    assert operator.said == [
        f"{INDEX} slot 2 of 2",
        f"{INDEX} restored: slots 1 to 2",
    ]
    assert operator.subjects() == ["core:1", "core:2"]
    assert operator("restore", INDEX)
    assert operator.said == [f"{INDEX} equal"]


def test_an_index_is_rebuilt_and_goes_on(operator: Operator) -> None:
    operator.ingest("core:1", rock="basalt")
    operator.drain()
    assert operator("rebuild", INDEX)
    assert operator.said == [f"{INDEX} is at build 2"]
    operator.ingest("core:2", rock="chert")
    operator.drain()
    assert operator.subjects() == ["core:1", "core:2"]
    found = operator.path.engine.request("GET", f"/_alias/{doc.read_alias(INDEX)}").json()
    assert set(found) == {doc.physical_index(INDEX, 2)}


def test_a_table_that_was_put_back_follows_the_engine(operator: Operator) -> None:
    operator.ingest("core:1", rock="basalt")
    operator.drain()
    client = boto3.client("dynamodb")
    backup = client.create_backup(TableName="garner", BackupName="earlier")
    operator.ingest("core:1", rock="chert", depth=7)
    operator.drain()
    client.restore_table_from_backup(
        TargetTableName="restored", BackupArn=backup["BackupDetails"]["BackupArn"]
    )
    operator.path.table.put(Put({"pk": "Z#1", "sk": "-", "is": "younger than the backup"}))

    assert operator("copy-table", "restored")
    assert operator.said[0].endswith(" deleted")
    assert operator.path.table.get(("Z#1", "-")) is None
    assert operator("indexes")
    assert "head 1 applied 1" in operator.said[0]
    assert operator("follow-engine", INDEX)
    assert operator.said == [f"{INDEX} goes on above slot 2"]
    assert "depth" in operator.path.log.schema(INDEX).fields


def test_without_a_stack_the_settings_are_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "mine")
    assert environment(None)["TABLE_NAME"] == "mine"


def test_a_stack_that_can_not_be_read_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(Unavailable, match="The settings of the stack garner can't be read"):
        environment("garner")
