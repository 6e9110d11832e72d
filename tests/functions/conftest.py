"""The functions over a table of moto and an engine in memory."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import patch_client
from osmem_server import OsmemClone, OsmemServer

from garner.ports.clock import Clock
from garner.runtime import settings
from garner.runtime.clock import RandomIds, SystemClock
from garner.runtime.container import Container
from garner.services.drain import DrainEnd, DrainPorts, drain
from garner.services.keys import KeyRequest, create_key
from garner.storage.dynamodb.keys import DynamoKeyStore
from garner.storage.dynamodb.table import Table
from garner.storage.opensearch.client import EngineClient
from garner.storage.payloads import StoredPayloads
from garner.storage.s3 import CLIENT_CONFIG as S3_CONFIG
from garner.storage.s3 import S3Objects
from tests.fakes.api import ENVIRONMENT, Service
from tests.fakes.aws import BotoCalls
from tests.fakes.index_client import IndexClient

GROUP = "urn:globus:groups:id:00000000-0000-4000-8000-00000000000a"


def identity(number: int) -> str:
    return f"urn:globus:auth:identity:00000000-0000-4000-8000-{number:012d}"


@dataclass
class Bell:
    """Remembers who was rung for."""

    rung: list[str] = field(default_factory=list)

    def ring(self, index_id: str) -> None:
        self.rung.append(index_id)


@dataclass
class Clients:
    """Made once: a client costs a tenth of a second, and holds nothing between tests."""

    dynamodb: Any
    s3: Any


@pytest.fixture(scope="session")
def clients() -> Clients:
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    made = Clients(session.client("dynamodb"), session.client("s3", config=S3_CONFIG))
    patch_client(made.dynamodb)
    patch_client(made.s3)
    return made


@pytest.fixture
def table(clients: Clients) -> Iterator[Table]:
    with mock_aws():
        create_table(clients.dynamodb)
        yield Table(BotoCalls(clients.dynamodb), ENVIRONMENT["TABLE_NAME"])


def create_table(client: Any) -> None:
    """As the template has it."""
    client.create_table(
        TableName=ENVIRONMENT["TABLE_NAME"],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "due_kind", "AttributeType": "S"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_kind", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


@pytest.fixture(scope="session")
def engine_server() -> Iterator[OsmemServer]:
    with OsmemServer.start() as server:
        yield server
    server.process.stdout.close()  # it leaves this to whoever started it


@pytest.fixture
def engine(engine_server: OsmemServer) -> Iterator[EngineClient]:
    clone: OsmemClone = engine_server.clone()
    client = EngineClient(clone.url)
    yield client
    client.close()
    clone.close()


@dataclass
class Keys:
    """API keys of the people in these tests."""

    owner: str
    admin: str
    writer: str
    reader: str
    member: str  # of GROUP, with no role of its own
    searcher: str  # a token with the search scope only, of the owner
    ingester: str  # a token with the ingest scope only, of the owner


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def keys(table: Table, clock: Clock) -> Keys:
    store = DynamoKeyStore(table)

    def key(number: int, *groups: str, scope: str = "all") -> str:
        request = KeyRequest(identity(number), groups=groups, scopes=(scope,))
        return create_key(request, keys=store, clock=clock)

    return Keys(
        owner=key(1),
        admin=key(2),
        writer=key(3),
        reader=key(4),
        member=key(5, GROUP),
        searcher=key(1, scope="search"),
        ingester=key(1, scope="ingest"),
    )


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def payloads(clients: Clients, table: Table, clock: Clock) -> StoredPayloads:
    bucket = ENVIRONMENT["PAYLOAD_BUCKET"]
    clients.s3.create_bucket(Bucket=bucket)
    objects = S3Objects(clients.s3, bucket)
    return StoredPayloads(table, lambda: objects, clock=clock, ids=RandomIds())


@pytest.fixture
def service(
    table: Table, engine: EngineClient, clock: Clock, bell: Bell, payloads: StoredPayloads
) -> Service:
    parts = {"table": table, "engine": engine, "clock": clock, "ids": RandomIds()}
    return Service(parts | {"doorbell": bell, "payloads": payloads})


@pytest.fixture
def index_id(service: Service, keys: Keys) -> str:
    """An open index with an owner, an admin and a writer."""
    created = service.send(
        "POST", "/v1/index", {"display_name": "Cores", "description": "Drill"}, key=keys.owner
    )
    index_id: str = created.json["id"]
    for number, role in ((2, "admin"), (3, "writer")):
        role_body = {"role_name": role, "principal": identity(number)}
        path = f"/v1/index/{index_id}/role"
        assert service.send("POST", path, role_body, key=keys.owner).status == 200
    return index_id


@pytest.fixture
def draining(service: Service) -> DrainPorts:
    """What a turn of the index worker works with: the stores of the functions."""
    container = Container(settings.load("index_worker", ENVIRONMENT))
    for name, part in service.parts.items():
        setattr(container, name, part)
    return container.draining(lifetime=600)


@pytest.fixture
def drain_index(draining: DrainPorts) -> Callable[[str], None]:
    """A turn of the index worker, which gets to the end of the log."""

    def turn(index_id: str) -> None:
        assert drain(index_id, ports=draining) is DrainEnd.DONE

    return turn


@pytest.fixture
def cores(
    service: Service, index_id: str, keys: Keys, drain_index: Callable[[str], None]
) -> IndexClient:
    """The index, in the hands of its users."""
    return IndexClient(service, index_id, asdict(keys), drain_index)
