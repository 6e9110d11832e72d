"""Extensions of ingest and tasks as functions (contract 8.12): uploads, dry runs, declared types,
outcomes, replays, and the Idempotency-Key of every write."""

from typing import Any

import pytest

from garner import limits
from garner.domain.fields import FieldType, Schema
from garner.domain.slots import index_key
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    TaskError,
    TaskKind,
    TaskState,
    Verdict,
)
from garner.domain.webhooks import Delivery
from garner.ports.task_log import Begin
from garner.runtime.clock import SystemClock
from garner.storage.dynamodb.table import Table
from garner.storage.dynamodb.task_log import DynamoTaskLog
from garner.storage.dynamodb.webhooks import DynamoDeliveryStore
from garner.storage.payloads import StoredPayloads
from tests.fakes.api import ENVIRONMENT, Service
from tests.functions.conftest import Clients, Keys, identity
from tests.functions.test_writes import ENTRY, accepted, ingest_of, lines, task_of


@pytest.fixture
def log(table: Table) -> DynamoTaskLog:
    return DynamoTaskLog(table, SystemClock())


# --- uploads -------------------------------------------------------------------------------------


def test_an_upload_is_a_signed_form_for_one_object_of_bounded_size(
    service: Service, index_id: str, keys: Keys
) -> None:
    answer = service.send("POST", f"/v1/index/{index_id}/upload", key=keys.writer)
    assert answer.status == 200
    offer = answer.json
    assert (offer["method"], offer["max_bytes"]) == ("POST", limits.UPLOAD_MAX_BYTES)
    assert offer["fields"]["key"] == f"uploads/{index_key(index_id)}/{offer['upload_id']}"
    assert offer["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert offer["url"].rstrip("/").endswith(f"/{ENVIRONMENT['PAYLOAD_BUCKET']}")


def test_who_may_not_write_may_not_upload(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/index/{index_id}/upload"
    assert service.send("POST", path).status == 401
    assert service.send("POST", path, key=keys.reader).status == 403


def test_an_ingest_of_an_upload_pins_the_version_that_is_there(  # noqa: PLR0917 - fixtures
    service: Service,
    index_id: str,
    keys: Keys,
    log: DynamoTaskLog,
    payloads: StoredPayloads,
    clients: Clients,
) -> None:
    bucket = ENVIRONMENT["PAYLOAD_BUCKET"]
    clients.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    offer = service.send("POST", f"/v1/index/{index_id}/upload", key=keys.writer).json
    body = {
        "ingest_type": "GMetaUpload",
        "ingest_data": {"upload_id": offer["upload_id"]},
        "field_mapping": {"site": "geo_point"},
    }
    path = f"/v1/index/{index_id}/ingest"
    early = service.send("POST", path, body, key=keys.writer)
    assert early.status == 400
    assert early.json["error_data"]["messages"]["json"]["ingest_data"].keys() == {"upload_id"}

    first = clients.s3.put_object(Bucket=bucket, Key=offer["fields"]["key"], Body=b"first")
    answer = service.send("POST", path, body, key=keys.writer, on_error="skip")
    clients.s3.put_object(Bucket=bucket, Key=offer["fields"]["key"], Body=b"second")

    task = task_of(log, index_id, accepted(answer))
    assert (task.kind, task.operations, task.skip_errors) == (TaskKind.UPLOAD, 0, True)
    (header,) = lines(payloads, task)
    assert header["upload"]["version"] == first["VersionId"]
    assert header["declared"] == {"site": "geo_point"}
    pinned = payloads.pin(offer["fields"]["key"])
    assert pinned
    assert pinned.version != first["VersionId"]


@pytest.mark.parametrize("upload_id", ["", "../payload/x", "0" * 32, "é" * 32])
def test_an_upload_of_another_index_or_none_is_not_found(
    service: Service, index_id: str, keys: Keys, upload_id: str
) -> None:
    body = {"ingest_type": "GMetaUpload", "ingest_data": {"upload_id": upload_id}}
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", body, key=keys.writer)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")


# --- dry runs ------------------------------------------------------------------------------------


def test_a_dry_run_tells_everything_and_writes_nothing(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog
) -> None:
    lease = log.lease(index_id, 0.0, 1.0)
    assert lease
    bound = Schema(fields={"depth": FieldType.INTEGER}, bound_by={"depth": 7})
    log.save_schema(index_id, lease.epoch, bound)
    entries = [
        ENTRY | {"content": {"depth": 7, "a.b": {"c": 1.5}}},
        ENTRY | {"subject": "core:2", "content": {"depth": "deep"}},
        ENTRY | {"subject": "core:3", "visible_to": [identity(3), "public"]},
    ]
    answer = service.send(
        "POST",
        f"/v1/index/{index_id}/ingest",
        ingest_of(*entries),
        key=keys.writer,
        dry_run="True",
    )
    assert answer.status == 200
    told = answer.json
    (error,) = told.pop("errors")
    assert error["reason"]
    assert error | {"reason": ""} == {
        "position": 1,
        "subject": "core:2",
        "entry_id": None,
        "code": "TYPE_CONFLICT",
        "field": "depth",
        "expected": "integer",
        "found": "string",
        "reason": "",
    }
    sizes = told.pop("sizes")
    assert sizes["largest_entry"] < sizes["bytes"]
    assert told == {
        "dry_run": True,
        "valid": False,
        "message": None,
        "counts": {"accepted": 2, "rejected": 1},
        "new_fields": {"a\\.b.c": "float", "rock": "string"},
        "field_budget": {"budget": 1000, "used": 1, "needed": 2, "left": 997},
        "visible_to": {"public": 3, identity(3): 1},
    }
    head = log.head(index_id)
    assert head
    assert head.head == 0
    assert log.schema(index_id).fields.keys() == {"depth"}


def test_a_dry_run_counts_fields_that_do_not_fit_and_entries_that_are_too_many(
    service: Service, index_id: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FIELDS", 1)
    many = [ENTRY | {"id": f"e{number}"} for number in range(11)]
    wide = ENTRY | {"subject": "wide", "content": {"b": 1}}
    body = ingest_of(*many, wide)
    path = f"/v1/index/{index_id}/ingest"
    told = service.send("POST", path, body, key=keys.writer, dry_run="true").json
    assert [each["code"] for each in told["errors"]] == ["ENTRY_LIMIT", "FIELD_LIMIT"]
    assert told["field_budget"] == {"budget": 1, "used": 0, "needed": 2, "left": 0}
    assert told["counts"] == {"accepted": 10, "rejected": 2}


def test_a_dry_run_is_for_those_who_may_write_and_for_what_is_in_the_request(
    service: Service, index_id: str, keys: Keys
) -> None:
    path = f"/v1/index/{index_id}/ingest"
    body = ingest_of(ENTRY)
    assert service.send("POST", path, body, key=keys.reader, dry_run="true").status == 403
    broken = service.send("POST", path, {"ingest_type": "x"}, key=keys.writer, dry_run="true")
    assert broken.code == "BadRequest.ValidationError"
    fine = service.send("POST", path, body, key=keys.writer, dry_run="true")
    assert fine.json["valid"]
    assert service.send("POST", path, body, key=keys.writer, dry_run="maybe").status == 400


# --- declared types ------------------------------------------------------------------------------


def test_declared_types_are_a_task(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog, payloads: StoredPayloads
) -> None:
    path = f"/v1/index/{index_id}/field_mapping"
    fields = {"version": "string", "a\\.b.site": "geo_point"}
    assert service.send("POST", path, {"fields": fields}, key=keys.reader).status == 403

    answer = service.send("POST", path, {"fields": fields}, key=keys.writer)
    task = task_of(log, index_id, accepted(answer))
    assert task.kind is TaskKind.DECLARE
    assert lines(payloads, task) == [{"declared": fields}]


@pytest.mark.parametrize("body", [{}, {"fields": {}}, {"fields": {"a": "text"}}])
def test_declarations_name_fields_and_types(
    service: Service, index_id: str, keys: Keys, body: dict[str, Any]
) -> None:
    answer = service.send("POST", f"/v1/index/{index_id}/field_mapping", body, key=keys.writer)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")


# --- outcomes and replays ------------------------------------------------------------------------


@pytest.fixture
def failed_task(service: Service, index_id: str, keys: Keys, log: DynamoTaskLog) -> str:
    """A task of three entries of which the second was refused."""
    entries = [ENTRY | {"subject": f"core:{number}"} for number in range(3)]
    path = f"/v1/index/{index_id}/ingest"
    task_id = accepted(
        service.send("POST", path, ingest_of(*entries), key=keys.writer, on_error="skip")
    )
    task = task_of(log, index_id, task_id)
    lease = log.lease(index_id, 0.0, 1.0)
    assert lease
    log.begin(index_id, lease.epoch, [Begin(task, 1.0)])
    verdict = Verdict(
        state=TaskState.FAILED,
        error=TaskError.SKIPPED,
        counts=Counts(2, 0, 1),
        partial=True,
        outcomes=(EntryOutcome(1, subject="core:1", code="TYPE_CONFLICT", field="rock"),),
    )
    now = SystemClock().seconds()
    log.finish(index_id, lease.epoch, (0, 1), verdicts={1: verdict}, now=now, size=0)
    return task_id


def test_outcomes_are_told_in_pages(service: Service, keys: Keys, failed_task: str) -> None:
    path = f"/v1/task/{failed_task}/outcomes"
    first = service.send("GET", path, key=keys.writer, limit=2).json
    assert [each["outcome"] for each in first["outcomes"]] == ["applied", "rejected"]
    assert first["outcomes"][1] == {
        "position": 1,
        "subject": "core:1",
        "entry_id": None,
        "outcome": "rejected",
        "code": "TYPE_CONFLICT",
        "field": "rock",
        "expected": None,
        "found": None,
        "reason": None,
    }
    rest = service.send("GET", path, key=keys.writer, limit=2, marker=first["marker"]).json
    assert [each["subject"] for each in rest["outcomes"]] == ["core:2"]
    assert rest["marker"] is None
    chosen = service.send("GET", path, key=keys.writer, outcome="rejected").json
    assert [each["position"] for each in chosen["outcomes"]] == [1]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 5_001}, {"marker": "here"}, {"outcome": "lost"}]
)
def test_a_question_for_outcomes_that_can_not_be_read_is_refused(
    service: Service, keys: Keys, failed_task: str, query: dict[str, Any]
) -> None:
    answer = service.send("GET", f"/v1/task/{failed_task}/outcomes", key=keys.writer, **query)
    assert answer.code == "BadRequest.ValidationError"
    assert answer.json["error_data"]["messages"]["query"].keys() == query.keys()


def test_outcomes_are_for_writers(service: Service, keys: Keys, failed_task: str) -> None:
    path = f"/v1/task/{failed_task}/outcomes"
    assert service.send("GET", path).status == 401
    assert service.send("GET", path, key=keys.reader).status == 403
    unknown = "00000000-0000-4000-8000-000000000000"
    assert service.send("GET", f"/v1/task/{unknown}/outcomes", key=keys.writer).status == 404


def test_outcomes_of_a_waiting_task_are_a_conflict(
    service: Service, index_id: str, keys: Keys
) -> None:
    path = f"/v1/index/{index_id}/ingest"
    task_id = accepted(service.send("POST", path, ingest_of(ENTRY), key=keys.writer))
    answer = service.send("GET", f"/v1/task/{task_id}/outcomes", key=keys.writer)
    assert (answer.status, answer.code) == (409, "Conflict.Generic")


def test_a_replay_is_a_task_with_the_rejected_entries_at_their_versions(  # noqa: PLR0917 - fixtures
    service: Service,
    index_id: str,
    keys: Keys,
    log: DynamoTaskLog,
    payloads: StoredPayloads,
    failed_task: str,
) -> None:
    path, headers = f"/v1/task/{failed_task}/replay", {"Idempotency-Key": "once"}
    answer = service.send("POST", path, key=keys.writer, headers=headers)
    task_id = accepted(answer)
    task = task_of(log, index_id, task_id)
    assert (task.kind, task.operations) == (TaskKind.REPLAY, 1)
    assert lines(payloads, task)[1] == {
        "at": (1 << 24) + 1,
        **ENTRY,
        "subject": "core:1",
    }
    again = service.send("POST", path, key=keys.writer, headers=headers)
    assert accepted(again) == task_id
    assert service.send("POST", path, key=keys.reader).status == 403


# --- Idempotency-Key -----------------------------------------------------------------------------

WRITES: list[tuple[str, str, Any, dict[str, str]]] = [
    ("POST", "ingest", ingest_of(ENTRY), {}),
    ("POST", "entry", ENTRY, {}),
    ("PUT", "entry", ENTRY, {}),
    ("DELETE", "entry", None, {"subject": "a"}),
    ("DELETE", "subject", None, {"subject": "a"}),
    ("POST", "batch_delete_by_subject", {"subjects": ["a"]}, {}),
    ("POST", "delete_by_query", {"q": "x"}, {}),
    ("POST", "field_mapping", {"fields": {"a": "string"}}, {}),
]


@pytest.mark.parametrize("write", WRITES)
def test_every_write_that_is_repeated_with_its_key_is_one_task(
    service: Service, index_id: str, keys: Keys, write: tuple[str, str, Any, dict[str, str]]
) -> None:
    method, route, body, query = write
    path, headers = f"/v1/index/{index_id}/{route}", {"Idempotency-Key": f"{method} {route}"}
    first, again = (
        service.send(method, path, body, key=keys.owner, headers=headers, **query) for _ in range(2)
    )
    assert first.status == 200, first.json
    assert first.json["task_id"] == again.json["task_id"]


@pytest.mark.parametrize("wanted", [True, False])
def test_an_index_remembers_whether_it_looks_for_dates(
    service: Service, keys: Keys, log: DynamoTaskLog, wanted: bool
) -> None:
    body = {"display_name": "Cores", "description": "Drill", "date_detection": wanted}
    created = service.send("POST", "/v1/index", body, key=keys.owner)
    assert log.schema(created.json["id"]).date_detection is wanted


# --- webhooks ------------------------------------------------------------------------------------


def test_the_life_of_a_webhook(service: Service, index_id: str, keys: Keys, table: Table) -> None:
    path = f"/v1/index/{index_id}/webhook"
    made = service.send("POST", path, {"url": "https://example.org/hook"}, key=keys.admin)
    assert (made.status, len(made.json["secret"])) == (200, 64)
    hook = f"{path}/{made.json['id']}"
    DynamoDeliveryStore(table).add(
        Delivery(
            webhook_id=made.json["id"],
            index_id=index_id,
            task_id="00000000-0000-8000-8000-000000000001",
            body="{}",
            created_at=1_800_000_000.0,
            next_at=1_800_000_000.0,
        )
    )
    (row,) = service.send("GET", f"{hook}/deliveries", key=keys.admin).json["deliveries"]
    assert (row["state"], row["attempts"], row["http_status"]) == ("pending", 0, None)
    (listed,) = service.send("GET", f"{path}_list", key=keys.admin).json["webhooks"]
    assert "secret" not in listed
    assert service.send("DELETE", hook, key=keys.admin).json["deleted"] == listed
    assert service.send("DELETE", hook, key=keys.admin).status == 404


@pytest.mark.parametrize(
    "url", ["http://example.org/", "https://me:pw@example.org/", "https:///x", "https://a b/", 7]
)
def test_a_webhook_needs_an_address_that_can_be_called(
    service: Service, index_id: str, keys: Keys, url: object
) -> None:
    path = f"/v1/index/{index_id}/webhook"
    answer = service.send("POST", path, {"url": url}, key=keys.admin)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
    assert list(answer.json["error_data"]["messages"]["json"]) == ["url"]


def test_who_may_have_webhooks(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/index/{index_id}/webhook"
    assert service.send("POST", path, {}).status == 401
    assert service.send("POST", path, {}, key=keys.writer).status == 403
