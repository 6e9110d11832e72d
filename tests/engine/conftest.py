"""Every case of this folder runs on both engines: `-k osmem` or `-k opensearch` picks one."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from garner.storage.opensearch.client import EngineClient
from local import engine as engines
from local.processes import free_port

_PROCESSES: dict[str, tuple[EngineClient, int]] = {}


@pytest.fixture(scope="session", params=["osmem", "opensearch"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineClient]:
    """A client of a running engine, one engine for the whole run: make an index of your own."""
    try:
        running = engines.start(request.param, free_port(), tmp_path_factory.mktemp(request.param))
    except engines.ToolMissing as reason:
        pytest.skip(f"{request.param} was left out: {reason}")
    client = EngineClient(running.url)
    assert running.child
    _PROCESSES[running.url] = client, running.child.pid
    yield client
    client.close()
    running.stop()


@pytest.fixture
def engine_pid(engine: EngineClient) -> int:
    """The process of the engine, to stop and continue it."""
    return next(pid for client, pid in _PROCESSES.values() if client is engine)


@pytest.fixture
def only_opensearch(request: pytest.FixtureRequest) -> None:
    """For what osmem does not do; `docs/engines.md` lists it."""
    if request.node.callspec.params["engine"] == "osmem":
        pytest.skip("osmem does not do this (docs/engines.md)")


@pytest.fixture
def index_id() -> str:
    """The id of an index that does not exist yet."""
    return str(uuid4())
