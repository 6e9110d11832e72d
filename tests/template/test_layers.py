"""The dependency layer as it is deployed: built for the target whatever machine builds it."""

import os
import subprocess
from pathlib import Path

import pytest

UNZIPPED_BYTES = 250_000_000  # Lambda's limit on a function with all its layers
BUDGET_BYTES = 110_000_000


@pytest.fixture(scope="module")
def layer(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("layer")
    subprocess.run(
        ["make", "--silent", "build-DependenciesLayer"],
        cwd="layers/dependencies",
        env=os.environ | {"ARTIFACTS_DIR": str(target)},
        check=True,
    )
    return target / "python"


def test_native_modules_are_those_of_the_deployed_runtime(layer) -> None:
    native = [path.name for path in layer.rglob("*.so")]
    assert any(name.startswith("orjson.cpython-313-aarch64") for name in native)
    assert not [name for name in native if "x86_64" in name or "cpython-311" in name]


def test_the_layer_stays_within_its_budget(layer) -> None:
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert size < BUDGET_BYTES < UNZIPPED_BYTES


def test_the_layer_holds_no_test_library(layer) -> None:
    assert not {"moto", "pytest", "opensearchpy"} & {path.name for path in layer.iterdir()}
