"""Which room may import which (docs: architecture), and what functions must not load."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from osmem_server import OsmemServer

from garner.runtime import settings
from garner.storage.opensearch.client import EngineClient
from tests.fakes.api import event
from tests.fakes.query import Collection, entry

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "shared" / "garner"

MAY_IMPORT = {
    "errors": set(),
    "limits": set(),
    "domain": {"errors", "limits"},
    "contracts": {"errors", "limits", "domain"},
    "ports": {"errors", "limits", "domain"},
    "services": {"errors", "limits", "domain", "contracts", "ports"},
    "storage": {"errors", "limits", "domain", "ports"},
    "sources": {"errors", "limits", "domain", "ports"},
    "api": {"errors", "limits", "domain", "contracts", "ports", "services"},
    "runtime": {
        "errors",
        "limits",
        "domain",
        "contracts",
        "ports",
        "services",
        "storage",
        "sources",
        "api",
    },
}
"""Room → other rooms. The table of the architecture, with two things said more exactly: `api` reads
ports and domain for types, and contracts turn documents into domain objects."""

LIBRARIES = {
    "pydantic": {"contracts"},
    "boto3": {"storage", "runtime"},
    "botocore": {"storage"},
    "urllib3": {"storage", "sources"},
    "aws_lambda_powertools": {"api", "runtime"},
    "jwt": {"storage"},
    "opensearchpy": set(),
}
"""Library → the rooms that may know it."""


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file.name != "__init__.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(file: Path) -> None:
    room = _room(file)
    for name in _imports(file):
        parts = name.split(".")
        if parts[0] == "garner" and len(parts) > 1:
            assert parts[1] in MAY_IMPORT[room] | {room}, f"{room} imports {name}"
        assert room in LIBRARIES.get(parts[0], {room}), f"{room} imports {name}"


def test_domain_knows_nothing_outside() -> None:
    outside = {"pydantic", "boto3", "urllib3", "socket", "http", "requests", "subprocess"}
    for file in FILES:
        if _room(file) == "domain":
            assert outside.isdisjoint(name.split(".")[0] for name in _imports(file)), file


APPS = sorted((ROOT / "functions").glob("*/app.py"))


@pytest.mark.parametrize("file", APPS, ids=lambda file: file.parent.name)
def test_a_function_is_thin_and_knows_no_adapter(file: Path) -> None:
    assert len(file.read_text("utf-8").splitlines()) <= 60
    for name in _imports(file):
        if name.startswith("garner."):
            assert name.split(".")[1] not in ("storage", "sources"), name
        assert name.split(".")[0] not in ("boto3", "urllib3", "functions", "pydantic"), name


READING = (
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "cryptography",
    "http.client",
    "importlib.metadata",
    "jwt",
    "opensearchpy",
    "pydantic",
    "requests",
)
"""What no function loads whose requests are parameters or queries."""

FORBIDDEN = {
    "search": READING,
    "scroll": READING,
    "subject": READING,
    "entry": READING,
    "delete_by_query": READING,
    "ingest": (
        "opensearchpy",
        "jwt",
        "requests",
        "garner.domain.query",
        "garner.storage.opensearch",
    ),
    "batch_delete_by_subject": ("opensearchpy", "jwt", "garner.domain.query"),
    "task": ("opensearchpy", "jwt", "garner.domain.query", "garner.storage.opensearch"),
    "index": ("opensearchpy", "jwt", "garner.domain.query"),
    "role": ("opensearchpy", "jwt", "garner.domain.query", "garner.storage.opensearch"),
    "openapi": ("boto3", "urllib3", "opensearchpy", "jwt"),
    "not_found": ("boto3", "urllib3", "opensearchpy", "jwt"),
    "index_worker": ("opensearchpy", "jwt", "aws_lambda_powertools.event_handler"),
}
"""Function → modules that its start must not load: the lasting guard of start-up times."""


@pytest.mark.parametrize("function", sorted(FORBIDDEN))
def test_a_function_loads_nothing_that_it_does_not_use(function: str) -> None:
    started = f"import json, sys, functions.{function}.app; print(json.dumps(sorted(sys.modules)))"
    assert not _forbidden(function, json.loads(_fresh_process(function, started)))


def test_nor_does_the_first_search(server: OsmemServer) -> None:
    engine = EngineClient(server.url)
    collection = Collection(engine, str(uuid4()), {"core:1": [entry({"rock": "basalt"})]})
    engine.close()
    path = f"/v1/index/{collection.index_id}/search"
    query = {"q": "basalt", "filters": [{"type": "exists", "field_name": "rock"}]}
    query["facets"] = [{"field_name": "rock"}]
    events = [
        event("GET", path, query="q=basalt&limit=1"),
        event("POST", path, body=json.dumps(query)),
        event("POST", path, body=json.dumps({"q": 5})),
    ]
    script = (
        "import json, sys; from functions.search.app import handler;"
        "answers = [handler(event, None)['statusCode'] for event in json.loads(sys.argv[1])];"
        "print(json.dumps([answers, sorted(sys.modules)]))"
    )
    environment = {"OPENSEARCH_URL": server.url}
    answers, loaded = json.loads(
        _fresh_process("search", script, json.dumps(events), **environment)
    )
    assert answers == [200, 200, 400]
    assert not _forbidden("search", loaded)


@pytest.fixture
def server() -> Iterator[OsmemServer]:
    with OsmemServer.start() as server:
        yield server
    server.process.stdout.close()  # it leaves this to whoever started it


def _forbidden(function: str, loaded: list[str]) -> list[str]:
    prefixes = tuple(f"{name}." for name in FORBIDDEN[function])
    return [name for name in loaded if f"{name}.".startswith(prefixes)]


def _fresh_process(function: str, script: str, *arguments: str, **environment: str) -> str:
    """The last line that the script prints."""
    needed = dict.fromkeys(settings.variables(function, required=True), "x" * 32)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=needed
        | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'layers' / 'shared'}:{ROOT}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]
