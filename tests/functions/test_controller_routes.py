"""The controller's routes over in-memory stores, by real events of the HTTP API."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from garner.api.controller import Controller, add_controller_routes, by_api_key, controller_document
from garner.api.resolver import Api
from garner.domain.harvest.control import Control, RegisteredSource, ResourceStatus, SystemStatus
from garner.domain.harvest.requests import RequestState, RequestType
from garner.domain.principals import Caller
from garner.errors import Unauthorized
from tests.fakes.harvest import (
    CountingIds,
    InMemoryBell,
    InMemoryRequestLog,
    InMemoryRuns,
    InMemorySourceRegistry,
    InMemorySystem,
    InMemoryTable,
    ManualClock,
)
from tests.fakes.openapi import check_answer

STARTED = {"message": "Your Request started"}
KEYS = {"viewer-key": "viewer", "curator-key": "curator", "admin-key": "admin", "plain-key": None}


def caller_of(key: str) -> Caller:
    if key not in KEYS:
        raise Unauthorized("unknown")
    return Caller(identity="urn:x", controller_role=KEYS[key])


@dataclass
class Answered:
    status: int
    body: dict[str, Any]
    content_type: str


@dataclass
class Rig:
    table: InMemoryTable = field(default_factory=InMemoryTable)
    bell: InMemoryBell = field(default_factory=InMemoryBell)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.sources = InMemorySourceRegistry(self.table)
        self.system = InMemorySystem(self.table)
        self.requests = InMemoryRequestLog(self.table)
        self.runs = InMemoryRuns(self.table)
        self.api = Api(
            authenticate=by_api_key(caller_of), ids=CountingIds(), document=controller_document
        )
        add_controller_routes(
            self.api,
            Controller(
                sources=self.sources,
                system=self.system,
                requests=self.requests,
                runs=self.runs,
                bell=self.bell,
                clock=self.clock,
                ids=CountingIds(),
                path_problem=lambda path: "bad" if "(((" in path else None,
                users={7: "alice"},
            ),
        )
        self.add("SRC")

    def add(self, source_id: str, **changes: Any) -> None:
        source = RegisteredSource(
            source_id=source_id, descriptor={"name": "A source"}, created_at=1.0, changed_at=1.0
        )
        self.sources.create(replace(source, **changes))

    def call(
        self,
        method: str,
        path_and_query: str,
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Answered:
        path, _, query = path_and_query.partition("?")
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers or {},
            "queryStringParameters": dict(parse_qsl(query)),
            "requestContext": {
                "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
                "requestId": "r",
                "stage": "$default",
            },
            "body": body,
            "isBase64Encoded": False,
        }
        answer = self.api(event, None)
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        document = orjson.loads(answer["body"])
        check_answer(method, path, answer["statusCode"], document)
        return Answered(answer["statusCode"], document, headers["content-type"])

    def post(self, path_and_query: str, key: str | None = "curator-key", **more: Any) -> Answered:
        glue = "&" if "?" in path_and_query else "?"
        suffix = f"{glue}api_key={key}" if key is not None else ""
        return self.call("POST", f"/controller/{path_and_query}{suffix}", **more)

    def get(self, path_and_query: str, key: str | None = "viewer-key") -> Answered:
        glue = "&" if "?" in path_and_query else "?"
        suffix = f"{glue}api_key={key}" if key is not None else ""
        return self.call("GET", f"/controller/{path_and_query}{suffix}")

    @property
    def request(self) -> Any:
        """The newest process request of SRC."""
        return self.requests.latest("SRC", 1)[0]

    def end(self, state: RequestState = RequestState.SUCCESS) -> None:
        """The run of the newest request ends."""
        self.requests.put(replace(self.request, state=state, completed_at=1.0))
        self.sources.change("SRC", lambda row: replace(row, active_run=""))


@pytest.fixture
def rig() -> Rig:
    return Rig()


UPDATE = "update?resourceID=SRC&indexName=idx"


@pytest.mark.compliance("C1")
def test_update_is_accepted_with_its_exact_body(rig: Rig) -> None:
    answer = rig.post(UPDATE)
    assert (answer.status, answer.body) == (200, STARTED)
    run_id = rig.request.request_id
    assert rig.bell.rung == [(run_id, False, 0.0)]
    assert rig.runs.get(run_id) is not None


@pytest.mark.compliance("C2", "C3")
@pytest.mark.parametrize("query", ["indexName=x", "resourceID=&indexName=x", "resourceID=%20"])
def test_missing_or_blank_resource_is_400(rig: Rig, query: str) -> None:
    answer = rig.post(f"update?{query}")
    assert (answer.status, answer.body) == (400, {"message": "Specify ResourceID"})


@pytest.mark.compliance("C4")
@pytest.mark.parametrize("name", ["nope", "a%2Fb", "a%0Ab", "..", "system_state", "SRC%23"])
def test_unknown_resource_is_400_and_never_404(rig: Rig, name: str) -> None:
    answer = rig.post(f"update?resourceID={name}&indexName=x")
    assert (answer.status, answer.body) == (400, {"message": "Invalid Resource"})


@pytest.mark.compliance("C5", "C6", "C8")
@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("update?resourceID=SRC&indexName=x", None),
        ("update?resourceID=SRC&indexName=x", "unknown"),
        ("update?resourceID=SRC&indexName=x", ""),
        ("update", None),
        ("update?resourceID=nope", None),
    ],
)
def test_authentication_comes_first(rig: Rig, query: str, key: str | None) -> None:
    answer = rig.post(query, key)
    assert (answer.status, answer.body) == (401, {"message": "Unauthorized access"})


@pytest.mark.compliance("C7")
@pytest.mark.parametrize("key", ["viewer-key", "plain-key"])
def test_privilege_comes_before_validation(rig: Rig, key: str) -> None:
    answer = rig.post("update", key)
    assert (answer.status, answer.body) == (403, {"message": "Access Denied"})


@pytest.mark.compliance("C9")
@pytest.mark.parametrize(
    ("route", "name"),
    [("update", "indexName"), ("index", "indexName"), ("reprocess", "index_name")],
)
def test_missing_index_name_is_refused(rig: Rig, route: str, name: str) -> None:
    answer = rig.post(f"{route}?resourceID=SRC")
    assert (answer.status, answer.body["message"]) == (400, f"Failed Request : Specify {name}")


@pytest.mark.parametrize(("route", "name"), [("reprocess", "indexName"), ("update", "index_name")])
def test_both_spellings_of_the_index_name_are_taken(rig: Rig, route: str, name: str) -> None:
    assert rig.post(f"{route}?resourceID=SRC&{name}=idx").body == STARTED
    assert rig.request.parameters.index_name == "idx"


@pytest.mark.compliance("C10")
def test_every_answer_is_json_with_its_content_type(rig: Rig) -> None:
    rig.add("HELD", control=Control.HOLD)
    for answer in (
        rig.post(UPDATE),
        rig.post("update"),
        rig.post(UPDATE, None),
        rig.post("pause"),
        rig.post("ingest?resourceID=HELD"),
        rig.post("resume", "admin-key"),
    ):
        assert answer.content_type == "application/json"
        assert len(answer.body) == 1


@pytest.mark.compliance("C11")
@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/odd"])
@pytest.mark.parametrize("body", [None, "", "resourceID=other"])
def test_body_and_content_type_are_ignored(
    rig: Rig, content_type: str | None, body: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    assert rig.post(UPDATE, headers=headers, body=body).body == STARTED


@pytest.mark.compliance("C12", "C13")
@pytest.mark.parametrize("dash", ["-", "%2D", "%2d"])
def test_dashed_parameters_are_recognised(rig: Rig, dash: str) -> None:
    rig.post(
        f"{UPDATE}&{dash}dupPerc=1.5&{dash}errPerc=2&{dash}f=true"
        f"&{dash}sourceType=ks&{dash}skipCheck"
    )
    given = rig.request.parameters
    assert (given.dup_perc, given.err_perc, given.force) == ("1.5", "2", True)
    assert (given.source_type, given.skip_check) == ("ks", True)


@pytest.mark.compliance("C14")
def test_names_without_their_dash_do_nothing(rig: Rig) -> None:
    rig.post(f"{UPDATE}&f=true&dupPerc=1&errPerc=x&skipCheck=true&sourceType=odd&-F=true")
    given = rig.request.parameters
    assert not given.force
    assert not given.skip_check
    assert given.dup_perc is None
    assert given.source_type == "rin"


def test_the_last_of_a_repeated_parameter_wins(rig: Rig) -> None:
    rig.post("update?resourceID=nope&indexName=a,b&indexName=idx&resourceID=SRC&-f=true&-f=false")
    assert rig.request.parameters.index_name == "idx"
    assert not rig.request.parameters.force


def test_older_spellings_are_taken_and_canonical_ones_win(rig: Rig) -> None:
    rig.post(f"{UPDATE}&-user=7&-duplPerc=3&-jsonPath=$.a&-crawlOffset=2")
    given = rig.request.parameters
    assert (rig.request.user_id, given.dup_perc) == (7, "3")
    assert (given.json_path, given.crawl_offset) == ("$.a", 2)
    rig.end()
    rig.clock.time += 1
    rig.post(f"{UPDATE}&-duplPerc=3&-dupPerc=4")
    assert rig.request.parameters.dup_perc == "4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(text, True) for text in ("true", "TRUE", "1", "yes", "On", "")]
    + [(text, False) for text in ("false", "0", "no", "OFF")],
)
def test_flags(rig: Rig, text: str, expected: bool) -> None:
    rig.post(f"{UPDATE}&-f={text}")
    assert rig.request.parameters.force is expected


@pytest.mark.compliance("C15", "C16", "C18")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_update_status_of_a_source_never_updated(rig: Rig, method: str) -> None:
    path = "/controller/update_status?resourceID=SRC&api_key=viewer-key"
    answer = rig.call(method, path)
    assert (answer.status, answer.body) == (200, {"status": "No ongoing update"})


@pytest.mark.compliance("C15", "C16", "C19")
@pytest.mark.parametrize("state", [RequestState.SUCCESS, RequestState.FAILED])
def test_update_status_runs_and_finishes_whatever_the_outcome(
    rig: Rig, state: RequestState
) -> None:
    rig.post(UPDATE)
    assert rig.get("update_status?resourceID=SRC").body == {"status": "Running"}
    rig.end(state)
    assert rig.get("update_status?resourceID=SRC").body == {"status": "Finished"}
    assert rig.get("ingest_status?resourceID=SRC").body == {"status": "No ongoing ingest"}


@pytest.mark.compliance("C17")
@pytest.mark.parametrize(
    ("query", "text"),
    [("", "Specify ResourceID"), ("?resourceID=nope", "Invalid Resource")],
)
def test_status_refuses_with_the_two_texts(rig: Rig, query: str, text: str) -> None:
    answer = rig.get(f"update_status{query}")
    assert (answer.status, answer.body) == (400, {"message": text})


@pytest.mark.compliance("C20")
def test_ingest_on_a_held_source_is_201_with_a_trailing_space(rig: Rig) -> None:
    rig.sources.change("SRC", lambda row: replace(row, control=Control.HOLD))
    answer = rig.post("ingest?resourceID=SRC")
    text = "Failed request - Specified resource is on HOLD. "
    assert (answer.status, answer.body) == (201, {"message": text})
    assert rig.request.state is RequestState.FAILED
    assert rig.bell.rung == []
    assert rig.get("ingest_status?resourceID=SRC").body == {"status": "Finished"}


@pytest.mark.compliance("C21", "C37")
@pytest.mark.parametrize("more", ["", "&-f=true"])
@pytest.mark.parametrize("route", ["update", "index", "run", "reprocess"])
def test_held_source_refuses_all_else_and_force_does_not_help(
    rig: Rig, route: str, more: str
) -> None:
    rig.sources.change("SRC", lambda row: replace(row, control=Control.HOLD))
    answer = rig.post(f"{route}?resourceID=SRC&indexName=idx{more}")
    text = "Failed Request : Specified resource is on HOLD."
    assert (answer.status, answer.body) == (400, {"message": text})
    assert rig.requests.latest("SRC", 10) == []
    assert rig.bell.rung == []


def test_inactive_source_refuses_every_workflow(rig: Rig) -> None:
    rig.post("inactivate_source?resourceID=SRC", "admin-key")
    for route in ("update", "ingest", "index", "run", "reprocess"):
        answer = rig.post(f"{route}?resourceID=SRC&indexName=idx")
        text = "Failed Request : Specified resource is INACTIVE."
        assert (answer.status, answer.body) == (400, {"message": text})


@pytest.mark.compliance("C22", "C23")
@pytest.mark.parametrize(
    ("route", "text"),
    [
        ("ingest", "No ongoing ingest"),
        ("index", "No ongoing update"),
        ("run", "No ongoing run"),
        ("reprocess", "No ongoing reprocess"),
    ],
)
def test_third_value_of_each_status(rig: Rig, route: str, text: str) -> None:
    assert rig.get(f"{route}_status?resourceID=SRC").body == {"status": text}


@pytest.mark.compliance("C24")
def test_key_by_query_on_hold_clear_and_recover(rig: Rig) -> None:
    assert rig.post("hold_source?resourceID=SRC").status == 200
    assert rig.post("clear_source?resourceID=SRC").status == 200
    answer = rig.post("recover", "admin-key")
    assert (answer.status, answer.body) == (200, {"message": "System Recovered"})


@pytest.mark.compliance("C25")
@pytest.mark.parametrize("header", ["api_key", "x-api-key", "Api_Key", "X-Api-Key"])
@pytest.mark.parametrize(
    "route",
    ["hold_source", "clear_source", "reprocess", "inactivate_source", "recover", "reboot"],
)
def test_key_by_header(rig: Rig, header: str, route: str) -> None:
    path = f"{route}?resourceID=SRC&index_name=idx"
    assert rig.post(path, None, headers={header: "admin-key"}).status == 200
    assert rig.post(path, None, headers={header: "unknown"}).status == 401


def test_key_in_the_query_wins_over_the_header(rig: Rig) -> None:
    assert rig.post(UPDATE, "unknown", headers={"api_key": "admin-key"}).status == 401
    assert rig.post(UPDATE, "admin-key", headers={"api_key": "unknown"}).status == 200


def test_key_is_in_no_log_line(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        rig.post(UPDATE, "curator-key")
        rig.post(UPDATE, "secret-unknown-key")
    text = str([record.__dict__ for record in caplog.records])
    assert caplog.records
    assert "curator-key" not in text
    assert "secret-unknown-key" not in text


@pytest.mark.compliance("C26")
def test_requests_belong_to_user_4_unless_named(rig: Rig) -> None:
    rig.post(UPDATE)
    assert rig.request.user_id == 4
    rig.end()
    rig.clock.time += 1
    rig.post(f"{UPDATE}&userID=7")
    assert rig.request.user_id == 7


@pytest.mark.compliance("C27", "C28")
def test_source_type_has_four_values_and_a_default(rig: Rig) -> None:
    for value in ("rin", "literature", "mentions", "ks"):
        assert rig.post(f"{UPDATE}&-sourceType={value}").body == STARTED
        assert rig.request.parameters.source_type == value
        rig.end()
        rig.clock.time += 1
    rig.post(UPDATE)
    assert rig.request.parameters.source_type == "rin"


@pytest.mark.compliance("C27", "C29", "C55")
@pytest.mark.parametrize(
    ("query", "name"),
    [("-sourceType=RIN", "-sourceType"), ("-sourceType=", "-sourceType")]
    + [(f"crawlOffset={value}", "crawlOffset") for value in ("0", "31", "x", "-1", "1.5", "")]
    + [(f"-dupPerc={value}", "-dupPerc") for value in ("-1", "100.1", "x", "nan", "1e1", "")]
    + [(f"-errPerc={value}", "-errPerc") for value in ("-1", "101", "inf")]
    + [("-f=maybe", "-f"), ("-skipCheck=2", "-skipCheck"), ("jsonPath=(((", "jsonPath")]
    + [("userID=5", "userID"), ("userID=x", "userID"), ("userID=", "userID")]
    + [(f"indexName={value}", "indexName") for value in ("Idx", "_a", "-a", "%2Ba", "a%20b", "a,b")]
    + [(f"indexName={value}", "indexName") for value in ("a%2A", "a/b", "a%23", "..", "a" * 256)],
)
def test_bad_value_is_refused_by_name(rig: Rig, query: str, name: str) -> None:
    answer = rig.post(f"{UPDATE}&{query}")
    text = f"Failed Request : Invalid value for {name}"
    assert (answer.status, answer.body) == (400, {"message": text})
    assert rig.requests.latest("SRC", 1) == []


@pytest.mark.compliance("C29")
@pytest.mark.parametrize("value", ["1", "30"])
def test_crawl_offset_takes_its_borders(rig: Rig, value: str) -> None:
    assert rig.post(f"{UPDATE}&crawlOffset={value}").body == STARTED


@pytest.mark.compliance("C49")
def test_busy_source_refuses_a_second_start(rig: Rig) -> None:
    rig.post(UPDATE)
    for route in ("update", "ingest", "index", "run", "reprocess"):
        answer = rig.post(f"{route}?resourceID=SRC&indexName=idx")
        text = (
            "Failed Request : Cannot start ingesting: Source 'SRC' is already ingesting/processing!"
        )
        assert (answer.status, answer.body) == (400, {"message": text})
    assert len(rig.requests.latest("SRC", 10)) == 1


@pytest.mark.compliance("C59")
def test_hold_and_clear(rig: Rig) -> None:
    answer = rig.post("hold_source?resourceID=SRC&userID=7")
    assert (answer.status, answer.body) == (200, {"message": "Source is on HOLD"})
    assert rig.request.type is RequestType.HOLD
    assert rig.request.user_id == 7
    assert rig.post(UPDATE).status == 400
    answer = rig.post("clear_source?resourceID=SRC")
    assert (answer.status, answer.body) == (200, {"message": "Source is CLEAR now"})
    assert rig.sources.get("SRC").status is ResourceStatus.CLEAR  # type: ignore[union-attr]
    assert rig.post(UPDATE).status == 200


@pytest.mark.compliance("C60")
def test_inactivate_is_for_admins_and_on_record(rig: Rig) -> None:
    answer = rig.post("inactivate_source?resourceID=SRC", "admin-key")
    assert (answer.status, answer.body) == (200, {"message": "Source is INACTIVE now"})
    assert rig.request.type is RequestType.INACTIVATE
    rig.post("clear_source?resourceID=SRC")
    assert rig.post(UPDATE).status == 200


@pytest.mark.compliance("C61")
def test_pause_refuses_everything_until_resume(rig: Rig) -> None:
    answer = rig.post("pause", "admin-key")
    text = "System Paused, Controller Cannot schedule any jobs."
    assert (answer.status, answer.body) == (200, {"message": text})
    refused = {"message": "Failed Request : System is PAUSED."}
    for path in (UPDATE, "update?resourceID=SRC", "run?resourceID=SRC&userID=x"):
        assert rig.post(path).body == refused
    for route in ("hold_source", "clear_source", "inactivate_source", "reset"):
        assert rig.post(f"{route}?resourceID=SRC", "admin-key").body == refused
    for route in ("recover", "pause"):
        assert rig.post(route, "admin-key").body == refused
    assert rig.get("update_status?resourceID=SRC").status == 200
    assert rig.get("system_status").body["currentStatus"] == ["PAUSED"]
    answer = rig.post("resume", "admin-key")
    assert (answer.status, answer.body) == (200, {"message": "System Resumed"})
    assert rig.post(UPDATE).status == 200
    assert rig.get("system_status").body["currentStatus"] == ["ALL_CLEAR"]
    kinds = [
        r["processType"]
        for r in rig.get("process_request?resourceID=system_state").body["process_request"]
    ]
    assert sorted(kinds) == ["pause", "resume"]


@pytest.mark.compliance("C62")
def test_resume_of_a_running_system_is_201_with_a_trailing_space(rig: Rig) -> None:
    answer = rig.post("resume", "admin-key")
    text = "System is not Paused, Controller can schedule jobs "
    assert (answer.status, answer.body) == (201, {"message": text})


@pytest.mark.compliance("C63")
def test_reset_frees_a_busy_source_and_leaves_no_request(rig: Rig) -> None:
    rig.post(UPDATE)
    run_id = rig.request.request_id
    answer = rig.post("reset?resourceID=SRC", "admin-key")
    assert (answer.status, answer.body) == (200, {"message": "FINISHED"})
    assert [each.request_id for each in rig.requests.latest("SRC", 10)] == [run_id]
    assert rig.get("update_status?resourceID=SRC").body == {"status": "Finished"}
    assert rig.post(UPDATE).body == STARTED


@pytest.mark.compliance("C64")
def test_reboot_works_while_paused_and_leaves_no_request(rig: Rig) -> None:
    rig.post("pause", "admin-key")
    answer = rig.post("reboot", "admin-key")
    assert (answer.status, answer.body) == (
        200,
        {"message": "SUCCESS : Primary Consumer Rebooted"},
    )
    assert len(rig.requests.latest("system_state", 10)) == 1


@pytest.mark.compliance("C65")
@pytest.mark.parametrize(
    "route", ["pause", "resume", "recover", "reboot", "reset", "inactivate_source"]
)
def test_admin_routes_refuse_others(rig: Rig, route: str) -> None:
    for key in ("curator-key", "viewer-key", "plain-key"):
        answer = rig.post(f"{route}?resourceID=SRC", key)
        assert (answer.status, answer.body) == (403, {"message": "Access Denied"})


def test_recover_ends_a_system_failure(rig: Rig) -> None:
    rig.system.enter(SystemStatus.QUEUE_FAILURE, 5.0)
    rig.post("recover", "admin-key")
    assert rig.system.status() is SystemStatus.RECOVERED
    assert rig.get("system_status").body["currentStatus"] == ["ALL_CLEAR"]


def test_reads_show_the_tables_of_the_dashboard(rig: Rig) -> None:
    rig.post(UPDATE)
    request_id = rig.request.request_id
    shown = rig.get(f"process_request/{request_id}").body
    assert (shown["requestID"], shown["processType"], shown["status"]) == (
        request_id,
        "update",
        "PENDING",
    )
    assert shown["ingestion_logs"] == []
    (row,) = rig.get("resources").body["ingestors"]
    assert (row["resourceID"], row["resourceStatus"], row["group"]) == ("SRC", "RUNNING", "Running")
    assert rig.get("ingest_logs?resourceID=SRC").body["ingestLogs"][0]["opType"] == "full"
    assert rig.get("statistics?resourceID=SRC").body == {"ingestion_statistics": []}
    rig.post("pause", "admin-key")
    assert rig.get("system_status").body["currentStatus"] == ["PAUSED"]
    (row,) = rig.get("process_request?resourceID=system_state").body["process_request"]
    assert (row["processType"], row["status"]) == ("pause", "SUCCESS")
    assert rig.get("process_request/unknown").status == 404
    assert rig.get("statistics").body == {"message": "Specify ResourceID"}


def test_two_starts_at_once_have_one_winner(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    start: Callable[..., bool] = rig.sources.start

    def late(*args: Any) -> bool:
        monkeypatch.setattr(rig.sources, "start", start)
        rig.post(UPDATE)
        return start(*args)

    monkeypatch.setattr(rig.sources, "start", late)
    answer = rig.post(UPDATE)
    assert "already ingesting" in answer.body["message"]
    assert len(rig.requests.latest("SRC", 10)) == 1
