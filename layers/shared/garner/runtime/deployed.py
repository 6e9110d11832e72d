"""The settings of a deployed stack, for commands that an operator runs beside it."""

import os
from collections.abc import Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from garner.runtime.settings import SettingsError

WORKER = "IndexWorkerFunction"  # it has the table, the bucket, the queue, the engine and the key


def environment(stack: str | None) -> Mapping[str, str]:
    """The variables of the stack's index worker over our own; our own alone without a stack.

    Raises `SettingsError` if AWS does not tell them.
    """
    if not stack:
        return os.environ
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    try:
        variables = _variables(session, stack)
    except (BotoCoreError, ClientError) as error:
        raise SettingsError(f"The settings of the stack {stack} can't be read: {error}") from error
    return {**os.environ, "AWS_REGION": session.region_name, **variables}


def _variables(session: boto3.Session, stack: str) -> Mapping[str, str]:
    resource = session.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=WORKER
    )
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    function = session.client("lambda").get_function_configuration(FunctionName=name)
    return function["Environment"]["Variables"]
