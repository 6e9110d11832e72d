"""Start-up: import and first request of a function, each time in a fresh process.

The other side is a process that imports what such a function is usually written with: boto3 with
one client, opensearch-py, pydantic and the Powertools resolver. The functions talk to the local
cloud and to the engine, so a first request includes their answers.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Row, at_most, compared
from garner.contracts.index import IndexCreate
from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.domain.principals import SCOPE_ALL, Caller
from garner.runtime import settings
from garner.runtime.clock import RandomIds, SystemClock
from garner.services.create_index import create_index
from garner.services.keys import KeyRequest, create_key
from garner.storage.aws.calls import DYNAMODB
from garner.storage.dynamodb.indexes import DynamoIndexStore
from garner.storage.dynamodb.keys import DynamoKeyStore
from garner.storage.dynamodb.roles import DynamoRoleStore
from garner.storage.dynamodb.table import Table
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from local import cloud as clouds
from local.processes import free_port
from tests.fakes.api import ENVIRONMENT, event
from tests.functions.conftest import create_table

ROOT = Path(__file__).parents[1]
ATTEMPTS, IMPORTS = 15, 3
REQUESTS = 100
USUALLY, SEARCH_GET, SEARCH_POST = "usual imports", "search by GET", "search by POST"
INGEST = "ingest"
OWNER = "urn:globus:auth:identity:00000000-0000-4000-8000-000000000001"
ENTRY = {"subject": "core:1", "visible_to": ["public"], "content": {"rock": "basalt"}}

FUNCTION = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[1])
from app import handler
imported = time.perf_counter()
class Context:
    function_name, memory_limit_in_mb = "bench", 1024
    invoked_function_arn = aws_request_id = "bench"
    def get_remaining_time_in_millis(self): return 29_000
events = json.loads(sys.argv[2])
for event in events[:1]:
    answer = handler(event, Context())
ended = time.perf_counter()
modules = sorted(sys.modules)
for event in events:
    answer = handler(event, Context())
    assert answer["statusCode"] == 200, answer
status = open("/proc/self/status").read()
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(json.dumps({"import": imported - start, "request": ended - imported, "modules": modules,
                  "megabytes": peak}))
"""
USUAL = """
import json, sys, time
start = time.perf_counter()
import boto3
import opensearchpy
import pydantic
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
resolver = APIGatewayHttpResolver()
client = boto3.client("dynamodb")
print(json.dumps({"import": time.perf_counter() - start, "request": 0.0,
                  "modules": sorted(sys.modules)}))
"""


@dataclass(frozen=True)
class Surroundings:
    """What a function finds when it starts."""

    environment: dict[str, str]
    key: str
    index_id: str


def run(url: str, _sizes: list[int], _repeats: int) -> Iterator[Row]:
    with surroundings(url) as around:
        first = _measure(_requests(around), around.environment, ATTEMPTS, "import, first request")
        yield from first.values()
        for what in (SEARCH_GET, SEARCH_POST):
            yield compared(first[what], first[USUALLY], at_most(0.5))
        yield compared(first[INGEST], first[USUALLY], at_most(0.6))
        for what in (SEARCH_POST, INGEST):
            megabytes = first[what].details["megabytes"]
            assert isinstance(megabytes, float)
            case = f"{REQUESTS} requests"
            yield Row("memory", case, f"function {what}, peak", "MB", [megabytes])
        imports = {
            app.parent.name: [FUNCTION, str(app.parent), "[]"]
            for app in sorted((ROOT / "functions").glob("*/app.py"))
        }
        needed = {
            name: "x" * 32 for what in imports for name in settings.variables(what, required=True)
        }
        yield from _measure(imports, needed | around.environment, IMPORTS, "import").values()


def _requests(around: Surroundings) -> dict[str, list[str]]:
    """Scripts with what they are given: a folder, and the same request as often as it is served."""
    path = f"/v1/index/{around.index_id}"
    query = {"q": "basalt", "facets": [{"name": "r", "type": "terms", "field_name": "rock"}]}
    requests = {
        SEARCH_GET: ("search", event("GET", f"{path}/search", query="q=basalt")),
        SEARCH_POST: ("search", event("POST", f"{path}/search", body=json.dumps(query))),
        INGEST: (
            "ingest",
            event(
                "POST",
                f"{path}/ingest",
                headers={"authorization": f"Bearer {around.key}"},
                body=json.dumps({"ingest_type": "GMetaEntry", "ingest_data": ENTRY}),
            ),
        ),
    }
    functions = {
        what: [FUNCTION, str(ROOT / "functions" / folder), json.dumps([sent] * REQUESTS)]
        for what, (folder, sent) in requests.items()
    }
    return {USUALLY: [USUAL], **functions}


def _measure(
    commands: Mapping[str, list[str]], environment: Mapping[str, str], attempts: int, case: str
) -> dict[str, Row]:
    samples: dict[str, list[float]] = {what: [] for what in commands}
    details: dict[str, dict[str, object]] = {}
    for attempt in range(attempts + 1):
        for what, command in commands.items():
            measured = _fresh_process(command, environment)
            if attempt:  # the first one only fills the caches of the file system
                samples[what].append(1_000 * (measured["import"] + measured["request"]))
                details[what] = measured
    return {
        what: Row("startup", case, what, "ms", taken, details=details[what])
        for what, taken in samples.items()
    }


def _fresh_process(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    finished = subprocess.run(
        [sys.executable, "-c", *command],
        env={**environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


@contextmanager
def surroundings(url: str) -> Iterator[Surroundings]:
    with tempfile.TemporaryDirectory(prefix="garner-bench-") as folder:
        cloud = clouds.start(free_port(), Path(folder), persist=False)
        try:
            yield _prepared(cloud, url)
        finally:
            cloud.stop()


def _prepared(cloud: clouds.Cloud, url: str) -> Surroundings:
    create_table(cloud.client("dynamodb"))
    queue = cloud.client("sqs").create_queue(QueueName="doorbell")["QueueUrl"]
    table = Table(cloud.calls(DYNAMODB), ENVIRONMENT["TABLE_NAME"])
    caller = Caller(identity=OWNER, identities=frozenset({OWNER}), scopes=frozenset({SCOPE_ALL}))
    engine = EngineClient(url)
    indexes = OpenSearchIndexes(engine)
    record = create_index(
        IndexCreate(display_name="bench", description=""),
        caller,
        max_trial_indexes=1,
        indexes=DynamoIndexStore(table),
        roles=DynamoRoleStore(table),
        engine=indexes,
        clock=SystemClock(),
        ids=RandomIds(),
    )
    _make_searchable(engine, indexes, record.index_id)
    key = create_key(KeyRequest(OWNER), keys=DynamoKeyStore(table), clock=SystemClock())
    environment = {
        **ENVIRONMENT,
        "OPENSEARCH_URL": url,
        "DOORBELL_QUEUE_URL": queue,
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_DEFAULT_REGION": clouds.REGION,
        "AWS_ACCESS_KEY_ID": clouds.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": clouds.ACCESS_KEY,
        "PYTHONPATH": str(ROOT / "layers/shared"),
    }
    return Surroundings(environment, key, record.index_id)


def _make_searchable(engine: EngineClient, indexes: OpenSearchIndexes, index_id: str) -> None:
    fields = {"rock": FieldType.STRING}
    indexes.put_fields(index_id, fields, Schema(fields, version=1))
    entry = {"visible_to": ["public"], "content": ENTRY["content"]}
    document = {"subject": ENTRY["subject"], "live": True, "entries": [entry]}
    answer = engine.request("PUT", f"/{doc.write_alias(index_id)}/_doc/1", document)
    assert answer.ok
    indexes.refresh(index_id)
