"""What holds for every route of the Search API (contract 0): types of answers, errors, tokens.

Every answer of this suite is held against docs/openapi.json as well; here the rules are spelled out
once more, so that they do not hang on how that document was made.
"""

import re
from typing import Any

import pytest

from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.start import open_api
from tests.fakes.api import ENVIRONMENT, Answered, Service, event, routes_of, send
from tests.fakes.index_client import IndexClient, entry, gmeta_list
from tests.functions.conftest import identity

UNKNOWN = "00000000-0000-4000-8000-0123456789ab"
ENTRY = entry("a", rock="basalt")
MISSING = ["Missing data for required field."]

WITH_BODY: list[tuple[str, str, Any]] = [
    ("POST", "/search", {"q": "*"}),
    ("POST", "/scroll", {"q": "*"}),
    ("POST", "/ingest", gmeta_list(ENTRY)),
    ("POST", "/entry", ENTRY),
    ("PUT", "/entry", ENTRY),
    ("POST", "/batch_delete_by_subject", {"subjects": ["z"]}),
    ("POST", "/delete_by_query", {"q": "rock:chert", "advanced": True}),
    ("PATCH", "", {"description": "New"}),
    ("POST", "/role", {"role_name": "writer", "principal": identity(77)}),
]
"""The routes below an index that take a document, with one that they accept."""
WITHOUT_BODY: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "", {}),
    ("GET", "/search", {"q": "*"}),
    ("GET", "/subject", {"subject": "a"}),
    ("GET", "/entry", {"subject": "a"}),
    ("GET", "/role_list", {}),
    ("DELETE", "/entry", {"subject": "z"}),
    ("DELETE", "/subject", {"subject": "z"}),
]
"""The routes below an index without a document, with parameters that they accept."""
AT_LAST: list[tuple[str, str, dict[str, str]]] = [("DELETE", "", {}), ("POST", "/reopen", {})]
BESIDE = ("/v1/task_list/{}", "/beta/index/{}/mapping", "/beta/index/{}/field_budget")
SHARED_ROUTES = ("/search", "/scroll", "/ingest", "/entry", "/subject")


def beside(cores: IndexClient, index_id: str, key: str | None) -> list[Answered]:
    """Answers of the routes whose path has the index elsewhere."""
    return [cores.service.send("GET", path.format(index_id), key=key) for path in BESIDE]


@pytest.fixture
def filled(cores: IndexClient) -> IndexClient:
    cores.write(ENTRY)
    return cores


@pytest.fixture
def successes(filled: IndexClient) -> list[Answered]:
    """An answer of every route."""
    service, owner = filled.service, filled.keys["owner"]
    task_id = filled.submit("PUT", "/entry", ENTRY)
    filled.drain(filled.index_id)
    answers = [filled.send(method, route, body) for method, route, body in WITH_BODY]
    role_id = answers[-1].json["id"]
    filled.drain(filled.index_id)
    answers += [filled.send(method, route, **query) for method, route, query in WITHOUT_BODY]
    answers += beside(filled, filled.index_id, owner)
    answers += [
        service.send("GET", f"/v1/task/{task_id}", key=owner),
        service.send("GET", "/v1/index_list", key=owner),
        service.send("GET", f"/beta/index/{filled.index_id}/mapping/rock", key=owner),
        service.send("POST", "/v1/index", {"display_name": "a", "description": ""}, key=owner),
        filled.send("DELETE", f"/role/{role_id}"),
    ]
    filled.drain(filled.index_id)
    answers += [filled.send(method, route, **query) for method, route, query in AT_LAST]
    assert [answer.status for answer in answers] == [200] * len(answers)
    return answers


@pytest.fixture
def failures(filled: IndexClient) -> list[Answered]:
    """An answer of every class of the catalogue of errors that a caller can cause."""
    service, keys = filled.service, filled.keys
    large = "x" * 5_000_000
    answers = [filled.send(method, route, "no json") for method, route, _ in WITH_BODY]
    answers += [filled.send(method, route, {}) for method, route, _ in WITH_BODY if route]
    answers += [
        filled.send("GET", "/subject"),
        filled.send("GET", "/search", q="rock:(", advanced="true"),
        filled.send("POST", "/role", {"role_name": "boss", "principal": "x"}),
        filled.send("POST", "/ingest", gmeta_list(ENTRY), by=None),
        service.send("GET", f"/v1/index/{filled.index_id}", key="nonsense"),
        filled.send("POST", "/ingest", gmeta_list(ENTRY), by="reader"),
        filled.send("PATCH", "", {}, by="writer"),
        filled.send("GET", "/subject", subject="nothing"),
        service.send("GET", f"/v1/task/{UNKNOWN}", key=keys["owner"]),
        service.send("GET", f"/v1/index/{UNKNOWN}/search", q="a"),
        filled.send("POST", "/reopen"),
        filled.send("POST", "/role", {"role_name": "writer", "principal": identity(3)}),
        filled.send("POST", "/ingest", gmeta_list(entry("a", text=large))),
    ]
    outside = open_api(routes_of("not_found"), Container(settings.load("not_found", ENVIRONMENT)))
    answers += [
        send(outside, event("GET", "/v2/nothing")),
        send(outside, event("PATCH", f"/v1/index/{filled.index_id}/search")),
    ]
    assert {answer.status for answer in answers} == {400, 401, 403, 404, 405, 409, 413}
    return answers


@pytest.mark.compliance(1)
def test_every_answer_is_json(successes: list[Answered], failures: list[Answered]) -> None:
    for answer in successes + failures:
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json, dict)


@pytest.mark.compliance(2, 3)
def test_every_error_is_a_whole_error_document(failures: list[Answered]) -> None:
    for answer in failures:
        document = answer.json
        assert document["@datatype"] == "GError"
        assert re.fullmatch(r"[A-Za-z]+\.[A-Za-z]+", document["code"])
        assert isinstance(document["message"], str)
        assert re.fullmatch(r"[0-9a-f]{32}", document["request_id"])
        assert type(document["status"]) is int
        assert document["status"] == answer.status
        assert "errors" not in document
        assert document.get("error_data", {}) is not None


@pytest.mark.compliance(4, 5)
@pytest.mark.parametrize("segment", [UNKNOWN, "no-uuid"])
def test_no_route_knows_an_unknown_index(cores: IndexClient, segment: str) -> None:
    cores.index_id = segment
    answers = [cores.send(method, route, body) for method, route, body in WITH_BODY]
    answers += [cores.send(method, route, **query) for method, route, query in WITHOUT_BODY]
    answers += [cores.send(method, route, **query) for method, route, query in AT_LAST]
    answers += beside(cores, segment, cores.keys["owner"])
    for answer in answers:
        assert (answer.status, answer.code) == (404, "NotFound.NoSuchIndex")
        assert f'"{segment}"' in answer.json["message"]


@pytest.mark.compliance(6)
def test_a_wrong_token_is_refused_where_none_is_needed(filled: IndexClient) -> None:
    filled.keys["forged"] = filled.keys["owner"][:-4] + "AAAA"
    filled.keys["nonsense"] = "nonsense"
    assert filled.subjects("basalt", by=None) == ["a"]
    for by in ("forged", "nonsense"):
        for route, query in (
            ("", {}),
            ("/search", {"q": "basalt"}),
            ("/subject", {"subject": "a"}),
        ):
            answer = filled.send("GET", route, by=by, **query)
            assert (answer.status, answer.code) == (401, "Unauthorized.Generic")
        for route in ("/search", "/scroll"):
            assert filled.send("POST", route, {"q": "basalt"}, by=by).status == 401


@pytest.mark.compliance(7)
def test_a_scope_allows_its_half_only(filled: IndexClient) -> None:
    reads = [("GET", "/search", None, {"q": "*"}), ("POST", "/scroll", {"q": "*"}, {})]
    writes = [
        ("POST", "/ingest", gmeta_list(ENTRY), {}),
        ("DELETE", "/subject", None, {"subject": "z"}),
    ]

    def statuses(calls: list[Any], by: str) -> list[tuple[int, str | None]]:
        answers = [
            filled.send(method, path, body, by=by, **query) for method, path, body, query in calls
        ]
        return [(each.status, each.code if each.status != 200 else None) for each in answers]

    refused = [(403, "Forbidden.Generic")] * 2
    assert statuses(reads, "searcher") == [(200, None)] * 2
    assert statuses(writes, "searcher") == refused
    assert statuses(reads, "ingester") == refused
    assert statuses(writes, "ingester") == [(200, None)] * 2


@pytest.mark.compliance(8)
def test_booleans_come_as_each_sdk_spells_them(filled: IndexClient) -> None:
    def found(advanced: str) -> int:
        answer = filled.send("GET", "/search", q="NOT basalt", advanced=advanced)
        assert answer.status == 200
        total: int = answer.json["total"]
        return total

    assert [found("True"), found("true")] == [0, 0]
    assert found("False") == 1  # in plain mode NOT is a word


@pytest.mark.compliance(9)
def test_no_route_takes_a_body_that_is_not_json(cores: IndexClient) -> None:
    answers = [
        cores.send(method, route, body)
        for method, route, _ in WITH_BODY
        for body in ("", "no json", "[1]")
    ]
    answers.append(cores.service.send("POST", "/v1/index", "no json", key=cores.keys["owner"]))
    for answer in answers:
        assert (answer.status, answer.code) == (400, "BadRequest.Generic")


@pytest.mark.compliance(10)
@pytest.mark.parametrize(
    ("method", "route", "body", "path"),
    [
        ("POST", "/ingest", {"ingest_type": "GMetaList"}, ["ingest_data"]),
        ("POST", "/ingest", gmeta_list({}), ["ingest_data", "gmeta", "0", "subject"]),
        ("PUT", "/entry", {"subject": "a", "content": {}}, ["visible_to"]),
        ("POST", "/batch_delete_by_subject", {}, ["subjects"]),
        ("POST", "/role", {"role_name": "writer"}, ["principal"]),
        ("POST", "/search", {"filters": [{"type": "exists"}]}, ["filters", "0", "field_name"]),
        ("POST", "/search", {"q": "", "boosts": [{"field_name": "a"}]}, ["boosts", "0", "factor"]),
    ],
)
def test_a_missing_field_is_named_with_its_path(
    cores: IndexClient, method: str, route: str, body: dict[str, Any], path: list[str]
) -> None:
    answer = cores.send(method, route, body)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
    found = answer.json["error_data"]["messages"]["json"]
    for step in path:
        found = found[step]
    assert found == MISSING


@pytest.mark.compliance(11)
def test_a_missing_subject_is_named(cores: IndexClient) -> None:
    for method, route in (
        ("GET", "/subject"),
        ("GET", "/entry"),
        ("DELETE", "/subject"),
        ("DELETE", "/entry"),
    ):
        answer = cores.send(method, route)
        assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
        assert answer.json["error_data"] == {"messages": {"query": {"subject": MISSING}}}


@pytest.mark.compliance(12)
def test_a_preflight_allows_what_browsers_clients_send() -> None:
    api = open_api(routes_of("not_found"), Container(settings.load("not_found", ENVIRONMENT)))
    asked = {
        "Origin": "https://portal.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-globus-client-info",
    }
    answer = send(api, event("OPTIONS", f"/v1/index/{UNKNOWN}/search", headers=asked))

    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-globus-client-info"} <= set(allowed)
    methods = answer.headers["access-control-allow-methods"].split(", ")
    assert set(methods) == {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.compliance(13, 38)
def test_what_no_schema_knows_is_ignored_at_every_level(cores: IndexClient) -> None:
    extra = {"@datatype": "Something", "@version": "2016-11-09", "unheard": {"of": [1]}}
    document = gmeta_list(ENTRY | {"@datatype": "GMetaEntry", "mimetype": "text/plain"}, **extra)
    document["ingest_data"] |= {"@datatype": "GMetaList", "@version": "2017-09-01", "more": 1}
    assert cores.outcome("POST", "/ingest", document)["state"] == "SUCCESS"

    unknown = {"@datatype": "GSearchRequest", "query_template": "x", "resource_type": "y"}
    assert cores.subjects("basalt", **unknown) == ["a"]
    scrolled = cores.send("POST", "/scroll", {"q": "basalt", "offset": 5, "sort": [], **unknown})
    assert scrolled.json["count"] == 1


@pytest.mark.compliance(14)
@pytest.mark.parametrize("version", ["query#9.0.0", "scroll#1.0.0", "2019-08-27", 1])
def test_a_search_of_an_unknown_version_is_refused(
    service: Service, index_id: str, version: Any
) -> None:
    body = {"q": "a", "@version": version}
    answer = service.send("POST", f"/v1/index/{index_id}/search", body)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
