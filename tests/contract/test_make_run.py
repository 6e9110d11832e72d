"""`make run` and `make stop` as a newcomer meets them."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.stack import environment

PEOPLE = {"owner", "writer", "reader", "curator", "admin"}
pytestmark = pytest.mark.xdist_group("stack")  # beside the other stack, not at the same time


def make(verb: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {name: text for name, text in variables.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", verb, f"PYTHON={sys.executable}"],
        env=clean,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def processes_of(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def test_run_loads_the_collection_answers_a_search_and_stop_leaves_nothing(tmp_path) -> None:
    variables = environment(tmp_path, DETACH="1", SAMPLE="1")
    started = make("run", variables)
    assert started.returncode == 0, started.stdout + started.stderr
    file = tmp_path / "stack.json"
    stack = json.loads(file.read_text())
    everything = processes_of(stack["pid"])
    try:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert set(stack["keys"]) == PEOPLE
        shared = set(stack["keys"]["reader"]["groups"]) & set(stack["keys"]["curator"]["groups"])
        assert len(shared) == 1
        found = re.search(r"(\d+) resources", started.stdout)
        assert found
        assert int(found[1]) > 20
        assert stack["url"] in started.stdout
        assert stack["keys"]["owner"]["key"] in started.stdout
        command = re.search(r"  (env HOME=.*\n.*)", started.stdout)
        assert command
        pasted = subprocess.run(
            ["bash", "-c", command[1]], capture_output=True, text=True, check=False
        )
        assert pasted.stdout.count("https://bioregistry.io/") == 3, pasted.stderr
        again = make("run", variables)
        assert again.returncode != 0
        assert "make stop" in again.stderr
    finally:
        stopped = make("stop", variables)
    assert stopped.returncode == 0, stopped.stderr
    assert not file.exists()
    assert psutil.wait_procs(everything, timeout=10)[1] == []


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "local", "run"],
            env=environment(tmp_path),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while "local cloud" not in log.read_text():
            assert process.poll() is None, log.read_text()
        everything = processes_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(120) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert psutil.wait_procs(everything, timeout=10)[1] == []
    assert "nothing is left running" in log.read_text()


def test_a_deployment_that_fails_says_why_and_leaves_nothing(tmp_path) -> None:
    result = make("run", environment(tmp_path, DETACH="1", PARAMETERS="LogLevel=LOUD"))
    assert result.returncode != 0
    assert "sam deploy failed" in result.stderr
    assert not (tmp_path / "stack.json").exists()
    assert not [p for p in psutil.process_iter() if str(tmp_path) in " ".join(_command(p))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return [*process.cmdline(), process.cwd()]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def test_a_taken_port_is_a_clear_error(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = make("run", environment(tmp_path, PORT=port))
    assert result.returncode != 0
    assert f"Port {port} for the API is taken" in result.stderr


def test_stop_without_a_stack_is_no_error(tmp_path) -> None:
    result = make("stop", environment(tmp_path))
    assert result.returncode == 0
    assert "No stack is running" in result.stdout


INVOCATIONS = {
    "events/api/search_get.json": "SearchFunction",
    "events/api/search_post.json": "SearchFunction",
    "events/api/ingest.json": "IngestFunction",
    "events/sqs/doorbell.json": "IndexWorkerFunction",
    "events/schedule/each_minute.json": "SweeperFunction",
}


@pytest.mark.parametrize("event", INVOCATIONS)
def test_invoke_runs_one_function_in_this_process(stack, event) -> None:
    variables = dict(os.environ, STATE=str(stack.state), FUNCTION=INVOCATIONS[event], EVENT=event)
    result = make("invoke", variables)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    if event.startswith("events/api"):
        assert answer["statusCode"] == 200, answer


def test_every_event_is_used() -> None:
    """Those of the API are served by their functions in `tests/functions/test_events.py`."""
    others = {str(path) for path in Path("events").rglob("*.json")} - {
        str(path) for path in Path("events/api").glob("*.json")
    }
    assert others <= set(INVOCATIONS)


def test_the_first_screen_of_the_readme_has_the_two_commands() -> None:
    first_screen = Path("README.md").read_text().splitlines()[:24]
    assert "    make run DETACH=1" in first_screen
    assert "    make test" in first_screen
    assert any("search?q=protein" in line for line in first_screen)
