"""What a deployed stack says of itself."""

from collections.abc import Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import Unavailable


def variables(stack: str, logical_id: str, region: str | None) -> Mapping[str, str]:
    """The environment of one of the stack's functions, and AWS_REGION. Raises `Unavailable`."""
    session = boto3.Session(region_name=region)
    try:
        resource = session.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=logical_id
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        function = session.client("lambda").get_function_configuration(FunctionName=name)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(f"The settings of the stack {stack} can't be read: {error}") from error
    return {"AWS_REGION": session.region_name, **function["Environment"]["Variables"]}
