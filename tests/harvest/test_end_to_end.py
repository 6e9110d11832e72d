"""From a descriptor over HTTP to entries that are read back: the functions' own routes and workers
on moto and an engine in memory, with the real crawler, reader, transform process and drain."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from garner.api.controller import add_controller_routes, by_api_key, controller_document
from garner.api.resolver import Api, bearer
from garner.api.scheduled import start_scheduled
from garner.api.source_routes import add_registry_routes
from garner.domain.harvest.run import Phase
from garner.domain.principals import ANONYMOUS, Caller
from garner.errors import JsonObject, Unauthorized
from garner.runtime import settings
from garner.runtime.harvest import HarvestContainer
from garner.services.answer_sample import answer_sample
from garner.services.drain import drain
from garner.services.harvest.fetch import run_fetch
from garner.services.harvest.run_harvest import run_harvest
from garner.storage.opensearch.search import OpenSearchReader
from tests.fakes.api import ENVIRONMENT, Answered, event, send
from tests.fakes.harvest import InMemorySchedules
from tests.fakes.ingest import INDEX
from tests.fakes.odd import ODD, changed
from tests.fakes.openapi import check_answer
from tests.storage.conftest import WritePath
from tools.operations.controller import OPERATIONS as CONTROLLER_OPERATIONS

SRC = "SCR_1-Stones-RIN"
DESCRIPTOR = {
    "sourceID": SRC,
    "name": "Stones",
    "scrID": "SCR_1",
    "ingestMethod": "CSV",
    "primaryKeyJSONPath": "$.'cat num'",
    "transformScript": '{"name": name, "weight": $number(weight), "tags": [$split(tags, ";")]}',
    "visible_to": "public",
    "allowHttp": "true",
}


class Upstream(ThreadingHTTPServer):
    """Serves `body` at every path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = b""
        self.status = 200

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


@dataclass
class Ring:
    """The two queues: what is rung for is worked on in `Stack.work`."""

    waiting: list[tuple[str, bool]] = field(default_factory=list)

    def ring(self, run_id: str, *, fetch: bool, delay: float = 0.0) -> None:
        self.waiting.append((run_id, fetch))


class Stack:
    def __init__(self, path: WritePath, upstream: Upstream) -> None:
        client = boto3.client("s3")
        client.create_bucket(Bucket=ENVIRONMENT["PAYLOAD_BUCKET"])
        groups = (*settings.FUNCTIONS["fetch_worker"], settings.Curating)
        queues = {"HARVEST_QUEUE_URL": "https://q.test/h", "FETCH_QUEUE_URL": "https://q.test/f"}
        loaded = settings.load_groups(
            groups,
            {**ENVIRONMENT, **queues, "FETCH_ALLOWED_HOSTS": "127.0.0.1"},
        )
        self.path, self.upstream = path, upstream
        self.bell, self.schedules = Ring(), InMemorySchedules()
        self.on = HarvestContainer(loaded)
        self.on.table, self.on.accept = path.table, path.accept
        self.on.bell, self.on.schedules = self.bell, self.schedules
        self.on.sampler = self
        self.controller = Api(
            authenticate=by_api_key(_caller), ids=self.on.ids, document=controller_document
        )
        add_controller_routes(self.controller, self.on.controller)
        self.registry = Api(authenticate=bearer(_bearer), ids=self.on.ids)
        add_registry_routes(self.registry, self.on.registry)

    def sample(self, descriptor: JsonObject, size: int) -> JsonObject:
        return answer_sample(
            descriptor,
            size,
            crawler=self.on.crawler,
            reader=self.on.record_reader,
            transformers=self.on.transformers,
            clock=self.on.clock,
            budget_seconds=10,
        )

    def offer(self, rows: list[str]) -> None:
        self.upstream.body = "\n".join(["cat num,name,weight,tags", *rows]).encode()

    def api(
        self, method: str, path: str, body: Any = None, *, key: str | None = "curator"
    ) -> Answered:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        sent = event(method, path, headers=headers, body=None if body is None else json.dumps(body))
        answer = send(self.registry, sent)
        check_answer(method, path, answer.status, answer.json)
        return answer

    def controls(self, method: str, route: str, query: str) -> Answered:
        path = f"/controller/{route}"
        answer = send(self.controller, event(method, path, query=query))
        check_answer(method, path, answer.status, answer.json)
        return answer

    def work(self) -> None:
        """Until no worker has anything to do: jobs, and the index's log."""
        for _ in range(200):
            if not self.bell.waiting:
                return
            run_id, fetch = self.bell.waiting.pop(0)
            if fetch:
                run_fetch(run_id, budget=60, tools=self.on.fetching)
            else:
                run_harvest(run_id, budget=60, tools=self.on.harvesting)
            drain(INDEX, ports=self.path.ports)
            run = self.on.runs.get(run_id)
            if run and run.phase is not Phase.DONE and not self.bell.waiting:
                self.bell.ring(run_id, fetch=run.phase is Phase.FETCH)
        raise AssertionError("the run has no end")

    def update(self, more: str = "") -> JsonObject:
        query = f"resourceID={SRC}&indexName=stones&api_key=curator{more}"
        assert self.controls("POST", "update", query).json == {"message": "Your Request started"}
        self.work()
        assert self.controls("GET", "update_status", f"resourceID={SRC}&api_key=curator").json == {
            "status": "Finished"
        }
        newest: JsonObject = self.api("GET", f"/v1/source/{SRC}/runs").json["runs"][0]
        return newest

    def register(self, **changes: Any) -> Answered:
        descriptor = {**DESCRIPTOR, "ingestURL": self.upstream.url, **changes}
        answer = self.api("POST", "/v1/source", {"stones": descriptor})
        named = self.api("PUT", f"/v1/index/{INDEX}/name/stones", {"sources": [SRC]})
        assert named.status == 200, named.json
        return answer

    @property
    def head(self) -> int:
        head = self.path.log.head(INDEX)
        return head.head if head else 0

    @property
    def entries(self) -> dict[str, JsonObject]:
        """name → content of the live entries."""
        reader = OpenSearchReader(self.path.engine)
        found = reader.search(INDEX, {"size": 100, "query": {"match_all": {}}})
        contents = [
            entry.get("original") or entry["content"]
            for hit in found["hits"]["hits"]
            for entry in hit["_source"]["entries"]
        ]
        return {content["name"]: content for content in contents}


def _caller(key: str) -> Caller:
    if key != "curator":
        raise Unauthorized("unknown")
    urn = "urn:globus:auth:identity:x"  # the owner that `reserve_index` sets
    return Caller(
        identity=urn,
        identities=frozenset((urn,)),
        scopes=frozenset(("all",)),
        controller_role="admin",
    )


def _bearer(authorization: str | None) -> Caller:
    return _caller(authorization.removeprefix("Bearer ")) if authorization else ANONYMOUS


@pytest.fixture
def stack(write_path: WritePath, upstream: Upstream) -> Stack:
    return Stack(write_path, upstream)


ROWS = [f"{n},Stone {n},{n}.5,a;b" for n in range(40)]


def test_a_source_from_its_descriptor_to_its_entries(stack: Stack) -> None:
    assert stack.register().status == 200
    about = f"resourceID={SRC}&api_key=curator"
    stack.offer(ROWS)
    run = stack.update()
    assert (run["status"], run["counts"]["numIndexed"]) == ("SUCCESS", 40), run
    assert stack.entries["Stone 7"] == {"name": "Stone 7", "weight": 7.5, "tags": ["a", "b"]}
    (counted,) = stack.controls("GET", "statistics", about).json["ingestion_statistics"]
    assert (counted["requestID"], counted["totalRecCount"]) == (run["requestID"], 40)
    head = stack.head
    changed = [*ROWS[:36], *(f"{n},Stone {n},99,a" for n in range(36, 40))]
    stack.offer(changed)
    run = stack.update()
    assert (run["counts"]["changeCount"], run["counts"]["numIndexed"]) == (4, 4)
    assert stack.head == head + 1
    assert stack.entries["Stone 39"]["weight"] == 99
    stack.offer(changed[:20])
    run = stack.update()
    assert run["status"] == "FAILED"
    assert run["message"] == "Accounting Error: 20 records, 40 at the last accepted crawl"
    assert stack.head == head + 1
    run = stack.update("&-skipCheck=true")
    assert run["status"] == "SUCCESS"
    assert len(stack.entries) == 40


def test_errors_are_listed_with_their_reasons(stack: Stack) -> None:
    stack.register()
    stack.offer([*ROWS, "x1,Odd,not a number,a", ",No key,1,a"])
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


def test_credentials_of_a_url_are_shown_nowhere(stack: Stack) -> None:
    registered = stack.register().json
    stack.offer(ROWS)
    stack.upstream.status = 404
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
    assert "s3cret" not in str(shown)
    assert "hidden" not in str(shown)
    assert "***" in registered["descriptor"]["ingestURL"]
    again = stack.api("PUT", f"/v1/source/{SRC}", registered["descriptor"])
    assert again.status == 200, again.json
    stack.upstream.status = 200
    assert stack.update()["status"] == "SUCCESS"


def test_a_sample_shows_records_raw_and_transformed_and_stores_nothing(stack: Stack) -> None:
    stack.register()
    stack.offer(ROWS)
    sample = stack.api("POST", f"/v1/source/{SRC}/sample", {"size": 3}).json
    assert [each["document"]["name"] for each in sample["records"]] == [
        "Stone 0",
        "Stone 1",
        "Stone 2",
    ]
    assert sample["records"][0]["raw"]["cat num"] == "0"
    assert stack.api("GET", f"/v1/source/{SRC}/runs").json["runs"] == []


def test_bad_descriptors_name_their_fields(stack: Stack) -> None:
    answer = stack.api("POST", "/v1/source", {**DESCRIPTOR, "visible_to": "everybody"})
    assert answer.status == 400
    messages = answer.json["error_data"]["messages"]["json"]
    assert {"visible_to"} <= set(messages)
    assert stack.register().status == 200
    assert stack.register().status == 409
    other = {**DESCRIPTOR, "ingestURL": stack.upstream.url, "sourceID": "other"}
    assert stack.api("PUT", f"/v1/source/{SRC}", other).status == 400
    assert stack.api("GET", "/v1/source/nope").status == 404


def test_who_is_nobody_is_told_so_before_anything_is_read(stack: Stack) -> None:
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


def test_a_schedule_has_the_parameters_of_update(stack: Stack) -> None:
    stack.register(scheduleFreq="2 days")
    path = f"/v1/source/{SRC}/schedule"
    assert stack.api("PUT", path, {"parameters": {"indexName": "Bad"}}).status == 400
    wanted = {"parameters": {"indexName": "stones", "-skipCheck": "true"}}
    assert stack.api("PUT", path, wanted).json["schedule"]["hours"] == 48
    hours, request = stack.schedules.schedules[SRC]
    assert hours == 48
    stack.offer(ROWS)
    run_id = start_scheduled(request, stack.on.controller)
    assert run_id
    assert start_scheduled(request, stack.on.controller) is None, "busy"
    stack.work()
    assert len(stack.entries) == 40
    changed = {**DESCRIPTOR, "ingestURL": stack.upstream.url, "scheduleFreq": "12h"}
    stack.api("PUT", f"/v1/source/{SRC}", changed)
    assert stack.schedules.schedules[SRC][0] == 12
    assert stack.api("DELETE", path).json["schedule"] == {}
    assert stack.schedules.schedules == {}


def test_names_are_the_owners_and_stand_for_one_index(stack: Stack) -> None:
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


def test_a_source_is_deleted_when_nothing_runs_on_it(stack: Stack) -> None:
    stack.register()
    stack.offer(ROWS)
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
def test_no_input_of_the_registry_or_the_controller_gives_a_500(stack: Stack, random: Any) -> None:
    if not stack.on.sources.get(SRC):
        stack.register()
        stack.offer(ROWS[:3])
    descriptor = changed(random, {**DESCRIPTOR, "ingestURL": stack.upstream.url})
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
