"""Children of the local stack end with their parent; ports that are taken are named."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.processes import Child, StartFailed, minimal_environment, require_free

LISTENS_TO_STDIN = "import sys; print('up', flush=True); sys.stdin.read()"
DEAF_WITH_A_CHILD = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(child.pid, flush=True); time.sleep(600)"
)


def start(code: str, log: Path) -> Child:
    child = Child("A test", [sys.executable, "-c", code], minimal_environment(), log)
    child.wait_until(lambda: bool(log.read_text().strip()), 20)
    return child


def test_a_child_that_hears_its_input_close_ends_by_itself(tmp_path) -> None:
    child = start(LISTENS_TO_STDIN, tmp_path / "log")
    child.stop(20)
    assert child.ended


def test_a_child_that_does_not_is_ended_with_all_it_started(tmp_path) -> None:
    child = start(DEAF_WITH_A_CHILD, tmp_path / "log")
    grandchild = psutil.Process(int((tmp_path / "log").read_text()))
    child.stop(0.1)
    grandchild.wait(20)
    assert child.ended


def test_a_child_ends_when_its_parent_is_killed(tmp_path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from local.processes import *; "
        f"log = Path({str(tmp_path / 'log')!r}); "
        f"child = Child('x', [sys.executable, '-c', {LISTENS_TO_STDIN!r}], os.environ, log); "
        "child.wait_until(lambda: bool(log.read_text()), 20); "
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    parent = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    pid = int(parent.stdout)
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(20)


def test_a_child_that_ends_too_early_is_told_with_its_last_words(tmp_path) -> None:
    child = Child(
        "The engine",
        [sys.executable, "-c", "raise SystemExit('no memory')"],
        minimal_environment(),
        tmp_path / "log",
    )
    with pytest.raises(StartFailed, match=r"The engine ended(.|\n)*no memory"):
        child.wait_until(lambda: False, 20)
    child.stop(1)


def test_a_taken_port_is_named_with_the_variable_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=rf"Port {port} .*make run PORT={port + 1}"):
            require_free(port, "PORT", "the API")


def test_children_see_nothing_of_our_credentials(monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    assert "AWS_SECRET_ACCESS_KEY" not in minimal_environment()
