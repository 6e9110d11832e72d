"""The settings of a deployed stack, for commands that an operator runs beside it."""

import os
from collections.abc import Mapping

from garner.storage.deployed import variables

WORKER = "IndexWorkerFunction"  # it has the table, the bucket, the queue, the engine and the key


def environment(stack: str | None) -> Mapping[str, str]:
    """The variables of the stack's index worker over our own; our own alone without a stack.

    Raises `Unavailable` if AWS does not tell them.
    """
    if not stack:
        return os.environ
    return {**os.environ, **variables(stack, WORKER, os.environ.get("AWS_REGION"))}
