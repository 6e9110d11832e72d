"""The unmodified JavaScript SDK against the running stack (needs Node.js 20 and npm)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("javascript")
MINUTES = 3


@pytest.fixture(scope="session")
def installed_sdk() -> Path:
    if not shutil.which("npm"):
        pytest.skip("the JavaScript SDK is left out: no npm on this machine")
    if not (DRIVER / "node_modules" / "@globus" / "sdk").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=DRIVER, check=True)
    return DRIVER


def test_javascript_sdk_lives_through_an_index(installed_sdk, stack) -> None:
    run = subprocess.run(
        ["node", "drive.mjs"],
        cwd=installed_sdk,
        env=os.environ
        | {
            "GLOBUS_SDK_SERVICE_URL_SEARCH": stack.url + "/",
            "GARNER_KEY": stack.keys["curator"]["key"],
            "GARNER_READER": stack.keys["reader"]["identity"],
        },
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "passed" in run.stdout.splitlines()[-1]
