"""Accepted work survives the death of the worker (ingest protocol 3 and F13)."""

import time
from contextlib import suppress
from typing import Any

import psutil
import pytest

from tests.stack import RunningStack

TASKS = 200
ENTRIES_PER_TASK = 5
SUBJECTS = 300  # fewer than entries: later tasks write over earlier ones
KILL_AFTER = (60, 130)
SECONDS = 150


def entries_of(task: int) -> list[dict[str, Any]]:
    numbers = range(task * ENTRIES_PER_TASK, (task + 1) * ENTRIES_PER_TASK)
    return [
        {
            "subject": f"s:{number % SUBJECTS}",
            "visible_to": ["public"],
            "content": {"task": task, "number": number},
        }
        for number in numbers
    ]


def kill_worker(stack: RunningStack, seconds: float = 60) -> None:
    """SIGKILL to a process that runs the index worker. The sweeper rings for what a worker that
    was killed before has left, so that another one comes up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        workers = worker_processes(stack)
        for process in workers:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if workers:
            return
        stack.sweep()
    raise AssertionError("no worker came up")


def worker_processes(stack: RunningStack) -> list[psutil.Process]:
    name = f"ministack-lambda-{stack.physical('IndexWorkerFunction')}-"
    found = []
    for process in psutil.Process(stack.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(name in argument for argument in process.cmdline()):
                found.append(process)
    return found


@pytest.fixture(scope="module")
def task_ids(stack: RunningStack) -> tuple[str, list[str]]:
    """The index and its tasks, in the order of their submission, two kills in between."""
    status, created = stack.call(
        "POST", "/v1/index", {"display_name": "kills", "description": "made by a test"}
    )
    assert status == 200, created
    index_id, ids = created["id"], []
    for task in range(TASKS):
        document = {"ingest_type": "GMetaList", "ingest_data": {"gmeta": entries_of(task)}}
        status, answer = stack.call("POST", f"/v1/index/{index_id}/ingest", document)
        assert status == 200, answer
        ids.append(answer["task_id"])
        if task in KILL_AFTER:
            kill_worker(stack)
    return index_id, ids


@pytest.fixture(scope="module")
def finished(stack: RunningStack, task_ids) -> list[dict[str, Any]]:
    """The final documents of the tasks; the sweeper runs each second instead of each minute."""
    deadline = time.monotonic() + SECONDS
    while stack.call("GET", f"/v1/task/{task_ids[1][-1]}")[1]["state"] != "SUCCESS":
        assert time.monotonic() < deadline, stack.call("GET", f"/v1/task/{task_ids[1][-1]}")
        stack.sweep()
        time.sleep(1)
    return [stack.call("GET", f"/v1/task/{task_id}")[1] for task_id in task_ids[1]]


def test_every_task_succeeds_though_the_worker_was_killed_twice(finished) -> None:
    assert {task["state"] for task in finished} == {"SUCCESS"}
    assert len(finished) == TASKS


def test_tasks_are_applied_in_the_order_they_were_accepted_in(finished) -> None:
    completed = [task["completion_date"] for task in finished]
    assert completed == sorted(completed)


def test_the_index_shows_what_the_log_says(stack, task_ids, finished) -> None:
    log = {entry["subject"]: entry["content"] for n in range(TASKS) for entry in entries_of(n)}
    status, found = stack.call("GET", f"/v1/index/{task_ids[0]}/search?q=*&limit=1000")
    assert status == 200
    shown = {result["subject"]: result["entries"][0]["content"] for result in found["gmeta"]}
    assert shown == log
