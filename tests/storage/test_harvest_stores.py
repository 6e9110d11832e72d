"""The harvest over DynamoDB and S3 (moto), and what the adapters promise by themselves."""

import io
import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from garner.domain.harvest.control import RegisteredSource, SystemStatus
from garner.domain.harvest.requests import ProcessRequest, RequestState, RequestType
from garner.domain.harvest.run import Phase, Run
from garner.domain.harvest.tables import IndexName, Statistics, Target
from garner.errors import Conflict, NotFound
from garner.ports.runs import LeaseLost
from garner.ports.sources import RawMeta
from garner.services.control_source import reset_source
from garner.storage.alerts import SnsAlerts
from garner.storage.dynamodb.runs import DynamoRequestLog, DynamoRunStore
from garner.storage.dynamodb.sources import (
    DynamoIndexNames,
    DynamoSourceRegistry,
    DynamoSystem,
    DynamoTargets,
)
from garner.storage.dynamodb.table import Table
from garner.storage.job_bell import SqsJobBell
from garner.storage.s3_stage import S3Stage
from garner.storage.schedules import EventBridgeSchedules
from tests.fakes.aws import BotoCalls
from tests.fakes.crawl import records
from tests.harvest.rig import INDEX, SRC, HarvestRig


def source(source_id: str = SRC, **changes: Any) -> RegisteredSource:
    plain = RegisteredSource(source_id=source_id, descriptor={}, created_at=1.0, changed_at=1.0)
    return replace(plain, **changes)


def request(request_id: str, at: float = 1.0, **changes: Any) -> ProcessRequest:
    plain = ProcessRequest(
        request_id=request_id, source_id=SRC, type=RequestType.UPDATE, created_at=at
    )
    return replace(plain, **changes)


def run_of(request: ProcessRequest) -> Run:
    return Run(
        run_id=request.request_id,
        source_id=SRC,
        type=request.type,
        created_at=request.created_at,
        descriptor={"name": "x"},
        resume_at=request.created_at,
    )


def started(table: Table, run_id: str = "r1") -> Run:
    registry = DynamoSourceRegistry(table)
    registry.create(source())
    stored = registry.get(SRC)
    assert stored
    asked = request(run_id)
    assert registry.start(replace(stored, active_run=run_id), asked, run_of(asked))
    run = DynamoRunStore(table).lease(run_id, now=10.0, seconds=60)
    assert run
    return run


@pytest.fixture
def stage(cloud: None) -> S3Stage:
    client = boto3.client("s3")
    client.create_bucket(Bucket="stage")
    return S3Stage(client, "stage")


def test_the_workflow_on_the_real_stores(table: Table, stage: S3Stage) -> None:
    rig = HarvestRig(removes=True)
    rig.sources = DynamoSourceRegistry(table)  # type: ignore[assignment]
    rig.names = DynamoIndexNames(table)  # type: ignore[assignment]
    rig.targets = DynamoTargets(table)  # type: ignore[assignment]
    rig.system = DynamoSystem(table)  # type: ignore[assignment]
    rig.requests = DynamoRequestLog(table)  # type: ignore[assignment]
    rig.runs = DynamoRunStore(table)  # type: ignore[assignment]
    rig.stage = stage  # type: ignore[assignment]
    rig.names.put(IndexName("idx", INDEX, (SRC,)))
    rig.add(SRC, removes=True)
    rows = records(12)
    rig.offer(rows, size=5)
    assert rig.do().state is RequestState.SUCCESS
    rows[3] = {"id": "r3", "title": "Changed"}
    rig.offer(rows[:11], size=5)
    second = rig.do()
    assert second.state is RequestState.SUCCESS
    assert (second.counts["changeCount"], second.counts["removedCount"]) == (1, 1)
    assert len(rig.index) == 11
    rig.offer(records(5))
    refused = rig.do()
    assert refused.message.startswith("Accounting Error")
    assert len(rig.index) == 11
    assert rig.row.last_refusal == refused.message
    found = rig.requests.latest(SRC, 10)
    assert found[0].request_id == refused.request_id
    assert [row.total for row in rig.requests.statistics(SRC, 10)] == [5, 11, 12]
    assert rig.requests.rows(refused.request_id)


def test_a_start_is_refused_if_the_source_changed_or_the_system_is_paused(table: Table) -> None:
    registry, system = DynamoSourceRegistry(table), DynamoSystem(table)
    registry.create(source())
    read = registry.get(SRC)
    assert read
    asked = request("r1")
    registry.change(SRC, lambda row: replace(row, errors_left=1))
    assert not registry.start(read, asked, run_of(asked))
    fresh = registry.get(SRC)
    assert fresh
    system.enter(SystemStatus.PAUSED, 5.0)
    assert not registry.start(fresh, asked, run_of(asked))
    assert DynamoRunStore(table).get("r1") is None
    assert system.leave(frozenset((SystemStatus.PAUSED,)), SystemStatus.ALL_CLEAR, 6.0)
    assert registry.start(fresh, asked, run_of(asked))
    assert system.rows()[0].recovered_at == 6.0
    assert not system.leave(frozenset((SystemStatus.PAUSED,)), SystemStatus.ALL_CLEAR, 7.0)


def test_a_lease_has_one_holder_until_it_is_over(table: Table) -> None:
    runs = DynamoRunStore(table)
    run = started(table)
    assert runs.lease("r1", now=69.0, seconds=60) is None
    run.cursor = {"unit": 3}
    runs.save(run, {("parse.0", 7): {"records": 1}})
    thief = runs.lease("r1", now=71.0, seconds=60)
    assert thief
    assert (thief.cursor, thief.fence) == ({"unit": 3}, 2)
    for late in (lambda: runs.save(run), lambda: runs.renew(run)):
        with pytest.raises(LeaseLost):
            late()
    with pytest.raises(LeaseLost):
        runs.save(run, {("parse.0", 8): {"records": 9}})
    assert runs.markers("r1", "parse.0") == {7: {"records": 1}}
    assert runs.marker("r1", "parse.0", 8) is None


def test_a_run_is_due_when_its_lease_is_over_and_not_after_its_end(table: Table) -> None:
    runs, registry = DynamoRunStore(table), DynamoSourceRegistry(table)
    run = started(table)
    assert runs.due(69.0) == []
    run.lease_until = 200.0
    runs.renew(run)
    assert runs.due(199.0) == []
    assert [each.run_id for each in runs.due(201.0)] == ["r1"]
    run.phase = Phase.DONE
    row = registry.get(SRC)
    assert row
    stats = Statistics(
        import_id=1,
        source_id=SRC,
        request_id="r1",
        at=9.0,
        total=1,
        ingested=1,
        finished=1,
        errors=0,
    )
    ended = request("r1", state=RequestState.SUCCESS)
    with pytest.raises(Conflict):
        runs.finish(run, ended, replace(row, revision=99), stats)
    runs.finish(run, ended, replace(row, active_run=""), stats)
    assert runs.due(1e6) == []
    with pytest.raises(LeaseLost):
        runs.finish(run, ended, row, stats)
    assert runs.lease("r1", now=1e9, seconds=1) is None


def test_reset_takes_the_run_from_its_worker(table: Table) -> None:
    runs, registry, log = (
        DynamoRunStore(table),
        DynamoSourceRegistry(table),
        DynamoRequestLog(table),
    )
    run = started(table)
    rig = HarvestRig()
    reset_source(
        SRC,
        sources=registry,
        system=DynamoSystem(table),
        requests=log,
        runs=runs,
        clock=rig.clock,
    )
    with pytest.raises(LeaseLost):
        runs.save(run)
    stored, ended = registry.get(SRC), log.get("r1")
    assert stored
    assert ended
    assert (stored.active_run, stored.epoch) == ("", 1)
    assert ended.state is RequestState.FAILED
    assert runs.revoke("nobody") is None


def test_requests_are_listed_newest_first_and_by_type(table: Table) -> None:
    log = DynamoRequestLog(table)
    for number in range(5):
        kind = RequestType.INGEST if number % 2 else RequestType.UPDATE
        log.put(request(f"r{number}", at=float(number), type=kind))
    assert [each.request_id for each in log.latest(SRC, 3)] == ["r4", "r3", "r2"]
    found = log.latest(SRC, 1, kind=RequestType.INGEST)
    assert [each.request_id for each in found] == ["r3"]


def test_names_stand_for_one_index_and_move_only_from_where_they_are(table: Table) -> None:
    names = DynamoIndexNames(table)
    assert names.put(IndexName("a", "i1", (SRC,)))
    assert not names.put(IndexName("a", "i2", (SRC,)))
    assert names.put(IndexName("a", "i1", (SRC, "B")))
    assert not names.move(IndexName("a", "i3", ()), expected="i2")
    assert names.move(IndexName("a", "i3", ()), expected="i1")
    assert names.list("i3") == [IndexName("a", "i3", ())]
    assert not names.delete(IndexName("a", "i1", ()))
    assert names.delete(IndexName("a", "i3", ()))
    assert names.get("a") is None


def test_targets_change_one_version_at_a_time(table: Table) -> None:
    targets = DynamoTargets(table)
    first = Target(source_id=SRC, index_id=INDEX, version=1, pending="r1", rule="", entry_id="null")
    assert targets.get(SRC, INDEX).version == 0
    assert targets.replace(first)
    assert not targets.replace(first)
    assert targets.replace(replace(first, version=2, pending=""))
    assert targets.list(SRC) == [replace(first, version=2, pending="")]


def test_sources_are_created_once_and_deleted_as_read(table: Table) -> None:
    registry = DynamoSourceRegistry(table)
    assert registry.create(source("a"))
    assert not registry.create(source("a"))
    read = registry.get("a")
    assert read
    registry.change("a", lambda row: replace(row, errors_left=2))
    assert not registry.delete(read)
    changed = registry.get("a")
    assert changed
    assert registry.delete(changed)
    assert registry.list() == []
    assert registry.get("x" * 2_000) is None
    with pytest.raises(NotFound):
        registry.change("a", lambda row: row)


def test_stage_keeps_objects_and_gives_parts_of_them(stage: S3Stage) -> None:
    stage.put("stage/r/1", b"0123456789")
    assert stage.get("stage/r/1") == b"0123456789"
    assert stage.get_ranges([("stage/r/1", 2, 3)]) == [b"234"]
    assert stage.get_ranges([("stage/r/1", n, 1) for n in range(10)]) == [
        b"%d" % n for n in range(10)
    ]
    assert stage.get_ranges([]) == []
    stage.put_raw("raw/r/1/000000", io.BytesIO(b"raw"))
    with stage.raw("raw/r/1/000000", RawMeta(seq=0, unit=0, attempt=0, file=0)).open() as body:
        body.seek(1)
        assert body.read() == b"aw"
    stage.delete_prefix("stage/r/")
    stage.delete_prefix("stage/r/")
    assert stage.get("raw/r/1/000000") == b"raw"


def test_bells_ring_the_worker_that_is_meant(cloud: None) -> None:
    sqs = boto3.client("sqs")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("harvest", "fetch")}
    bell = SqsJobBell(BotoCalls(sqs), harvest_url=urls["harvest"], fetch_url=urls["fetch"])
    bell.ring("r1", fetch=True)
    bell.ring("r2", fetch=False)
    for name, run_id in (("fetch", "r1"), ("harvest", "r2")):
        (message,) = sqs.receive_message(QueueUrl=urls[name])["Messages"]
        assert json.loads(message["Body"]) == {"run_id": run_id}
    SqsJobBell(BotoCalls(sqs), harvest_url="https://gone.test/q", fetch_url="").ring(
        "r3", fetch=False
    )


def test_alerts_reach_their_topic_and_never_raise(cloud: None) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    SnsAlerts(sns, topic).send("S\u00fcbject " + "x" * 200, "why")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["Message"] == "why"
    SnsAlerts(sns, topic + "x").send("a", "b")
    SnsAlerts(sns, "").send("a", "b")


def test_schedules_are_made_changed_and_removed(cloud: None) -> None:
    client = boto3.client("scheduler")
    schedules = EventBridgeSchedules(
        client,
        group="default",
        queue_arn="arn:aws:sqs:us-east-1:123456789012:harvest",
        role_arn="arn:aws:iam::123456789012:role/r",
    )
    schedules.put(SRC, hours=1, request={"resourceID": SRC})
    schedules.put(SRC, hours=48, request={"resourceID": SRC, "-f": "true"})
    (only,) = client.list_schedules()["Schedules"]
    stored = client.get_schedule(Name=only["Name"])
    assert stored["ScheduleExpression"] == "rate(48 hours)"
    assert json.loads(stored["Target"]["Input"]) == {"start": {"resourceID": SRC, "-f": "true"}}
    schedules.delete(SRC)
    schedules.delete(SRC)
    assert client.list_schedules()["Schedules"] == []
