"""Task Show, Task List, Cancel; field types and budget."""

import pytest

from garner.domain.fields import FieldType, Schema
from garner.runtime.clock import SystemClock
from garner.storage.dynamodb.table import Table
from garner.storage.dynamodb.task_log import DynamoTaskLog
from tests.fakes.api import Service
from tests.functions.conftest import Keys

ENTRY = {"subject": "core:1", "visible_to": ["public"], "content": {"rock": "basalt"}}


def submit(service: Service, index_id: str, key: str) -> str:
    answer = service.send("PUT", f"/v1/index/{index_id}/entry", ENTRY, key=key)
    task_id: str = answer.json["task_id"]
    return task_id


def test_a_task_that_waits_is_shown(service: Service, index_id: str, keys: Keys) -> None:
    task_id = submit(service, index_id, keys.writer)
    shown = service.send("GET", f"/v1/task/{task_id}", key=keys.ingester).json

    assert shown.pop("creation_date")
    assert shown == {
        "task_id": task_id,
        "index_id": index_id,
        "task_type": "ingest",
        "state": "PENDING",
        "state_description": "Task is waiting to start",
        "completion_date": None,
        "message": None,
        "additional_details": None,
    }


@pytest.mark.compliance(53)
def test_a_task_is_shown_to_those_with_a_role(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/task/{submit(service, index_id, keys.writer)}"
    assert service.send("GET", path).code == "Unauthorized.Generic"
    assert service.send("GET", path, key=keys.reader).code == "Forbidden.Generic"
    assert service.send("GET", path, key=keys.searcher).code == "Forbidden.Generic"


@pytest.mark.compliance(53)
@pytest.mark.parametrize("task_id", ["none", "00000000-0000-4000-8000-0123456789ab"])
def test_an_unknown_task_is_not_found(service: Service, keys: Keys, task_id: str) -> None:
    answer = service.send("GET", f"/v1/task/{task_id}", key=keys.owner)
    assert (answer.status, answer.code) == (404, "NotFound.Generic")


@pytest.mark.compliance(54)
def test_tasks_are_listed_newest_first(service: Service, index_id: str, keys: Keys) -> None:
    submitted = [submit(service, index_id, keys.writer) for _ in range(3)]
    path = f"/v1/task_list/{index_id}"
    listed = service.send("GET", path, key=keys.writer).json

    assert listed["index_id"] == index_id
    assert [task["task_id"] for task in listed["tasks"]] == submitted[::-1]
    assert service.send("GET", path, key=keys.reader).code == "Forbidden.Generic"


def test_a_waiting_task_is_cancelled(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/task/{submit(service, index_id, keys.writer)}"
    answer = service.send("POST", f"{path}/cancel", key=keys.writer)
    assert (answer.status, answer.json["state"]) == (200, "CANCELLED")
    assert service.send("GET", path, key=keys.writer).json["state"] == "CANCELLED"


@pytest.fixture
def mapped(table: Table, index_id: str) -> str:
    """An index with four fields."""
    log = DynamoTaskLog(table, SystemClock())
    now = SystemClock().seconds()
    lease = log.lease(index_id, now, now + 60)
    assert lease is not None
    fields = {
        "rock": FieldType.STRING,
        "depth": FieldType.INTEGER,
        "assay.SiO2": FieldType.FLOAT,
        "a%2Eb": FieldType.DATE,
    }
    log.save_schema(index_id, lease.epoch, Schema(fields=fields, version=1))
    return index_id


@pytest.mark.compliance(89)
def test_field_types_are_told_to_those_with_a_role(
    service: Service, mapped: str, keys: Keys
) -> None:
    path = f"/beta/index/{mapped}/mapping"
    assert service.send("GET", path, key=keys.writer).json == {
        "@version": "2017-09-01",
        "mappings": {"a\\.b": "date", "assay.SiO2": "float", "depth": "long", "rock": "text"},
    }
    assert service.send("GET", path, key=keys.reader).code == "Forbidden.Generic"


def test_one_field_is_told(service: Service, mapped: str, keys: Keys) -> None:
    path = f"/beta/index/{mapped}/mapping"
    one = service.send("GET", f"{path}/assay.SiO2", key=keys.writer).json
    assert one["mappings"] == {"assay.SiO2": "float"}
    missing = service.send("GET", f"{path}/assay", key=keys.writer)
    assert (missing.status, missing.code) == (404, "NotFound.Generic")


@pytest.mark.compliance(89)
def test_the_field_budget_adds_up(service: Service, mapped: str, keys: Keys) -> None:
    answer = service.send("GET", f"/beta/index/{mapped}/field_budget", key=keys.writer)
    assert answer.json == {"budget": 1000, "used": 4, "remaining": 996}
