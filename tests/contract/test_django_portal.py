"""The unmodified Django portal framework against the running stack, in its own environment."""

import os
import subprocess
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("portal") / "drive.py"
PYTHON = Path(os.environ.get("GARNER_PORTAL_PYTHON", ".local/tools/portal/bin/python"))


def minerals() -> list[dict[str, object]]:
    return [
        {
            "subject": f"mineral:{n}",
            "visible_to": ["public"],
            "content": {
                "name": f"mineral {n}",
                "hardness": n % 10 + 1 if n < 20 else 3,
                "found": {
                    "country": "Iceland" if n % 2 else "Norway",
                    "on": f"{2019 + n % 3}-05-{n + 1:02d}",
                },
            },
        }
        for n in range(25)
    ]


@pytest.mark.skipif(
    not PYTHON.exists(),
    reason="the portal framework's environment is left out: `make test` makes it",
)
def test_django_portal_searches_facets_and_shows_a_subject(new_index, stack) -> None:
    index_id = new_index(minerals())
    run = subprocess.run(
        [PYTHON, DRIVER, index_id],
        env=os.environ | {"GLOBUS_SDK_SERVICE_URL_SEARCH": stack.url + "/"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip().endswith("passed")
