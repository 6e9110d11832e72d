"""The event files: current, and each of them is served by its function with an answer that the
OpenAPI document describes."""

import json
from pathlib import Path

import pytest

from tests.fakes.api import Service, send
from tests.fakes.openapi import check_answer
from tools import events


def test_the_event_files_are_what_the_routes_are() -> None:
    for path, text in events.files().items():
        assert path.read_text("utf-8") == text, "run python -m tools.events"


ELSEWHERE = ("page", "openapi")  # functions without stores: test_openapi
SERVED = [path for path in sorted(events.EVENTS.glob("*.json")) if path.stem not in ELSEWHERE]


@pytest.mark.parametrize("path", SERVED, ids=lambda path: path.stem)
def test_an_event_gets_an_answer_of_its_route(service: Service, path: Path) -> None:
    sent = json.loads(path.read_text("utf-8"))
    http = sent["requestContext"]["http"]
    answer = send(service.api(service.function_of(http["method"], http["path"])), sent)

    assert answer.status in (401, 404)  # nobody, and an index that is not there
    check_answer(http["method"], http["path"], answer.status, answer.json)
