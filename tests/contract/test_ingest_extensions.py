"""What goes beyond the original on the running stack (docs/extensions.md): repeated requests,
compressed bodies, dry runs, skipped errors, outcomes, replay, cancel, and files by upload."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from garner.runtime.clock import SystemClock
from garner.storage.dynamodb.table import Table
from garner.storage.dynamodb.task_log import DynamoTaskLog
from tests.contract.conftest import NewIndex
from tests.fakes.aws import BotoCalls
from tests.stack import RunningStack

LINES_OF_A_LONG_LOAD = 30_000  # three parts: enough borders to be stopped at one
BOMB = gzip.compress(b"\n" * 50_000_000)  # 49 KB
SECONDS = 30


def entry(subject: str, **content: Any) -> dict[str, Any]:
    return {"subject": subject, "visible_to": ["public"], "content": content}


def gmeta(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"ingest_type": "GMetaList", "ingest_data": {"gmeta": list(entries)}}


def ndjson(*entries: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in entries)


def found(stack: RunningStack, index_id: str) -> dict[str, Any]:
    """Subject → content of what is in a small index."""
    status, answer = stack.call("GET", f"/v1/index/{index_id}/search?q=*&limit=100")
    assert status == 200
    return {each["subject"]: each["entries"][0]["content"] for each in answer["gmeta"]}


def total(stack: RunningStack, index_id: str) -> int:
    count: int = stack.call("GET", f"/v1/index/{index_id}/search?q=*&limit=0")[1]["total"]
    return count


def accepted(stack: RunningStack, method: str, path: str, *request: Any, **more: Any) -> str:
    """The task id of a write."""
    status, answer = stack.call(method, path, *request, **more)
    assert status == 200, answer
    task_id: str = answer["task_id"]
    return task_id


def outcomes(stack: RunningStack, task_id: str, query: str = "") -> list[dict[str, Any]]:
    status, page = stack.call("GET", f"/v1/task/{task_id}/outcomes{query}")
    assert (status, page["marker"]) == (200, None)
    rows: list[dict[str, Any]] = page["outcomes"]
    return rows


def shown_when(
    stack: RunningStack, task_id: str, is_there: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The document of a task once it is as wanted."""
    deadline = time.monotonic() + SECONDS
    while True:
        task: dict[str, Any] = stack.call("GET", f"/v1/task/{task_id}")[1]
        if is_there(task):
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.05)


@contextmanager
def nobody_drains(stack: RunningStack, index_id: str) -> Iterator[None]:
    """Somebody else has the lease of the index for the time of the block."""
    table = Table(BotoCalls(stack.aws("dynamodb")), stack.physical("Table"))
    log, now = DynamoTaskLog(table, SystemClock()), time.time()
    cursor = log.lease(index_id, now, now + 600)
    assert cursor
    try:
        yield
    finally:
        log.let_go(index_id, cursor.epoch)


@pytest.fixture
def index_id(new_index: NewIndex) -> str:
    """An index in which `depth` is a number."""
    return new_index([entry("core:1", depth=1)])


# --- requests ------------------------------------------------------------------------------------


def test_a_repeated_request_is_one_task_and_another_one_is_refused(stack, index_id) -> None:
    path, key = f"/v1/index/{index_id}/ingest", {"Idempotency-Key": "once"}
    first = accepted(stack, "POST", path, gmeta(entry("core:2", depth=2)), headers=key)
    assert accepted(stack, "POST", path, gmeta(entry("core:2", depth=2)), headers=key) == first
    status, refused = stack.call("POST", path, gmeta(entry("core:2", depth=3)), headers=key)
    assert (status, refused["@datatype"]) == (422, "GError")
    assert stack.wait_for(first)["state"] == "SUCCESS"
    assert len(stack.call("GET", f"/v1/task_list/{index_id}")[1]["tasks"]) == 2
    assert found(stack, index_id)["core:2"] == {"depth": 2}


def test_a_body_may_be_compressed(stack, index_id) -> None:
    text = "granite " * 525_000  # 4.2 MB: more than a body may have that is not compressed
    parts = [entry(f"core:{n}", note=text[n : n + 30_000]) for n in range(2, 142)]
    body = gzip.compress(json.dumps(gmeta(*parts)).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    task_id = accepted(stack, "POST", f"/v1/index/{index_id}/ingest", body, headers=headers)
    task = stack.wait_for(task_id)
    assert (task["state"], task["additional_details"]["counts"]["applied"]) == ("SUCCESS", 140)


def test_a_dry_run_tells_what_would_be_and_writes_nothing(stack, index_id) -> None:
    document = gmeta(entry("core:2", depth=2, rock="basalt"), entry("core:3", depth="deep"))
    status, told = stack.call("POST", f"/v1/index/{index_id}/ingest?dry_run=true", document)
    assert (status, told["valid"]) == (200, False)
    assert told["counts"] == {"accepted": 1, "rejected": 1}
    (error,) = told["errors"]
    assert (error["position"], error["field"], error["found"]) == (1, "depth", "string")
    assert told["new_fields"] == {"rock": "string"}
    assert told["visible_to"] == {"public": 2}
    assert len(stack.call("GET", f"/v1/task_list/{index_id}")[1]["tasks"]) == 1
    assert found(stack, index_id).keys() == {"core:1"}


# --- what became of each entry -------------------------------------------------------------------


def test_errors_are_skipped_told_and_replayed_once_their_cause_is_gone(stack, index_id) -> None:
    """A subject that was written since keeps what it has."""
    full = [entry("core:2", depth=n) | {"id": f"e{n}"} for n in range(10)]
    ingest = f"/v1/index/{index_id}/ingest"
    assert stack.wait_for(accepted(stack, "POST", ingest, gmeta(*full)))["state"] == "SUCCESS"

    more = [entry("core:2", depth=11) | {"id": "e11"}, entry("core:3", depth=3)]
    skipped = accepted(stack, "POST", f"{ingest}?on_error=skip", gmeta(*more))
    task = stack.wait_for(skipped)
    assert (task["state"], task["additional_details"]["partial"]) == ("FAILED", True)
    rows = outcomes(stack, skipped)
    assert [(row["position"], row["outcome"], row["code"]) for row in rows] == [
        (0, "rejected", "ENTRY_LIMIT"),
        (1, "applied", None),
    ]
    assert outcomes(stack, skipped, "?outcome=rejected") == rows[:1]

    newer = accepted(stack, "DELETE", f"/v1/index/{index_id}/subject?subject=core%3A2")
    assert stack.wait_for(newer)["state"] == "SUCCESS"
    replayed = accepted(stack, "POST", f"/v1/task/{skipped}/replay")
    counts = stack.wait_for(replayed)["additional_details"]["counts"]
    assert counts == {"applied": 0, "superseded": 1, "rejected": 0}
    assert found(stack, index_id).keys() == {"core:1", "core:3"}


def test_rejected_entries_are_applied_by_a_replay(stack, index_id) -> None:
    """The whole task was refused for one entry; with `on_error=skip` the other one is applied."""
    document = gmeta(entry("core:2", depth=2), entry("core:3", depth="deep"))
    task_id = accepted(stack, "POST", f"/v1/index/{index_id}/ingest", document)
    assert stack.wait_for(task_id)["state"] == "FAILED"
    assert [row["outcome"] for row in outcomes(stack, task_id)] == ["rejected", "rejected"]
    assert found(stack, index_id).keys() == {"core:1"}
    replayed = accepted(stack, "POST", f"/v1/task/{task_id}/replay?on_error=skip")
    assert stack.wait_for(replayed)["additional_details"]["counts"]["applied"] == 1
    assert found(stack, index_id)["core:2"] == {"depth": 2}


def test_a_waiting_task_is_cancelled_with_nothing_written(stack, index_id) -> None:
    ingest = f"/v1/index/{index_id}/ingest"
    with nobody_drains(stack, index_id):
        first = accepted(stack, "POST", ingest, gmeta(entry("core:2", depth=2)))
        second = accepted(stack, "POST", ingest, gmeta(entry("core:3", depth=3)))
        status, task = stack.call("POST", f"/v1/task/{first}/cancel")
        assert (status, task["state"]) == (200, "CANCELLED")
        assert stack.call("GET", f"/v1/task/{second}")[1]["state"] == "PENDING"
    newest = accepted(stack, "POST", ingest, gmeta(entry("core:4", depth=4)))
    stack.sweep()
    assert stack.wait_for(newest)["state"] == "SUCCESS"
    assert found(stack, index_id).keys() == {"core:1", "core:3", "core:4"}


# --- files ---------------------------------------------------------------------------------------


def upload(stack: RunningStack, index_id: str, data: bytes) -> str:
    """Puts a file there with the form that the service gives; the id to ingest it by."""
    status, offer = stack.call("POST", f"/v1/index/{index_id}/upload")
    assert status == 200, offer
    fields = {**offer["fields"], "file": ("lines.ndjson", data)}
    answer = urllib3.request(offer["method"], offer["url"], fields=fields, timeout=SECONDS)
    assert answer.status in (200, 201, 204), answer.data
    upload_id: str = offer["upload_id"]
    return upload_id


def load(stack: RunningStack, index_id: str, data: bytes, query: str = "") -> str:
    """Uploads and ingests a file; the task id."""
    body = {
        "ingest_type": "GMetaUpload",
        "ingest_data": {"upload_id": upload(stack, index_id, data)},
    }
    return accepted(stack, "POST", f"/v1/index/{index_id}/ingest{query}", body)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_is_applied_line_by_line(stack, index_id, pack) -> None:
    data = ndjson(*(entry(f"core:{n}", depth=n) for n in range(2, 50)))
    task = stack.wait_for(load(stack, index_id, pack(data)))
    assert task["state"] == "SUCCESS", task
    assert task["additional_details"]["counts"]["applied"] == 48
    progress = task["additional_details"]["progress"]
    assert (progress["bytes"], progress["entries"]) == (len(data), 48)
    assert found(stack, index_id)["core:49"] == {"depth": 49}


GOOD = ndjson(entry("core:2", depth=2), entry("core:3", depth=3))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD + b'{"subject": "core:4",\n' + GOOD, "Line 3: "),
        (gzip.compress(GOOD * 500)[:-20], "The gzip file ends too early"),
        (BOMB, "expands to more than 200 times its size"),
        (GOOD + ndjson(entry("core:4", depth="deep")), "depth"),
    ],
    ids=["bad line", "truncated", "bomb", "type conflict"],
)
def test_a_file_that_can_not_be_taken_says_where_and_leaves_nothing(
    stack, index_id, data, said
) -> None:
    task = stack.wait_for(load(stack, index_id, data))
    assert task["state"] == "FAILED"
    assert said in task["message"]
    assert found(stack, index_id).keys() == {"core:1"}


def test_lines_that_do_not_fit_are_skipped_on_request(stack, index_id) -> None:
    data = GOOD + ndjson(entry("core:4", depth="deep"))
    task_id = load(stack, index_id, data, "?on_error=skip")
    assert stack.wait_for(task_id)["additional_details"]["partial"]
    assert [row["position"] for row in outcomes(stack, task_id, "?outcome=rejected")] == [2]
    assert found(stack, index_id).keys() == {"core:1", "core:2", "core:3"}


def test_a_long_load_tells_how_far_it_is_and_stops_where_it_is_cancelled(stack, index_id) -> None:
    data = ndjson(*(entry(f"s:{n}", depth=n) for n in range(LINES_OF_A_LONG_LOAD)))
    task_id = load(stack, index_id, gzip.compress(data, 1))
    task = shown_when(
        stack,
        task_id,
        lambda task: (
            task["state"] != "PENDING"
            and task["additional_details"]["progress"]["applied_entries"] > 0
        ),
    )
    progress = task["additional_details"]["progress"]
    assert (task["state"], progress["queue_position"]) == ("PROGRESS", 1)
    assert (progress["entries"], progress["bytes"]) == (LINES_OF_A_LONG_LOAD, len(data))
    assert stack.call("POST", f"/v1/task/{task_id}/cancel")[0] == 200

    ended = stack.wait_for(task_id)
    counts = ended["additional_details"]["counts"]
    assert (ended["state"], ended["additional_details"]["partial"]) == ("CANCELLED", True)
    assert 0 < counts["applied"] < LINES_OF_A_LONG_LOAD
    assert counts["applied"] + counts["rejected"] == LINES_OF_A_LONG_LOAD
    assert total(stack, index_id) == counts["applied"] + 1
