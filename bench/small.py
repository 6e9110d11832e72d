"""Small tasks: 2,000 PUTs of one entry from 16 clients, and what 2,000 waiting ones cost.

The entry function is called as Lambda calls it, on the local cloud's table and queue; a worker
process takes doorbells from the queue, as the event source would, and applies to the real engine.
The times from accept to SUCCESS are those that the log recorded.
"""

import json
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import boto3

from bench.documents import SHORT, Packages
from bench.report import Row, bounded, percentile
from bench.startup import Surroundings, surroundings
from garner.domain.tasks import Task, TaskState
from garner.ports.engine_writer import ItemResult, Write
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.start import search_api
from garner.services.drain import drain
from garner.storage.opensearch.bulk import OpenSearchWriter
from local.cloud import ACCESS_KEY, REGION
from tests.fakes.api import LambdaContext, event, routes_of

TASKS, CLIENTS = 2_000, 16
MOST_BULKS = 40
PATIENCE_SECONDS = 300.0
LIFETIME_SECONDS = 840.0


def run(url: str, _sizes: list[int], _repeats: int) -> Iterator[Row]:
    with surroundings(url) as around:
        os.environ.update(around.environment)  # of this process's own calls, too
        yield from _with_a_worker(around)
        yield from _waiting(around)


def _with_a_worker(around: Surroundings) -> Iterator[Row]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    worker = context.Process(target=_work, args=(around.environment, stop))
    worker.start()
    started = time.perf_counter()
    _put_all(around)
    accepted = time.perf_counter() - started
    tasks = _wait_for_all(around)
    stop.set()
    worker.join()
    taken = [
        1_000 * (task.completed_at - task.created_at)
        for task in tasks
        if task.completed_at is not None
    ]
    span = max(task.completed_at or 0 for task in tasks) - min(task.created_at for task in tasks)
    case = f"{TASKS:,} PUTs from {CLIENTS} clients"
    yield Row("small tasks", case, "accepted", "tasks/s", [TASKS / accepted])
    yield Row("small tasks", case, "applied", "tasks/s", [TASKS / span])
    yield Row("small tasks", case, "accept to SUCCESS, p50", "ms", [percentile(taken, 50)])
    yield Row("small tasks", case, "accept to SUCCESS, p99", "ms", [percentile(taken, 99)])


def _waiting(around: Surroundings) -> Iterator[Row]:
    _put_all(around)
    container = _worker(around.environment)
    writer = CountingWriter(container.engine)
    container.__dict__["writer"] = writer
    started = time.perf_counter()
    drain(around.index_id, ports=container.draining(LIFETIME_SECONDS))
    seconds = time.perf_counter() - started
    _wait_for_all(around)
    case = f"{TASKS:,} tasks that wait"
    yield Row("small tasks", case, "drained", "tasks/s", [TASKS / seconds])
    yield bounded(Row("small tasks", case, "bulks", "_bulk calls", [writer.bulks]), MOST_BULKS)


class CountingWriter(OpenSearchWriter):
    bulks = 0

    def bulk(self, index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        self.bulks += 1
        return super().bulk(index_id, writes)


def _put_all(around: Surroundings) -> None:
    local = threading.local()
    path = f"/v1/index/{around.index_id}/entry"
    headers = {"authorization": f"Bearer {around.key}"}

    def put(entry: dict[str, Any]) -> None:
        if not hasattr(local, "api"):  # a process of Lambda serves one request at a time
            container = Container(settings.load("entry", around.environment))
            local.api = search_api(routes_of("entry"), container)
        answer = local.api(
            event("PUT", path, headers=headers, body=json.dumps(entry)), LambdaContext()
        )
        assert answer["statusCode"] == 200, answer

    routes_of("entry")
    logging.getLogger("garner").setLevel(logging.WARNING)
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        ThreadPoolExecutor(CLIENTS) as clients,
    ):
        for _ in clients.map(put, Packages(SHORT).entries(TASKS)):
            pass


def _wait_for_all(around: Surroundings) -> list[Task]:
    """The tasks of the last round, all of them final."""
    log = _worker(around.environment).task_log
    deadline = time.monotonic() + PATIENCE_SECONDS
    while log.cursor(around.index_id).applied < (last := log.head(around.index_id).head):
        assert time.monotonic() < deadline, "the worker does not get there"
        time.sleep(0.05)
    slots = range(last - TASKS + 1, last + 1)
    tasks = list(log.tasks(around.index_id, slots).values())
    assert {task.state for task in tasks} == {TaskState.SUCCESS}
    return tasks


def _worker(environment: dict[str, str]) -> Container:
    return Container(settings.load("index_worker", environment))


def _work(environment: dict[str, str], stop: Event) -> None:
    """A doorbell at a time, until it is told to stop."""
    os.environ.update(environment)
    container = _worker(environment)
    queue = environment["DOORBELL_QUEUE_URL"]
    sqs = boto3.client(
        "sqs",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_KEY,
    )
    while not stop.is_set():
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            index_id = json.loads(message["Body"])["index_id"]
            drain(index_id, ports=container.draining(LIFETIME_SECONDS))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
