"""Queues: a message that fails comes again, and takes no other with it."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from garner.runtime.batches import each_message
from tests.fakes.api import LambdaContext


def batch(*bodies: object) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "eventSource": "aws:sqs", "body": json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def fails_on_two(message: dict[str, Any], _: object) -> None:
    if message["n"] == 2:
        raise RuntimeError("a defect")


def test_only_what_failed_is_reported() -> None:
    handler = each_message(fails_on_two)
    answer = handler(batch({"n": 1}, {"n": 2}, {"n": 3}), LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_a_batch_that_fails_as_a_whole_is_an_error_of_the_function() -> None:
    done: list[bool] = []
    handler = each_message(fails_on_two, after=lambda: done.append(True))
    with pytest.raises(BatchProcessingError):
        handler(batch({"n": 2}), LambdaContext())
    assert done == [True]


def test_nothing_failed() -> None:
    assert each_message(fails_on_two)(batch({"n": 1}), LambdaContext()) == {"batchItemFailures": []}
