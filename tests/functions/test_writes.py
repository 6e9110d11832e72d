"""Ingest, entries and deletes as functions: what is refused at once, what is answered, and what the
log holds afterwards. What becomes of a task is in the suites of the drain."""

import gzip
import json
from typing import Any

import orjson
import pytest

from garner.domain import operations
from garner.domain.slots import TaskIds
from garner.domain.tasks import Task, TaskKind
from garner.runtime.clock import SystemClock
from garner.storage.dynamodb.table import Table
from garner.storage.dynamodb.task_log import DynamoTaskLog
from garner.storage.payloads import StoredPayloads
from tests.fakes.api import ENVIRONMENT, Answered, Service
from tests.functions.conftest import GROUP, Bell, Keys, identity

ENTRY = {"subject": "core:1", "visible_to": ["public"], "content": {"rock": "basalt"}}
MISSING = ["Missing data for required field."]
UNKNOWN = "00000000-0000-4000-8000-0123456789ab"


def ingest_of(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ingest_type": "GMetaList", "ingest_data": {"gmeta": list(entries)}, **more}


def accepted(answer: Answered, number: int = 3) -> str:
    """The task id of an answer that is as the contract has it."""
    assert answer.status == 200, answer.json
    task_id: str = answer.json["task_id"]
    assert answer.json == {
        "acknowledged": True,
        "task_id": task_id,
        "as_identity": identity(number),
        "success": True,
        "num_documents_ingested": 0,
    }
    return task_id


@pytest.fixture
def log(table: Table) -> DynamoTaskLog:
    return DynamoTaskLog(table, SystemClock())


def task_of(log: DynamoTaskLog, index_id: str, task_id: str) -> Task:
    place = TaskIds(ENVIRONMENT["SIGNING_KEY"].encode()).decode(task_id)
    assert place is not None
    (task,) = log.tasks(index_id, [place[1]]).values()
    return task


def lines(payloads: StoredPayloads, task: Task) -> list[dict[str, Any]]:
    found = payloads.get(task.payload).split(b"\n")
    return [orjson.loads(line) for line in found]


@pytest.mark.compliance(36, 38)
def test_an_ingest_is_recorded_and_answered(  # noqa: PLR0917 - fixtures
    service: Service,
    index_id: str,
    keys: Keys,
    log: DynamoTaskLog,
    payloads: StoredPayloads,
    bell: Bell,
) -> None:
    list_of = ingest_of(
        ENTRY | {"@datatype": "GMetaEntry", "mimetype": "text/plain"},
        {
            "subject": "core:2",
            "id": "",
            "visible_to": [
                identity(0xAB).upper().replace("URN:GLOBUS:AUTH:IDENTITY", identity(1)[:24])
            ],
            "content": {},
            "principal_sets": {"curator": [GROUP]},
        },
        field_mapping={"site": "geo_point"},
        **{"@datatype": "GIngest", "@version": "2016-11-09"},
    )
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", list_of, key=keys.writer)

    task = task_of(log, index_id, accepted(answer))
    assert (task.kind, task.caller, task.operations) == (TaskKind.INGEST, identity(3), 2)
    assert not task.skip_errors
    header, first, second = lines(payloads, task)
    assert header == {"declared": {"site": "geo_point"}}
    assert first == ENTRY
    assert second == {
        "subject": "core:2",
        "visible_to": [identity(0xAB)],
        "principal_sets": {"curator": [GROUP]},
        "content": {},
    }
    assert bell.rung == [index_id]


def test_an_empty_list_is_a_task(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/index/{index_id}/ingest"
    accepted(service.send("POST", path, ingest_of(), key=keys.writer))


def test_a_gzip_body_is_expanded(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog
) -> None:
    entries = [ENTRY | {"subject": f"core:{number}"} for number in range(2_000)]
    body = gzip.compress(json.dumps(ingest_of(*entries)).encode())

    answer = service.send(
        "POST",
        f"/v1/index/{index_id}/ingest",
        body,
        key=keys.writer,
        headers={"Content-Encoding": "gzip"},
    )
    assert task_of(log, index_id, accepted(answer)).operations == 2_000


@pytest.mark.compliance(44)
def test_put_and_post_of_an_entry_are_the_same(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog, payloads: StoredPayloads
) -> None:
    for method in ("PUT", "POST"):
        body = ENTRY | {"id": "lab"}
        answer = service.send(method, f"/v1/index/{index_id}/entry", body, key=keys.writer)
        task = task_of(log, index_id, accepted(answer))
        assert lines(payloads, task)[1] == {**ENTRY, "id": "lab"}


def test_deletes_are_tasks(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog, payloads: StoredPayloads
) -> None:
    def recorded(answer: Answered) -> tuple[TaskKind, list[dict[str, Any]]]:
        task = task_of(log, index_id, accepted(answer))
        return task.kind, lines(payloads, task)[1:]

    path = f"/v1/index/{index_id}"
    one = service.send("DELETE", f"{path}/entry", key=keys.writer, subject="a", entry_id="lab")
    assert recorded(one) == (TaskKind.DELETE_ENTRY, [operations.delete_entry("a", "lab")])
    null = service.send("DELETE", f"{path}/entry", key=keys.writer, subject="a")
    assert recorded(null) == (TaskKind.DELETE_ENTRY, [operations.delete_entry("a", None)])
    whole = service.send("DELETE", f"{path}/subject", key=keys.writer, subject="a,b")
    assert recorded(whole) == (TaskKind.DELETE_SUBJECTS, [operations.delete_subject("a,b")])
    batch = {"subjects": ["a", "b"], "extra": 1}
    many = service.send("POST", f"{path}/batch_delete_by_subject", batch, key=keys.writer)
    expected = [operations.delete_subject(subject) for subject in "ab"]
    assert recorded(many) == (TaskKind.DELETE_SUBJECTS, expected)


def test_a_delete_by_query_keeps_the_query_and_what_its_caller_sees(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog, payloads: StoredPayloads
) -> None:
    path, body = f"/v1/index/{index_id}/delete_by_query", {"q": "rock:chert", "advanced": True}
    assert service.send("POST", path, body, key=keys.writer).code == "Forbidden.Generic"

    answer = service.send("POST", path, body, key=keys.admin)
    task = task_of(log, index_id, accepted(answer, 2))
    (header,) = lines(payloads, task)
    assert header["request"]["q"] == "rock:chert"
    assert header["visibility"]["visible_to"] == sorted(
        ["public", "all_authenticated_users", identity(2)]
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"q": ""}, "BadRequest.Generic"),
        ({}, "BadRequest.ValidationError"),
        ({"q": "rock:(", "advanced": True}, "BadRequest.Generic"),
    ],
)
def test_a_delete_by_query_that_means_nothing_or_everything_is_refused(
    service: Service, index_id: str, keys: Keys, body: dict[str, Any], code: str
) -> None:
    answer = service.send("POST", f"/v1/index/{index_id}/delete_by_query", body, key=keys.admin)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.compliance(7, 36)
def test_who_may_not_write_is_told_before_its_input_is_read(
    service: Service, index_id: str, keys: Keys
) -> None:
    path = f"/v1/index/{index_id}/ingest"
    assert service.send("POST", path, "nonsense").code == "Unauthorized.Generic"
    assert service.send("POST", path, "nonsense", key=keys.reader).code == "Forbidden.Generic"
    assert service.send("POST", path, "nonsense", key=keys.searcher).code == "Forbidden.Generic"
    assert service.send("POST", path, "nonsense", key=keys.ingester).code == "BadRequest.Generic"
    unknown = service.send("POST", f"/v1/index/{UNKNOWN}/ingest", "nonsense", key=keys.searcher)
    assert unknown.code == "NotFound.NoSuchIndex"


def test_a_deleted_index_takes_no_writes(service: Service, index_id: str, keys: Keys) -> None:
    service.send("DELETE", f"/v1/index/{index_id}", key=keys.owner)
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", "nonsense", key=keys.writer)
    assert answer.code == "Conflict.IncompatibleIndexStatus"


@pytest.mark.compliance(10, 37, 52)
@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"subject": "a", "content": {}}, {"visible_to": MISSING}),
        ({**ENTRY, "subject": "é" * 251}, {"subject": ["Longer than 500 bytes of UTF-8."]}),
        ({**ENTRY, "subject": ""}, {"subject": ["Must not be empty."]}),
        ({**ENTRY, "content": [1]}, {"content": ["Input should be a valid dictionary"]}),
        (
            {**ENTRY, "visible_to": ["public", "everybody"]},
            {"visible_to": {"1": ["Not a Principal URN, 'public' or 'all_authenticated_users'."]}},
        ),
        (
            {**ENTRY, "principal_sets": {"a": ["public"]}},
            {"principal_sets": {"a": {"0": ["Not a Principal URN."]}}},
        ),
    ],
)
def test_a_broken_entry_is_told_where_it_is_broken(
    service: Service, index_id: str, keys: Keys, data: dict[str, Any], messages: dict[str, Any]
) -> None:
    body = {"ingest_type": "GMetaEntry", "ingest_data": data}
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", body, key=keys.writer)

    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
    assert answer.json["error_data"] == {"messages": {"json": {"ingest_data": messages}}}


def test_a_broken_entry_of_a_list_is_told_by_its_position(
    service: Service, index_id: str, keys: Keys
) -> None:
    body = ingest_of(ENTRY, {"subject": "b", "content": {}})
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", body, key=keys.writer)
    expected = {"json": {"ingest_data": {"gmeta": {"1": {"visible_to": MISSING}}}}}
    assert answer.json["error_data"] == {"messages": expected}


@pytest.mark.compliance(52)
def test_more_principals_than_allowed_are_refused(
    service: Service, index_id: str, keys: Keys
) -> None:
    entry = ENTRY | {"visible_to": [identity(number) for number in range(101)]}
    answer = service.send("PUT", f"/v1/index/{index_id}/entry", entry, key=keys.writer)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', b"\xff\xfe", "NaN"])
@pytest.mark.compliance(9)
def test_a_body_that_is_no_json_object_is_refused(
    service: Service, index_id: str, keys: Keys, body: str | bytes
) -> None:
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", body, key=keys.writer)
    assert (answer.status, answer.code) == (400, "BadRequest.Generic")
    assert {"cause", "recommended_resolution"} == answer.json["error_data"].keys()


@pytest.mark.parametrize("content", ['{"a":1,"a":2}', '{"a":123456789012345678901234567890}'])
def test_content_that_parsing_would_change_is_refused(
    service: Service, index_id: str, keys: Keys, content: str
) -> None:
    body = f'{{"subject":"a","visible_to":[],"content":{content}}}'
    answer = service.send("PUT", f"/v1/index/{index_id}/entry", body, key=keys.writer)
    assert (answer.status, answer.code) == (400, "BadRequest.Generic")


def test_a_large_body_is_refused_and_told_of_uploads(
    service: Service, index_id: str, keys: Keys
) -> None:
    body = json.dumps(ingest_of(ENTRY | {"content": {"a": "x" * 4_000_000}}))
    answer = service.send("POST", f"/v1/index/{index_id}/ingest", body, key=keys.writer)
    assert (answer.status, answer.code) == (413, "RequestEntityTooLarge.Generic")
    assert "/v1/index/<index_id>/upload" in answer.json["message"]


def test_a_gzip_bomb_is_refused(service: Service, index_id: str, keys: Keys) -> None:
    answer = service.send(
        "POST",
        f"/v1/index/{index_id}/ingest",
        gzip.compress(b" " * 60_000_000),
        key=keys.writer,
        headers={"Content-Encoding": "gzip"},
    )
    assert (answer.status, answer.code) == (413, "RequestEntityTooLarge.Generic")


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"plain"), ("br", b"{}")])
def test_an_encoding_that_can_not_be_read_is_refused(
    service: Service, index_id: str, keys: Keys, encoding: str, body: bytes
) -> None:
    path, headers = f"/v1/index/{index_id}/ingest", {"Content-Encoding": encoding}
    answer = service.send("POST", path, body, key=keys.writer, headers=headers)
    assert (answer.status, answer.code) == (400, "BadRequest.Generic")


def test_a_repeated_request_with_a_key_is_one_task(
    service: Service, index_id: str, keys: Keys
) -> None:
    path, headers = f"/v1/index/{index_id}/ingest", {"Idempotency-Key": "k1"}
    first = service.send("POST", path, ingest_of(ENTRY), key=keys.writer, headers=headers)
    again = service.send("POST", path, ingest_of(ENTRY), key=keys.writer, headers=headers)
    assert accepted(first) == accepted(again)

    other = service.send("POST", path, ingest_of(), key=keys.writer, headers=headers)
    assert (other.status, other.code) == (422, "UnprocessableEntity.Generic")
    elsewhere = service.send(
        "POST", path, ingest_of(ENTRY), key=keys.writer, headers=headers, on_error="skip"
    )
    assert elsewhere.status == 422


def test_skipping_errors_is_asked_for_by_name(
    service: Service, index_id: str, keys: Keys, log: DynamoTaskLog
) -> None:
    path = f"/v1/index/{index_id}/ingest"
    answer = service.send("POST", path, ingest_of(ENTRY), key=keys.writer, on_error="skip")
    assert task_of(log, index_id, accepted(answer)).skip_errors
    refused = service.send("POST", path, ingest_of(ENTRY), key=keys.writer, on_error="ignore")
    assert refused.json["error_data"]["messages"]["query"].keys() == {"on_error"}


def test_an_empty_batch_is_refused(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/index/{index_id}/batch_delete_by_subject"
    answer = service.send("POST", path, {"subjects": []}, key=keys.writer)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
