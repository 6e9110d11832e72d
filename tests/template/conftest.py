"""template.yaml as plain Python: `!Ref X` reads as {"Ref": "X"}, as in the JSON form."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.environments import ENVIRONMENTS

TEMPLATE = Path("template.yaml")


class _Loader(yaml.SafeLoader):
    pass


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader=_Loader)  # noqa: S506
    return loaded


@pytest.fixture(scope="session")
def transformed() -> dict[str, Any]:
    """The template as SAM hands it to CloudFormation."""
    python = ENVIRONMENTS["sam"][0] / "bin" / "python"
    script = Path(__file__).with_name("transformed.py")
    result = subprocess.run(
        [python, script], input=TEMPLATE.read_text(), capture_output=True, text=True, check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="session")
def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Logical id → properties."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
