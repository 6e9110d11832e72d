"""`make bench-fairness`: does a small task wait because another index has a large backlog?

On the running local stack (`make run DETACH=1`): how long a task of one entry takes from its
answer to SUCCESS on index B, first with nothing else to do, then while the worker applies a backlog
of 100,000 entries of index A. The backlog is accepted while no doorbell is answered, so that the
doorbells that it leaves in the queue can be counted.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import boto3

from bench.soak import STACK_FILE, TERMINAL, Service, sweep
from local.cloud import ACCESS_KEY, REGION

CLIENTS = 8
POLL_SECONDS = 0.02
READS = 20
PATIENCE_SECONDS = 600.0


class Doorbells:
    """The queue of doorbells in the local cloud."""

    def __init__(self, stack: dict[str, Any]) -> None:
        self._stack = stack
        outputs = self._client("cloudformation").describe_stacks(StackName=stack["stack_name"])
        values = {
            each["OutputKey"]: each["OutputValue"] for each in outputs["Stacks"][0]["Outputs"]
        }
        self._queue = values["DoorbellQueueUrl"]

    def _client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self._stack["aws_endpoint_url"],
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=ACCESS_KEY,
        )

    def waiting(self) -> int:
        """Those that no worker has taken; the ones of killed workers come back much later."""
        name = "ApproximateNumberOfMessages"
        found = self._client("sqs").get_queue_attributes(
            QueueUrl=self._queue, AttributeNames=[name]
        )
        return int(found["Attributes"][name])

    @contextmanager
    def unanswered(self) -> Iterator[None]:
        """No worker starts for the time of the block."""
        functions, name = self._client("lambda"), self._queue.rpartition("/")[2]
        (source,) = [
            each["UUID"]
            for each in functions.list_event_source_mappings()["EventSourceMappings"]
            if each["EventSourceArn"].endswith(f":{name}")
        ]
        functions.update_event_source_mapping(UUID=source, Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=source, Enabled=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="make bench-fairness")
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--entries", type=int, default=100, help="of each task of the backlog")
    parser.add_argument("--samples", type=int, default=20)
    asked = parser.parse_args()
    if not STACK_FILE.exists():
        raise SystemExit("There is no running stack: start it with `make run DETACH=1`.")
    stack = json.loads(STACK_FILE.read_text())
    service, doorbells = Service(stack["url"], stack["keys"]["owner"]["key"]), Doorbells(stack)
    large, small = (make_index(service, name) for name in ("large", "small"))
    try:
        report(*measure(service, doorbells, large, small, asked), asked)
    finally:
        for index_id in (large, small):
            service.must("DELETE", f"/v1/index/{index_id}")
    return 0


def measure(
    service: Service, doorbells: Doorbells, large: str, small: str, asked: argparse.Namespace
) -> tuple[int, list[float], list[float], bool]:
    """`(doorbells, seconds alone, seconds beside the backlog, whether it lasted)`."""
    one_small_task(service, small)  # workers and functions are warm
    alone = [one_small_task(service, small) for _ in range(asked.samples)]
    show_reads("alone", service, small)
    with doorbells.unanswered():
        last = submit_backlog(service, large, asked.tasks, asked.entries)
        rung = doorbells.waiting()
    beside: list[float] = []
    sweep()  # what makes sure that the drain has begun
    while len(beside) < asked.samples and state(service, last) not in TERMINAL:
        beside.append(one_small_task(service, small))
    show_reads("beside the backlog", service, small)
    return rung, alone, beside, state(service, last) not in TERMINAL


def show_reads(what: str, service: Service, index_id: str) -> None:
    """How long one read of the API takes: what machine and local cloud account for."""
    seconds = []
    for _ in range(READS):
        started = time.perf_counter()
        service.must("GET", f"/v1/index/{index_id}")
        seconds.append(time.perf_counter() - started)
    print(f"one read of the API, {what}: median {statistics.median(seconds):.3f} s", flush=True)


def make_index(service: Service, name: str) -> str:
    body = {"display_name": name, "description": "bench"}
    index_id: str = service.must("POST", "/v1/index", body)["id"]
    return index_id


def submit_backlog(service: Service, index_id: str, tasks: int, entries: int) -> str:
    """The id of the newest task."""

    def submit(task: int) -> str:
        gmeta = [
            {
                "subject": f"s:{number}",
                "visible_to": ["public"],
                "content": {"number": number, "note": f"entry {number} of the backlog"},
            }
            for number in range(task * entries, (task + 1) * entries)
        ]
        body = {"ingest_type": "GMetaList", "ingest_data": {"gmeta": gmeta}}
        task_id: str = service.must("POST", f"/v1/index/{index_id}/ingest", body)["task_id"]
        return task_id

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(submit, range(tasks - 1)))
    return submit(tasks - 1)


def one_small_task(service: Service, index_id: str) -> float:
    """Seconds from the answer to SUCCESS."""
    entry = {"subject": "s", "visible_to": ["public"], "content": {"at": time.time()}}
    body = {"ingest_type": "GMetaEntry", "ingest_data": entry}
    task_id = service.must("POST", f"/v1/index/{index_id}/ingest", body)["task_id"]
    accepted = time.perf_counter()
    wait_for(service, task_id)
    return time.perf_counter() - accepted


def wait_for(service: Service, task_id: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while (now := state(service, task_id)) not in TERMINAL:
        if time.monotonic() > end:
            raise SystemExit(f"task {task_id} is still {now} after {PATIENCE_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    if now != "SUCCESS":
        raise SystemExit(f"task {task_id} ended {now}")


def state(service: Service, task_id: str) -> str:
    found: str = service.must("GET", f"/v1/task/{task_id}")["state"]
    return found


def report(
    rung: int, alone: list[float], beside: list[float], lasted: bool, asked: argparse.Namespace
) -> None:
    backlog = f"{asked.tasks * asked.entries:,} entries in {asked.tasks:,} tasks of index A"
    print(f"{backlog}: {rung} doorbell(s) in the queue")
    for what, seconds in (("alone", alone), ("beside the backlog", beside)):
        print(
            f"one entry on index B, {what}: median {statistics.median(seconds):.3f} s,"
            f" longest {max(seconds):.3f} s, {len(seconds)} samples"
        )
    ratio = statistics.median(beside) / statistics.median(alone)
    print(f"ratio {ratio:.2f}; the backlog {'outlasted' if lasted else 'ended with'} the samples")


if __name__ == "__main__":
    sys.exit(main())
