"""From a descriptor over HTTP to entries that are read back."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from garner.api.scheduled import start_scheduled
from tests.fakes.ingest import INDEX
from tests.fakes.odd import ODD, changed
from tests.harvest.service import DESCRIPTOR, SRC, InProcessService
from tests.storage.conftest import WritePath
from tools.operations.controller import OPERATIONS as CONTROLLER_OPERATIONS


class Upstream(ThreadingHTTPServer):
    """Serves `body` at every path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = b""
        self.status = 200

    def offer(self, rows: list[str]) -> None:
        self.body = "\n".join(["cat num,name,weight,tags", *rows]).encode()

    @property
    def url(self) -> str:
        return f"http://user:s3cret@127.0.0.1:{self.server_address[1]}/stones.csv?token=hidden"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def stack(write_path: WritePath, upstream: Upstream) -> InProcessService:
    return InProcessService(write_path, upstream.url)


ROWS = [f"{n},Stone {n},{n}.5,a;b" for n in range(40)]


def test_a_source_from_its_descriptor_to_its_entries(
    stack: InProcessService, upstream: Upstream
) -> None:
    assert stack.register().status == 200
    upstream.offer(ROWS)
    run = stack.update()
    assert (run["status"], run["counts"]["numIndexed"]) == ("SUCCESS", 40), run
    assert stack.entries["Stone 7"] == {"name": "Stone 7", "weight": 7.5, "tags": ["a", "b"]}
    about = f"resourceID={SRC}&api_key=curator"
    (counted,) = stack.controls("GET", "statistics", about).json["ingestion_statistics"]
    assert (counted["requestID"], counted["totalRecCount"]) == (run["requestID"], 40)
    head = stack.head
    changed = [*ROWS[:36], *(f"{n},Stone {n},99,a" for n in range(36, 40))]
    upstream.offer(changed)
    run = stack.update()
    assert (run["counts"]["changeCount"], run["counts"]["numIndexed"]) == (4, 4)
    assert stack.head == head + 1
    assert stack.entries["Stone 39"]["weight"] == 99
    upstream.offer(changed[:20])
    run = stack.update()
    assert run["status"] == "FAILED"
    assert run["message"] == "Accounting Error: 20 records, 40 at the last accepted crawl"
    assert stack.head == head + 1
    run = stack.update("&-skipCheck=true")
    assert run["status"] == "SUCCESS"
    assert len(stack.entries) == 40


def test_errors_are_listed_with_their_reasons(stack: InProcessService, upstream: Upstream) -> None:
    stack.register()
    upstream.offer([*ROWS, "x1,Odd,not a number,a", ",No key,1,a"])
    run = stack.update("&-errPerc=10")
    assert run["status"] == "SUCCESS"
    errors = stack.api("GET", f"/v1/source/{SRC}/runs/{run['requestID']}/errors").json
    assert errors["marker"] is None
    reasons = {each["record"]: each["reason"] for each in errors["errors"]}
    assert len(reasons) == 2, reasons
    assert "primary key" in str(reasons)
    log = stack.api("GET", f"/v1/source/{SRC}/runs/{run['requestID']}/log").json["log"]
    assert [row["message"] for row in log if row["type"] == "run"] == [
        "Run cycle 1",
        "Run cycle 2",
        "Run cycle 3",
    ]


def test_credentials_of_a_url_are_shown_nowhere(
    stack: InProcessService, upstream: Upstream
) -> None:
    registered = stack.register().json
    upstream.offer(ROWS)
    upstream.status = 404
    run = stack.update()
    assert run["status"] == "FAILED"
    shown = [
        registered,
        run,
        stack.api("GET", "/v1/source").json,
        stack.api("GET", f"/v1/source/{SRC}").json,
        stack.controls("GET", "resources", "api_key=curator").json,
        stack.controls("GET", "ingest_logs", f"resourceID={SRC}&api_key=curator").json,
    ]
    shown.append(stack.on.runs.get(run["requestID"]))  # over: only the registry needs them now
    assert "s3cret" not in str(shown)
    assert "hidden" not in str(shown)
    assert "***" in registered["descriptor"]["ingestURL"]
    again = stack.api("PUT", f"/v1/source/{SRC}", registered["descriptor"])
    assert again.status == 200, again.json
    upstream.status = 200
    assert stack.update()["status"] == "SUCCESS"


def test_a_sample_shows_records_raw_and_transformed_and_stores_nothing(
    stack: InProcessService, upstream: Upstream
) -> None:
    stack.register()
    upstream.offer(ROWS)
    sample = stack.api("POST", f"/v1/source/{SRC}/sample", {"size": 3}).json
    assert [each["document"]["name"] for each in sample["records"]] == [
        "Stone 0",
        "Stone 1",
        "Stone 2",
    ]
    assert sample["records"][0]["raw"]["cat num"] == "0"
    assert stack.api("GET", f"/v1/source/{SRC}/runs").json["runs"] == []


def test_bad_descriptors_name_their_fields(stack: InProcessService, upstream: Upstream) -> None:
    answer = stack.api("POST", "/v1/source", {**DESCRIPTOR, "visible_to": "everybody"})
    assert answer.status == 400
    messages = answer.json["error_data"]["messages"]["json"]
    assert {"visible_to"} <= set(messages)
    assert stack.register().status == 200
    assert stack.register().status == 409
    other = {**DESCRIPTOR, "ingestURL": upstream.url, "sourceID": "other"}
    assert stack.api("PUT", f"/v1/source/{SRC}", other).status == 400
    assert stack.api("GET", "/v1/source/nope").status == 404


def test_who_is_nobody_is_told_so_before_anything_is_read(stack: InProcessService) -> None:
    for method, path in (
        ("GET", "/v1/source"),
        ("POST", "/v1/source"),
        ("GET", "/v1/source/nope"),
        ("DELETE", "/v1/source/nope/schedule"),
        ("PUT", f"/v1/index/{INDEX}/name/Not a Name"),
        ("GET", f"/v1/index/{INDEX}/name_list"),
    ):
        assert stack.api(method, path, [], key=None).status == 401, path
        assert stack.api(method, path, [], key="unknown").status == 401, path


def test_a_schedule_has_the_parameters_of_update(
    stack: InProcessService, upstream: Upstream
) -> None:
    stack.register(scheduleFreq="2 days")
    path = f"/v1/source/{SRC}/schedule"
    assert stack.api("PUT", path, {"parameters": {"indexName": "Bad"}}).status == 400
    wanted = {"parameters": {"indexName": "stones", "-skipCheck": "true"}}
    assert stack.api("PUT", path, wanted).json["schedule"]["hours"] == 48
    hours, request = stack.schedules.schedules[SRC]
    assert hours == 48
    upstream.offer(ROWS)
    run_id = start_scheduled(request, stack.on.controller)
    assert run_id
    assert start_scheduled(request, stack.on.controller) is None, "busy"
    stack.work()
    assert len(stack.entries) == 40
    changed = {**DESCRIPTOR, "ingestURL": upstream.url, "scheduleFreq": "12h"}
    stack.api("PUT", f"/v1/source/{SRC}", changed)
    assert stack.schedules.schedules[SRC][0] == 12
    assert stack.api("DELETE", path).json["schedule"] == {}
    assert stack.schedules.schedules == {}


def test_names_are_the_owners_and_stand_for_one_index(
    stack: InProcessService, upstream: Upstream
) -> None:
    stack.register()
    path = f"/v1/index/{INDEX}/name"
    assert stack.api("GET", f"{path}_list").json["names"] == [
        {"name": "stones", "index_id": INDEX, "sources": [SRC]}
    ]
    assert stack.api("PUT", f"{path}/Upper", {"sources": []}).status == 400
    assert stack.api("DELETE", f"{path}/stones").status == 200
    assert stack.api("DELETE", f"{path}/stones").status == 404
    nobody = "0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e"
    assert stack.api("PUT", f"/v1/index/{nobody}/name/stones", {"sources": []}).status == 404


def test_a_source_is_deleted_when_nothing_runs_on_it(
    stack: InProcessService, upstream: Upstream
) -> None:
    stack.register()
    upstream.offer(ROWS)
    query = f"resourceID={SRC}&indexName=stones&api_key=curator"
    stack.controls("POST", "update", query)
    assert stack.api("DELETE", f"/v1/source/{SRC}").status == 409
    stack.work()
    assert stack.api("DELETE", f"/v1/source/{SRC}").status == 200
    assert stack.controls("POST", "update", query).json == {"message": "Invalid Resource"}


PARAMETERS = {
    "resourceID": SRC,
    "indexName": "stones",
    "jsonPath": "$.name",
    "crawlOffset": "3",
    "userID": "4",
    "-dupPerc": "1",
    "-errPerc": "2.5",
    "-f": "true",
    "-sourceType": "rin",
    "-skipCheck": "",
}
ROUTES = [each for each in CONTROLLER_OPERATIONS if "{" not in each[1]]


@tries(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.randoms(use_true_random=True))
def test_no_input_of_the_registry_or_the_controller_gives_a_500(
    stack: InProcessService, upstream: Upstream, random: Any
) -> None:
    if not stack.on.sources.get(SRC):
        stack.register()
        upstream.offer(ROWS[:3])
    descriptor = changed(random, {**DESCRIPTOR, "ingestURL": upstream.url})
    wanted = {"parameters": PARAMETERS, "hours": 3}
    for method, path, body in (
        ("POST", "/v1/source", descriptor),
        ("PUT", f"/v1/source/{SRC}", descriptor),
        ("POST", "/v1/source/sample", descriptor),
        ("POST", f"/v1/source/{SRC}/sample", changed(random, {"size": 2})),
        ("PUT", f"/v1/source/{SRC}/schedule", changed(random, wanted)),
        ("PUT", f"/v1/index/{INDEX}/name/stones", changed(random, {"sources": [SRC]})),
    ):
        answer = stack.api(method, path, body)
        assert answer.status < 500, (answer.json, path, body)
    for method, path in ROUTES:
        odd = [
            each if isinstance(each, str) else json.dumps(each) for each in random.sample(ODD, 3)
        ]
        names = random.sample(list(PARAMETERS), 3)
        query = {**PARAMETERS, **dict(zip(names, odd, strict=True)), "api_key": "curator"}
        asked = urlencode(query, errors=random.choice(("replace", "surrogatepass")))
        answer = stack.controls(method, path.removeprefix("/controller/"), asked)
        assert answer.status < 500, (answer.json, path, query)
