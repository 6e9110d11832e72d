"""Adapters over moto in this process, and a clone of osmem for each test that writes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws
from osmem_server import OsmemClone, OsmemServer

from garner.domain.fields import Schema
from garner.domain.protocol import ProtocolSettings
from garner.domain.slots import TaskIds
from garner.ports.indexes import IndexRecord, Role, RoleSet
from garner.runtime.clock import RandomIds, SystemClock
from garner.services.drain import DrainPorts
from garner.services.entry_lines import read_line
from garner.services.submit import AcceptPorts
from garner.storage.dynamodb.indexes import DynamoIndexStore
from garner.storage.dynamodb.table import Table
from garner.storage.dynamodb.task_log import DynamoTaskLog
from garner.storage.opensearch.bulk import OpenSearchWriter
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from garner.storage.payloads import StoredPayloads
from garner.storage.s3 import CLIENT_CONFIG as S3_CONFIG
from garner.storage.s3 import S3Objects
from garner.storage.sqs import SqsDoorbell
from tests.fakes.aws import BotoCalls
from tests.fakes.ingest import INDEX, InMemoryMetrics
from tests.functions.conftest import create_table

TABLE, BUCKET = "garner", "payloads"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def table(cloud: None) -> Table:
    client = boto3.client("dynamodb")
    create_table(client)
    return Table(BotoCalls(client), "garner")


@pytest.fixture
def payloads(table: Table) -> StoredPayloads:
    client = boto3.client("s3", config=S3_CONFIG)
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    objects = S3Objects(client, BUCKET)
    return StoredPayloads(table, lambda: objects, clock=SystemClock(), ids=RandomIds())


@pytest.fixture(scope="session")
def engine_server() -> Iterator[OsmemServer]:
    with OsmemServer.start() as server:
        yield server
    server.process.stdout.close()  # it leaves this to whoever started it


@pytest.fixture
def clone(engine_server: OsmemServer) -> Iterator[OsmemClone]:
    with engine_server.clone() as clone:
        yield clone


@dataclass
class WritePath:
    """The real adapters together."""

    table: Table
    log: DynamoTaskLog
    payloads: StoredPayloads
    engine: EngineClient
    accept: AcceptPorts
    ports: DrainPorts


def reserve_index(table: Table, index_id: str = INDEX) -> None:
    record = IndexRecord(index_id, "Rocks", "", 1.0, status="creating")
    owner = Role("r1", index_id, "owner", "urn:globus:auth:identity:x", 1.0)
    store = DynamoIndexStore(table)
    assert store.reserve(record, owner, RoleSet((), 0))
    assert store.open_created(index_id)


@pytest.fixture
def write_path(table: Table, payloads: StoredPayloads, clone: OsmemClone) -> Iterator[WritePath]:
    clock, ids, metrics = SystemClock(), RandomIds(), InMemoryMetrics()
    log = DynamoTaskLog(table, clock)
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="doorbell")["QueueUrl"]
    doorbell = SqsDoorbell(BotoCalls(sqs), queue)
    engine = EngineClient(clone.url)
    indexes = OpenSearchIndexes(engine)
    reserve_index(table)
    indexes.create(INDEX, 1, Schema())
    accept = AcceptPorts(
        log=log,
        payloads=payloads,
        doorbell=doorbell,
        clock=clock,
        ids=ids,
        task_ids=TaskIds(b"s" * 32),
        metrics=metrics,
    )
    ports = DrainPorts(
        log=log,
        payloads=payloads,
        writer=OpenSearchWriter(engine),
        indexes=indexes,
        doorbell=doorbell,
        compile_matches=lambda head, _schema, **_: {"match_all": {}},
        read_line=read_line,
        clock=clock,
        ids=ids,
        metrics=metrics,
        senders=lambda: ThreadPoolExecutor(3),
        settings=ProtocolSettings(void_grace=0.1),
    )
    yield WritePath(table, log, payloads, engine, accept, ports)
    engine.close()
