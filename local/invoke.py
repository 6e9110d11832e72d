"""Runs one function on one event in this process, with the settings of the running stack.

No Docker and no deployment in between: a breakpoint in the function's code works.
"""

import importlib.util
import json
import os
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

from local.cloud import ACCESS_KEY, REGION
from local.environments import ROOT
from local.processes import StartFailed

SECONDS = 300
PLACEHOLDER = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d"  # the index of the files in events/


@dataclass
class Context:
    """What Lambda tells a function about its call."""

    function_name: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:local"

    def get_remaining_time_in_millis(self) -> int:
        return SECONDS * 1000


def invoke(stack: dict[str, Any], function: str, event_file: Path) -> int:
    """Prints the function's answer, and on standard error what it logs.

    The placeholder in the event is the running stack's index; who calls the API is its owner.
    """
    event = json.loads(event_file.read_text().replace(PLACEHOLDER, stack["index_id"]))
    if "headers" in event:
        event["headers"].setdefault("authorization", f"Bearer {stack['keys']['owner']['key']}")
    os.environ.update(_settings(stack, function))
    with redirect_stdout(sys.stderr):
        answer = _load(function).handler(event, Context(function))
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return 0


def folder_of(function: str) -> Path:
    """The folder of a logical id: SearchFunction is functions/search."""
    words = re.findall("[A-Z][a-z0-9]*", function.removesuffix("Function"))
    return ROOT / "functions" / "_".join(words).lower()


def _load(function: str) -> ModuleType:
    file = folder_of(function) / "app.py"
    if not file.exists():
        raise StartFailed(f"FUNCTION={function}: there is no {file.relative_to(ROOT)}")
    sys.path.insert(0, str(ROOT / "layers" / "shared"))
    specification = importlib.util.spec_from_file_location("app", file)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _settings(stack: dict[str, Any], function: str) -> dict[str, str]:
    aws = {
        "AWS_ENDPOINT_URL": stack["aws_endpoint_url"],
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
    }
    os.environ.update(aws)
    resource = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack["stack_name"], LogicalResourceId=function
    )
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=name)
    return {**aws, **configuration["Environment"]["Variables"]}
