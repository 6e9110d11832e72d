"""What tests against the running stack share."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.fakes.openapi import check_answer
from tests.stack import RunningStack

NewIndex = Callable[[list[dict[str, Any]]], str]


@pytest.fixture(autouse=True)
def checked_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the Python SDK gets is held against the OpenAPI document, too."""
    send = requests.Session.send

    def checked(
        session: requests.Session, request: requests.PreparedRequest, **more: Any
    ) -> requests.Response:
        answer = send(session, request, **more)
        path = urlsplit(str(request.url)).path
        check_answer(str(request.method), path, answer.status_code, answer.json())
        return answer

    monkeypatch.setattr(requests.Session, "send", checked)


@pytest.fixture
def new_index(stack: RunningStack) -> NewIndex:
    """Makes an index of the owner's with these entries in it, searchable, and returns its id."""

    def make(entries: list[dict[str, Any]]) -> str:
        status, created = stack.call(
            "POST", "/v1/index", {"display_name": "a test", "description": "made by a test"}
        )
        assert status == 200, created
        index_id: str = created["id"]
        if entries:
            document = {"ingest_type": "GMetaList", "ingest_data": {"gmeta": entries}}
            status, answer = stack.call("POST", f"/v1/index/{index_id}/ingest", document)
            assert status == 200, answer
            assert stack.wait_for(answer["task_id"])["state"] == "SUCCESS"
        return index_id

    return make
