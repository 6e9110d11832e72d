"""Accept and drain over DynamoDB, S3 and SQS of moto and a real engine in memory."""

import gzip
import os

import boto3
import orjson
import pytest

from garner import limits
from garner.domain import operations
from garner.domain.documents import write_alias
from garner.domain.principals import Caller
from garner.domain.tasks import NewTask, TaskKind, TaskState
from garner.errors import JsonObject
from garner.services.drain import DrainEnd, drain
from garner.services.submit import submit
from tests.fakes.ingest import INDEX
from tests.storage.conftest import BUCKET, WritePath

CALLER = Caller(identity="urn:globus:auth:identity:00000000-0000-4000-8000-000000000001")


def ingest(path: WritePath, *lines: JsonObject, kind: TaskKind = TaskKind.INGEST) -> int:
    task = NewTask(kind=kind, payload=operations.encode(lines), operations=len(lines))
    return known(path, submit(INDEX, CALLER, task, ports=path.accept))


def known(path: WritePath, task_id: str) -> int:
    decoded = path.accept.task_ids.decode(task_id)
    assert decoded
    return decoded[1]


def subjects(path: WritePath, **query: object) -> dict[str, list[JsonObject]]:
    body: JsonObject = {"size": 1000, "query": query or {"term": {"live": True}}}
    hits = path.engine.request("POST", f"/{write_alias(INDEX)}/_search", body).json()["hits"]
    return {each["_source"]["subject"]: each["_source"]["entries"] for each in hits["hits"]}


def test_what_was_accepted_is_searchable_when_its_task_says_success(write_path: WritePath) -> None:
    lines = [
        operations.upsert(f"s{i}", ["public"], {"title": f"rock {i}", "n": i}) for i in range(1500)
    ]
    first = ingest(write_path, *lines)
    second = ingest(write_path, operations.delete_subject("s7"))

    assert drain(INDEX, ports=write_path.ports) is DrainEnd.DONE

    found = write_path.log.tasks(INDEX, [first, second])
    assert [found[n].state for n in (first, second)] == [TaskState.SUCCESS] * 2
    shown = subjects(write_path, term={"live": True})
    assert len(shown) == 1000  # the page asked for
    assert "s7" not in shown
    body: JsonObject = {"query": {"term": {"live": True}}, "track_total_hits": True, "size": 0}
    answer = write_path.engine.request("POST", f"/{write_alias(INDEX)}/_search", body).json()
    assert answer["hits"]["total"]["value"] == 1499


def test_entries_with_ids_are_merged_into_one_document(write_path: WritePath) -> None:
    ingest(write_path, operations.upsert("s", ["public"], {"a": 1}))
    ingest(write_path, operations.upsert("s", ["public"], {"b": "x"}, entry_id="lab"))
    drain(INDEX, ports=write_path.ports)
    ingest(write_path, operations.upsert("s", ["public"], {"a": 2}, entry_id="lab2"))
    ingest(write_path, operations.delete_entry("s", None), kind=TaskKind.DELETE_ENTRY)
    drain(INDEX, ports=write_path.ports)

    (entries,) = subjects(write_path).values()
    assert [(each.get("entry_id"), each["content"]) for each in entries] == [
        ("lab", {"b": "x"}),
        ("lab2", {"a": 2}),
    ]


def test_a_delete_by_query_takes_what_is_there_before_it_and_leaves_what_comes_after(
    write_path: WritePath,
) -> None:
    ingest(write_path, operations.upsert("before", ["public"], {"a": 1}))
    task = NewTask(kind=TaskKind.DELETE_BY_QUERY, payload=operations.encode([], {}), operations=0)
    n = known(write_path, submit(INDEX, CALLER, task, ports=write_path.accept))
    ingest(write_path, operations.upsert("after", ["public"], {"a": 1}))

    drain(INDEX, ports=write_path.ports)

    assert subjects(write_path).keys() == {"after"}
    verdict = write_path.log.tasks(INDEX, [n])[n].verdict
    assert verdict
    assert verdict.counts.applied == 1


def test_a_task_with_one_bad_entry_leaves_no_trace(write_path: WritePath) -> None:
    ingest(write_path, operations.upsert("s", ["public"], {"size": 1}))
    n = ingest(
        write_path,
        operations.upsert("good", ["public"], {"size": 2, "colour": "red"}),
        operations.upsert("bad", ["public"], {"size": "big"}),
    )
    drain(INDEX, ports=write_path.ports)

    task = write_path.log.tasks(INDEX, [n])[n]
    assert task.state is TaskState.FAILED
    assert task.verdict
    assert [(each.position, each.field) for each in task.verdict.outcomes] == [(1, "size")]
    assert subjects(write_path).keys() == {"s"}
    assert write_path.log.schema(INDEX).fields.keys() == {"size"}


def test_a_large_payload_comes_back_from_s3_and_a_small_one_from_the_table(
    write_path: WritePath,
) -> None:
    for payload in (b"x" * 100, os.urandom(50_000)):
        ref = write_path.payloads.put(INDEX, payload)
        assert ref.key.startswith("P#") == (len(payload) < 8_192)
        assert write_path.payloads.get(ref) == payload


def test_an_uploaded_file_is_applied_from_the_version_that_was_pinned(
    write_path: WritePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PACK_OPERATIONS", 400)
    payloads, name = write_path.payloads, "uploads/one"
    assert payloads.pin(name) is None
    form = payloads.presign(name, 1_000_000, 60)
    lines = [operations.upsert(f"s{k}", ["public"], {"n": k}) for k in range(1000)]
    data = gzip.compress(b"\n".join(map(orjson.dumps, lines)))
    post(form, data)
    upload = payloads.pin(name)
    assert upload
    post(form, b"something else")

    task = NewTask(
        kind=TaskKind.UPLOAD,
        payload=operations.encode([], {"upload": upload.to_json()}),
        operations=0,
        file_bytes=upload.size,
    )
    n = known(write_path, submit(INDEX, CALLER, task, ports=write_path.accept))
    assert write_path.log.backlog(INDEX).size > upload.size == len(data)
    assert drain(INDEX, ports=write_path.ports) is DrainEnd.DONE

    verdict = write_path.log.tasks(INDEX, [n])[n].verdict
    assert verdict
    assert (verdict.state, verdict.counts.applied) == (TaskState.SUCCESS, 1000)
    assert len(subjects(write_path)) == 1000


def post(form: JsonObject, data: bytes) -> None:
    """What a client does with a form, as far as moto takes it in this process."""
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=form["fields"]["key"], Body=data)
