"""Starts the local stack for tests, as `make run` does, in a process and a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3

from local.cloud import ACCESS_KEY, REGION
from local.processes import free_port
from tests.fakes.openapi import check_answer

START_SECONDS = 180.0
STOP_SECONDS = 60.0
HOST = "127.0.0.1"
PARAMETERS = {
    "LeaseSeconds": "6",
    "HeartbeatSeconds": "2",
    "VoidGraceSeconds": "1",
    "RingAfterSeconds": "2",
    "MaxOwnedTrialIndexes": "1000",
    "FetchAllowedNetworks": f"{HOST}/32",
    "HarvestLeaseSeconds": "5",
    "HarvestSliceSeconds": "5",
}


class StackDidNotStart(Exception):
    """The message is what the stack printed."""


@dataclass(frozen=True)
class RunningStack:
    """What stack.json says of a running stack, and the clients to look behind its API."""

    url: str
    index_id: str
    opensearch_url: str
    aws_endpoint_url: str
    stack_name: str
    pid: int
    keys: Mapping[str, Any]
    state: Path

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        person: str | None = "owner",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Any]:
        """Status and document of a call of the public API, which has to be as docs/openapi.json
        says; `person` None calls without a key. A body of bytes is sent as it is."""
        sent = dict(headers)
        if person:
            sent["Authorization"] = f"Bearer {self.keys[person]['key']}"
        form = {"body": body} if isinstance(body, bytes) else {"json": body}
        answer = urllib3.request(
            method, self.url + path, **form, headers=sent, retries=False, timeout=60
        )
        document = answer.json()
        check_answer(method, urlsplit(path).path, answer.status, document)
        return answer.status, document

    def aws(self, service: str) -> Any:
        """A boto3 client of the local cloud with root's rights."""
        return boto3.client(
            service,
            endpoint_url=self.aws_endpoint_url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=ACCESS_KEY,
        )

    def physical(self, logical_id: str) -> str:
        """The name that a resource of the template has in the local cloud."""
        resource = self.aws("cloudformation").describe_stack_resource(
            StackName=self.stack_name, LogicalResourceId=logical_id
        )
        name: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def sweep(self) -> None:
        """Runs the sweeper now instead of at the next minute."""
        self._run("SweeperFunction")

    def notify(self) -> None:
        """Tells the event bus and webhooks now instead of at the next minute."""
        self._run("NotifierFunction")

    def _run(self, function: str) -> None:
        answer = self.aws("lambda").invoke(FunctionName=self.physical(function), Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    def wait_for(self, task_id: str, seconds: float = 60) -> dict[str, Any]:
        """The task's document once its state is final."""
        deadline = time.monotonic() + seconds
        while True:
            status, task = self.call("GET", f"/v1/task/{task_id}")
            if status == 200 and task["state"] in ("SUCCESS", "FAILED", "CANCELLED"):
                return dict(task)
            if time.monotonic() > deadline:
                raise AssertionError(f"task {task_id} is not final after {seconds} s: {task}")
            time.sleep(0.1)


def environment(state: Path, **variables: str) -> dict[str, str]:
    """The variables under which `make run` uses free ports and keeps its files in `state`."""
    ports = {name: str(free_port()) for name in ("PORT", "AWS_PORT", "ENGINE_PORT")}
    parameters = " ".join(f"{name}={value}" for name, value in PARAMETERS.items())
    own = {"STATE": str(state), "SAMPLE": "0", "PARAMETERS": parameters}
    return {**os.environ, "PYTHONPATH": "layers/shared:.", **ports, **own, **variables}


@contextmanager
def run_stack(state: Path, **variables: str) -> Iterator[RunningStack]:
    """The stack while the block runs; afterwards nothing of it is left running."""
    log = state / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "run"],
            env=environment(state, **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait(process, state, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def _wait(process: subprocess.Popen[bytes], state: Path, log: Path) -> RunningStack:
    file = state / "stack.json"
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackDidNotStart(log.read_text())
        time.sleep(0.1)
    return RunningStack(state=state, **json.loads(file.read_text()))
