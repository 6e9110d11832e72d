"""Who is told of a task that has ended, on the running stack: webhooks over HTTPS, read by the
receiver of the documentation, and the event bus."""

import json
import runpy
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any

import pytest

from tests.contract.conftest import NewIndex
from tests.contract.test_ingest_extensions import accepted, entry, gmeta
from tests.stack import HOST, RunningStack

SECONDS = 20
RECEIVER = runpy.run_path("docs/webhook_receiver.py")


class Inbox:
    """A receiver that answers 503 to the first `failures` requests; `events` are those that it
    believed."""

    def __init__(self, stack: RunningStack, failures: int = 0) -> None:
        self.events: Queue[dict[str, Any]] = Queue()
        self.secret = ""
        self.failures = failures
        self._server = HTTPServer((HOST, 0), self._handle)  # type: ignore[arg-type]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stack.state / f"{HOST}.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"https://{HOST}:{self._server.server_address[1]}/told"

    def _handle(self, *connection: Any) -> None:
        inbox, believing = self, RECEIVER["handler"](self.secret, self.events.put)

        class Handler(believing):  # type: ignore[misc,valid-type]
            def do_POST(self) -> None:  # noqa: N802 - the name is the library's
                if not inbox.failures:
                    super().do_POST()
                    return
                inbox.failures -= 1
                self.send_error(503)

            def log_message(self, *_: object) -> None:
                pass

        Handler(*connection)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def told(stack: RunningStack, index_id: str, failures: int = 0) -> Iterator[tuple[Inbox, str]]:
    """An inbox that is registered as a webhook, and the path of the webhook."""
    inbox = Inbox(stack, failures)
    try:
        path = f"/v1/index/{index_id}/webhook"
        status, webhook = stack.call("POST", path, {"url": inbox.url})
        assert status == 200, webhook
        inbox.secret = webhook["secret"]
        yield inbox, f"{path}/{webhook['id']}"
    finally:
        inbox.close()


def next_event(stack: RunningStack, inbox: Inbox) -> dict[str, Any]:
    """The next event that the receiver believes; the notifier runs until then."""
    deadline = time.monotonic() + SECONDS
    while True:
        stack.notify()
        try:
            return inbox.events.get(timeout=0.5)
        except Empty:
            assert time.monotonic() < deadline, "no event came"


def deliveries(stack: RunningStack, webhook: str) -> list[dict[str, Any]]:
    status, log = stack.call("GET", f"{webhook}/deliveries")
    assert status == 200
    rows: list[dict[str, Any]] = log["deliveries"]
    return rows


def make_due(stack: RunningStack, task_id: str) -> None:
    """The next try of a delivery is now: what waits for a minute is moved in the table."""
    table, name = stack.aws("dynamodb"), stack.physical("Table")
    (item,) = table.scan(
        TableName=name,
        FilterExpression="sk = :task AND begins_with(pk, :kind)",
        ExpressionAttributeValues={":task": {"S": task_id}, ":kind": {"S": "D#"}},
    )["Items"]
    table.update_item(
        TableName=name,
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="SET due_at = :now",
        ExpressionAttributeValues={":now": {"N": str(time.time())}},
    )


@pytest.fixture
def index_id(new_index: NewIndex) -> str:
    return new_index([])


def finished(stack: RunningStack, index_id: str, subject: str) -> str:
    """The id of a task that has ended."""
    document = gmeta(entry(subject, depth=1))
    task_id = accepted(stack, "POST", f"/v1/index/{index_id}/ingest", document)
    assert stack.wait_for(task_id)["state"] == "SUCCESS"
    return task_id


def test_a_webhook_is_told_over_https_with_a_signature(stack, index_id) -> None:
    with told(stack, index_id) as (inbox, webhook):
        task_id = finished(stack, index_id, "core:1")
        event = next_event(stack, inbox)
        (row,) = deliveries(stack, webhook)
    assert (event["type"], event["task_id"], event["state"]) == (
        "task.finished",
        task_id,
        "SUCCESS",
    )
    assert event["counts"] == {"applied": 1, "superseded": 0, "rejected": 0}
    assert (row["task_id"], row["state"], row["http_status"]) == (task_id, "delivered", 204)


def test_a_receiver_that_fails_is_asked_again(stack, index_id) -> None:
    with told(stack, index_id, failures=1) as (inbox, webhook):
        task_id = finished(stack, index_id, "core:1")
        deadline = time.monotonic() + SECONDS
        while not (rows := deliveries(stack, webhook)) or not rows[0]["attempts"]:
            assert time.monotonic() < deadline, rows
            stack.notify()
        (row,) = rows
        assert (row["state"], row["attempts"], row["http_status"]) == ("pending", 1, 503)
        assert row["next_attempt_date"] > row["last_attempt_date"]
        make_due(stack, task_id)
        assert next_event(stack, inbox)["task_id"] == task_id
        (row,) = deliveries(stack, webhook)
    assert (row["state"], row["attempts"], row["http_status"]) == ("delivered", 2, 204)


def test_an_address_that_is_not_allowed_is_never_called(stack, index_id) -> None:
    """The metadata service: the delivery log says so."""
    status, webhook = stack.call(
        "POST", f"/v1/index/{index_id}/webhook", {"url": "https://169.254.169.254/latest"}
    )
    assert status == 200
    finished(stack, index_id, "core:1")
    deadline = time.monotonic() + SECONDS
    while not (rows := deliveries(stack, f"/v1/index/{index_id}/webhook/{webhook['id']}")) or (
        not rows[0]["attempts"]
    ):
        assert time.monotonic() < deadline, rows
        stack.notify()
    (row,) = rows
    assert (row["state"], row["http_status"]) == ("pending", None)
    assert "may not use" in row["problem"]


@contextmanager
def subscribed(stack: RunningStack) -> Iterator[str]:
    """A queue of somebody else's that gets the events of finished tasks; its address."""
    events, queues = stack.aws("events"), stack.aws("sqs")
    queue = queues.create_queue(QueueName="finished-tasks")["QueueUrl"]
    wanted = {"QueueUrl": queue, "AttributeNames": ["QueueArn"]}
    arn = queues.get_queue_attributes(**wanted)["Attributes"]["QueueArn"]
    pattern = {"source": ["garner"], "detail-type": ["Task finished"]}
    events.put_rule(Name="finished-tasks", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="finished-tasks", Targets=[{"Id": "queue", "Arn": arn}])
    try:
        yield queue
    finally:
        events.remove_targets(Rule="finished-tasks", Ids=["queue"])
        events.delete_rule(Name="finished-tasks")
        queues.delete_queue(QueueUrl=queue)


def test_the_event_bus_is_told_of_a_finished_task(stack, index_id) -> None:
    with subscribed(stack) as queue:
        task_id = finished(stack, index_id, "core:1")
        deadline = time.monotonic() + SECONDS
        event: dict[str, Any] = {}
        while event.get("detail", {}).get("task_id") != task_id:
            assert time.monotonic() < deadline, "no event came"
            stack.notify()
            answer = stack.aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("garner", "Task finished")
    assert (event["detail"]["state"], event["detail"]["index_id"]) == ("SUCCESS", index_id)
