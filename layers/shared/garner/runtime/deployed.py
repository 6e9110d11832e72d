"""The settings of a deployed stack, for commands that an operator runs beside it."""

import os
from collections.abc import Mapping

import boto3

WORKER = "IndexWorkerFunction"  # it has the table, the bucket, the queue, the engine and the key


def environment(stack: str | None) -> Mapping[str, str]:
    """The variables of the stack's index worker over our own; our own alone without a stack."""
    if not stack:
        return os.environ
    resource = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=WORKER
    )
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    client = boto3.client("lambda")
    function = client.get_function_configuration(FunctionName=name)
    region = {"AWS_REGION": client.meta.region_name}
    return {**os.environ, **region, **function["Environment"]["Variables"]}
