"""The sample receiver of the documentation believes our events and no others."""

import importlib.util
import threading
import time
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any

import orjson
import pytest
import urllib3

from garner.domain.webhooks import SIGNATURE_HEADER, signature

SECRET = "whsec_0123456789"
BODY = orjson.dumps({"task_id": "t", "state": "SUCCESS", "counts": {"applied": 1}}).decode()


@pytest.fixture(scope="module")
def receiver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("receiver", Path("docs/webhook_receiver.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def events() -> Queue[dict[str, Any]]:
    """The receiver answers first and tells of the event afterwards, in a thread of its own."""
    return Queue()


@pytest.fixture
def address(receiver: ModuleType, events: Queue[dict[str, Any]]) -> Iterator[str]:
    class Quiet(receiver.handler(SECRET, events.put)):  # type: ignore[misc]
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


def post(address: str, header: str, body: str = BODY) -> int:
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", address, body=body, headers={SIGNATURE_HEADER: header})
        return answer.status


def test_an_event_of_ours_is_taken(address: str, events: Queue[dict[str, Any]]) -> None:
    assert post(address, signature(SECRET, int(time.time()), BODY)) == 204
    assert events.get(timeout=10)["state"] == "SUCCESS"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "nonsense",
        signature("another secret", int(time.time()), BODY),
        signature(SECRET, int(time.time()), BODY + " "),
        signature(SECRET, int(time.time()) - 600, BODY),
        f"t={int(time.time())},v1=é".encode().decode("latin-1"),
    ],
    ids=[
        "empty",
        "blank",
        "nonsense",
        "secret",
        "body",
        "old",
        "bytes",
    ],  # the same at every import
)
def test_what_is_not_signed_so_is_refused(
    address: str, events: Queue[dict[str, Any]], header: str
) -> None:
    assert post(address, header) == 401
    assert events.empty()


def test_the_report_says_how_the_task_ended(
    receiver: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.report(orjson.loads(BODY))
    assert capsys.readouterr().out == "t SUCCESS {'applied': 1}\n"
