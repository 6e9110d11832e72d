"""Each function runs with its own rights and no others: IAM is evaluated in the local cloud."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.stack import RunningStack

ENTRY = {
    "ingest_type": "GMetaEntry",
    "ingest_data": {"subject": "s", "visible_to": ["public"], "content": {"a": 1}},
}


@contextmanager
def without_statement(stack: RunningStack, function: str, sid: str) -> Iterator[None]:
    """Takes one statement out of the deployed policy of a function for the time of the block."""
    iam, role = stack.aws("iam"), stack.physical(f"{function}Role")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = policy | {"Statement": [each for each in policy["Statement"] if each["Sid"] != sid]}
    assert len(less["Statement"]) == len(policy["Statement"]) - 1
    _put(iam, role, name, less)
    try:
        yield
    finally:
        _put(iam, role, name, policy)


def _put(iam: Any, role: str, name: str, policy: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


def log_of(stack: RunningStack) -> str:
    logs, group = stack.aws("logs"), stack.physical("LogGroup")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in pages for event in page["events"])


@pytest.mark.parametrize("sid", ["RecordTasks"])
def test_a_function_without_one_of_its_statements_is_refused(stack, new_index, sid) -> None:
    index_id = new_index([])
    path = f"/v1/index/{index_id}/ingest"
    assert stack.call("POST", path, ENTRY)[0] == 200
    with without_statement(stack, "IngestFunction", sid):
        status, document = stack.call("POST", path, ENTRY)
        assert status >= 500
        assert document["@datatype"] == "GError"
        assert "AccessDenied" in log_of(stack)
    assert stack.call("POST", path, ENTRY)[0] == 200
