"""SIGKILL to the worker of a harvest in a certain phase, at the moment that loses the most.

The worker reaches the table through a gate of the test, which keeps back the first write that would
save what the worker did in that phase. The worker is killed while it waits for the answer, so no
phase can go by too fast to be hit.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import psutil
import urllib3

from garner.domain.harvest.run import Phase
from tests.contract.curator import Curator

SECONDS = 240
WORKER = "HarvestWorkerFunction"
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
SAVES = ("PutItem", "TransactWriteItems")  # renewals of the lease are updates and go through


@dataclass
class PhaseKiller:
    """Kills workers of one update; `hits` are the phases that the run was in when they died."""

    curator: Curator
    gate: "Gate"
    run_id: str
    hits: list[str] = field(default_factory=list)

    def kill_in_fetch(self) -> None:
        """The crawler has no gate: whoever calls this holds back the page that it waits for."""
        self._kill("FetchWorkerFunction")

    def kill_in(self, phase: Phase) -> None:
        """The worker has done a slice of this phase and saved nothing of it."""
        with self.gate.keeping_back(self.run_id, phase) as came:
            self.resume()
            assert came.wait(SECONDS), f"no worker saved anything in the phase {phase}"
            self._kill(WORKER)

    def resume(self) -> None:
        """Sweeps once when the dead worker's lease is over, and waits until somebody has the run.
        (More rings than one would make workers take the run from each other.)"""
        dead = self.curator.run_item(self.run_id)
        time.sleep(max(dead.lease_until - time.time(), 0))
        self.curator.sweep()
        deadline = time.monotonic() + SECONDS
        while self.curator.run_item(self.run_id).fence == dead.fence:
            assert time.monotonic() < deadline, "nobody took the run"
            time.sleep(0.1)

    def _kill(self, function: str) -> None:
        """The processes in which the local cloud runs this function."""
        name = f"ministack-lambda-{self.curator.physical(function)}-"
        killed = 0
        for process in psutil.Process(self.curator.stack.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if any(name in argument for argument in process.cmdline()):
                    process.kill()
                    killed += 1
        assert killed, f"no process runs {function}"
        self.hits.append(self.curator.run_item(self.run_id).phase.value)


class Gate(ThreadingHTTPServer):
    """Passes requests on to the table, but for one that is to be kept back."""

    daemon_threads = True

    def __init__(self, curator: Curator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.curator = curator
        self.table = urllib3.PoolManager(maxsize=8)
        self._armed: tuple[str, Phase] | None = None
        self._came, self._over = Event(), Event()

    @contextmanager
    def keeping_back(self, run_id: str, phase: Phase) -> Iterator[Event]:
        """Sets the event when a write that saves the run in this phase is kept back. It is never
        passed on; its sender waits until the block ends."""
        self._came, self._over = Event(), Event()
        self._armed = run_id, phase
        try:
            yield self._came
        finally:
            self._armed = None
            self._over.set()

    def keeps_back(self, operation: str, body: bytes) -> bool:
        armed, over = self._armed, self._over
        if armed is None or operation not in SAVES or b'"RUN"' not in body:
            return False
        run_id, phase = armed
        if run_id.encode() not in body:
            return False
        now = self.curator.run_item(run_id)
        if now.phase is not phase or not now.is_held:  # not held: this write takes the lease
            return False
        self._came.set()
        over.wait(SECONDS)
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed does not wait for its answer."""


class _Handler(BaseHTTPRequestHandler):
    server: Gate
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        if self.server.keeps_back(operation, body):
            self.close_connection = True
            return
        answer = self.server.table.request(
            "POST",
            self.server.curator.stack.aws_endpoint_url,
            body=body,
            headers=dict(self.headers),
            retries=False,
        )
        self.send_response(answer.status)
        for name in ("Content-Type", "x-amzn-RequestId", "x-amz-crc32"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def gated(curator: Curator) -> Iterator[Gate]:
    """While the block runs, the worker's calls of the table go through the gate."""
    gate = Gate(curator)
    Thread(target=gate.serve_forever, daemon=True).start()
    cloud = curator.stack.aws("lambda")
    function = {"FunctionName": curator.physical(WORKER)}
    (alias,) = cloud.list_aliases(**function)["Aliases"]
    before = cloud.get_function_configuration(**function)["Environment"]["Variables"]
    host, port = gate.server_address[:2]
    variables = before | {ENDPOINT: f"http://{host!s}:{port}"}
    try:
        cloud.update_function_configuration(**function, Environment={"Variables": variables})
        led = cloud.publish_version(**function)["Version"]
        assert led != alias["FunctionVersion"]
        cloud.update_alias(**function, Name=alias["Name"], FunctionVersion=led)
        yield gate
    finally:
        cloud.update_alias(**function, Name=alias["Name"], FunctionVersion=alias["FunctionVersion"])
        cloud.update_function_configuration(**function, Environment={"Variables": before})
        gate.shutdown()
        gate.server_close()
