"""What else curators do with a source, each from the request to what is in the index: removal,
reprocess, a schedule, and what a source may not do: send its crawler to a private address."""

import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.curator import TRANSFORM, Curator
from tests.contract.source_server import PASSWORD, TOKEN, Records, serving_sources

SECONDS = 240
WANTS_X = '{"ValueExists": [{"path": "$.x"}]}'


def stones(count: int) -> Records:
    return {f"k{n}": {"name": f"stone {n}", "weight": n + 0.5} for n in range(count)}


@pytest.fixture(scope="module")
def curator(stack) -> Iterator[Curator]:
    with serving_sources() as server:
        yield Curator(stack, server)


@pytest.fixture(scope="module", autouse=True)
def scheduled(curator) -> tuple[str, str]:
    """A source with a schedule that fires soon, and its index; made first, so that it has fired
    when its test comes."""
    source_id, name = "SCR_2-scheduled", "scheduled"
    curator.server.offered[source_id] = stones(20)
    curator.register(source_id, "csv", scheduleFreq="12h")
    index_id = curator.make_index(name, source_id)
    wanted = {"parameters": {"indexName": name}}
    shown = curator.call("PUT", f"/v1/source/{source_id}/schedule", wanted)
    assert shown["schedule"]["hours"] == 12
    bring_forward(curator)
    return source_id, index_id


def bring_forward(curator: Curator) -> None:
    """The scheduler's own clock can't be turned: the schedule as it was made fires now instead of
    in twelve hours."""
    scheduler, group = curator.stack.aws("scheduler"), curator.physical("Schedules")
    (listed,) = scheduler.list_schedules(GroupName=group)["Schedules"]
    made = scheduler.get_schedule(Name=listed["Name"], GroupName=group)
    assert made["ScheduleExpression"] == "rate(12 hours)"
    kept = ("Name", "GroupName", "Target", "FlexibleTimeWindow")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    scheduler.update_schedule(
        **{name: made[name] for name in kept}, ScheduleExpression=f"at({now})"
    )


@pytest.fixture(scope="module")
def scheduled_run(curator, scheduled) -> dict[str, Any]:
    """The run that the schedule began, after its end. Whoever looks at all that the stack stores
    waits for it: nothing else moves then."""
    source_id, _ = scheduled
    deadline = time.monotonic() + SECONDS
    while not curator.call("GET", f"/v1/source/{source_id}/runs")["runs"]:
        assert time.monotonic() < deadline, "the schedule did not fire"
        time.sleep(0.5)
    return curator.finish(source_id)


def published(curator: Curator, source_id: str, name: str, records: Records, **more: Any) -> str:
    """A CSV source that was updated once; the id of its index."""
    curator.server.offered[source_id] = records
    curator.register(source_id, "csv", **more)
    index_id = curator.make_index(name, source_id)
    run = curator.update(source_id, name)
    assert (run["status"], run["counts"]["numIndexed"]) == ("SUCCESS", len(records)), run
    return index_id


def test_records_gone_upstream_are_removed_where_the_descriptor_says_so(curator) -> None:
    source_id, name = "SCR_2-removal", "removal"
    everything = stones(40)
    index_id = published(curator, source_id, name, everything)
    left = dict(list(everything.items())[:-3])
    curator.server.offered[source_id] = left
    kept = curator.update(source_id, name)
    assert (kept["counts"]["notSeenCount"], curator.searched(index_id)[0]) == (3, 40)
    curator.change(source_id, "csv", removeMissing="true")
    run = curator.update(source_id, name)
    assert (run["status"], run["counts"]["removedCount"]) == ("SUCCESS", 3), run
    total, found = curator.searched(index_id)
    assert (total, set(found)) == (37, {each["name"] for each in left.values()})


def test_reprocess_with_a_changed_transform_needs_no_second_crawl(curator) -> None:
    source_id, name = "SCR_2-reprocess", "reprocess"
    index_id = published(curator, source_id, name, stones(30))
    crawled = curator.server.requests_for(f"/csv/{source_id}")
    grams = TRANSFORM.replace("$number(weight)", "$number(weight) * 1000")
    curator.change(source_id, "csv", transformScript=grams)
    query = f"resourceID={source_id}&index_name={name}"
    assert curator.control("POST", "reprocess", query) == {"message": "Your Request started"}
    run = curator.finish(source_id, "reprocess_status")
    assert (run["status"], run["counts"]["numIndexed"]) == ("SUCCESS", 30), run
    _, found = curator.searched(index_id)
    assert {content["weight"] for content in found.values()} == {
        (n + 0.5) * 1000 for n in range(30)
    }
    assert curator.server.requests_for(f"/csv/{source_id}") == crawled > 0


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://169.254.169.254/latest/meta-data/iam/security-credentials/", "may not use"),
        ("http://10.0.0.1/inside", "may not use"),
        ("file:///etc/passwd", "has no host"),
    ],
)
def test_a_redirect_to_a_private_address_ends_the_crawl_and_leaves_the_index(
    curator, target, words
) -> None:
    number = abs(zlib.crc32(target.encode()))
    source_id, name = f"SCR_2-redirect-{number}", f"redirect_{number}"
    index_id = published(curator, source_id, name, stones(5))
    before = (curator.log_head(index_id), curator.engine_documents(index_id))
    curator.server.extra[f"/csv/{source_id}"] = lambda handler: handler.answer(
        "", 302, Location=target
    )
    run = curator.update(source_id, name)
    assert run["status"] == "FAILED"
    assert run["message"].startswith("Errors in Ingestion: ")
    assert words in run["message"]
    assert (curator.log_head(index_id), curator.engine_documents(index_id)) == before


@pytest.mark.usefixtures("scheduled_run")
def test_a_sample_shows_records_raw_and_transformed_and_stores_nothing(curator) -> None:
    source_id = "SCR_2-sample"
    curator.server.offered[source_id] = stones(20)
    descriptor = curator.descriptor(source_id, "csv", qcRulesYamlFile=WANTS_X)
    untried = curator.call("POST", "/v1/source/sample?size=2", descriptor)["records"]
    assert [each["raw"]["id"] for each in untried] == ["k0", "k1"]
    assert all("$.x is missing" in each["qc_messages"][0] for each in untried)
    curator.register(source_id, "csv")
    objects = list(objects_of(curator))
    shown = curator.call("POST", f"/v1/source/{source_id}/sample", {"size": 3})["records"]
    assert [each["document"] for each in shown] == list(stones(3).values())
    assert list(objects_of(curator)) == objects
    assert curator.call("GET", f"/v1/source/{source_id}/runs")["runs"] == []


@pytest.mark.usefixtures("scheduled_run")
def test_a_credential_in_a_url_appears_nowhere_but_in_the_registry(curator) -> None:
    source_id, name = "SCR_2-secret", "secret"
    records = stones(10)
    secret = curator.server.url(f"/csv/{source_id}", secret=True)
    published(curator, source_id, name, records, ingestURL=secret)
    curator.server.extra[f"/csv/{source_id}"] = lambda handler: handler.answer("", 403)
    assert curator.update(source_id, name)["status"] == "FAILED"
    for path in ("", "/runs"):
        curator.call("GET", f"/v1/source/{source_id}{path}")
    for route in ("process_request", "ingest_logs", "statistics", "resources"):
        curator.control("GET", route, f"resourceID={source_id}")
    looked_at = dict(everything_written(curator))
    key = curator.stack.keys["curator"]["key"].encode()
    for where, text in looked_at.items():
        assert PASSWORD.encode() not in text, where
        assert TOKEN.encode() not in text, where
        assert key not in text, where
    kinds = {where.partition(" ")[0] for where in looked_at}
    assert kinds == {"answer", "log", "item", "object", "file"}
    assert sum(b"stone 3" in text for text in looked_at.values()) > 3, "nothing could be read"


def everything_written(curator: Curator) -> Iterator[tuple[str, bytes]]:
    """Name and content of every answer, log line, item, object and file of the stack, apart from
    the registry's rows: a crawl needs the credential, so that is where it is kept."""
    for number, text in enumerate(curator.said):
        yield f"answer {number}", text.encode()
    logs = curator.stack.aws("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for number, page in enumerate(pages):
            lines = "\n".join(event["message"] for event in page["events"])
            yield f"log {group['logGroupName']} {number}", lines.encode()
    table = curator.stack.aws("dynamodb").get_paginator("scan")
    for page in table.paginate(TableName=curator.physical("Table")):
        for item in page["Items"]:
            if item["pk"] != {"S": "X#S"}:
                yield f"item {item['pk']} {item['sk']}", repr(item).encode()
    s3, bucket = curator.stack.aws("s3"), curator.physical("PayloadBucket")
    for key in objects_of(curator):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        yield f"object {key}", unpacked(body)
    for file in curator.stack.state.glob("*.log"):
        if file.name != "run.log":  # shows the keys to whoever started the stack
            yield f"file {file.name}", file.read_bytes()


def objects_of(curator: Curator) -> Iterator[str]:
    pages = curator.stack.aws("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=curator.physical("PayloadBucket")):
        yield from (each["Key"] for each in page.get("Contents", ()))


def unpacked(body: bytes) -> bytes:
    """With what a stage object, of one or several compressed sections, or a payload holds."""
    found, rest = body, body
    while rest:
        inflate = zlib.decompressobj(32 + zlib.MAX_WBITS)
        try:
            found += inflate.decompress(rest)
        except zlib.error:
            break
        rest = inflate.unused_data
    return found


def test_a_schedule_fires_and_updates_the_index(curator, scheduled, scheduled_run) -> None:
    assert scheduled_run["status"] == "SUCCESS"
    assert (scheduled_run["userID"], scheduled_run["processType"]) == (4, "update")
    assert curator.searched(scheduled[1])[0] == 20
