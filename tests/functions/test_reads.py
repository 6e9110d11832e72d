"""Search, scroll, subject and entry reads as functions: who may, in which order errors come, what
an absent table means. What queries find is in the engine suite."""

from collections.abc import Callable
from typing import Any

import pytest

from garner.domain.documents import document_id, write_alias
from garner.domain.fields import FieldType, Schema
from garner.errors import Unavailable
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from tests.fakes.api import Answered, Service
from tests.functions.conftest import Keys, identity

UNKNOWN = "00000000-0000-4000-8000-0123456789ab"
SUBJECT = "https://example.org/a,b"


@pytest.fixture
def filled(index_id: str, engine: EngineClient) -> str:
    """An index with a public and a hidden subject."""
    fields = {"rock": FieldType.STRING, "depth": FieldType.INTEGER}
    indexes = OpenSearchIndexes(engine)
    indexes.put_fields(index_id, fields, Schema(fields=fields, version=1))
    write(engine, index_id, SUBJECT, {"rock": "basalt", "depth": 17}, ["public"])
    write(engine, index_id, "hidden", {"rock": "gabbro", "depth": 3}, [identity(1)])
    indexes.refresh(index_id)
    return index_id


def write(
    engine: EngineClient, index_id: str, subject: str, content: dict[str, Any], visible: list[str]
) -> None:
    entry = {"visible_to": visible, "content": content}
    document = {"subject": subject, "live": True, "entries": [entry]}
    path = f"/{write_alias(index_id)}/_doc/{document_id(subject)}"
    assert engine.request("PUT", path, document).ok


def subjects(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.json
    return [result["subject"] for result in answer.json["gmeta"]]


class AbsentTable:
    """A table that does not answer, and remembers that it was asked."""

    def __init__(self) -> None:
        self.asked = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*_: object, **__: object) -> Any:
            self.asked = True
            raise Unavailable("The table can't be reached; try again.")

        return fail


@pytest.fixture
def absent(service: Service, filled: str) -> AbsentTable:
    table = AbsentTable()
    service.apis.clear()
    service.parts["table"] = table
    return table


@pytest.mark.compliance(1, 8)
def test_an_anonymous_search_finds_what_is_public(service: Service, filled: str) -> None:
    answer = service.send("GET", f"/v1/index/{filled}/search", q="basalt", advanced="False")

    assert subjects(answer) == [SUBJECT]
    assert answer.headers["content-type"] == "application/json"
    assert subjects(service.send("GET", f"/v1/index/{filled}/search", q="gabbro")) == []


def test_a_caller_finds_what_it_may_see(service: Service, filled: str, keys: Keys) -> None:
    body = {"q": "*", "@version": "query#1.0.0"}
    found = service.send("POST", f"/v1/index/{filled}/search", body, key=keys.searcher)
    assert sorted(subjects(found)) == ["hidden", SUBJECT]


def test_a_comma_in_a_subject_stays_a_comma(service: Service, filled: str) -> None:
    answer = service.send("GET", f"/v1/index/{filled}/subject", subject=SUBJECT)

    assert answer.json["subject"] == SUBJECT
    assert answer.json["entries"] == [
        {
            "entry_id": None,
            "matched_principal_sets": [],
            "content": {"rock": "basalt", "depth": 17},
        }
    ]


def test_an_entry_is_shown(service: Service, filled: str) -> None:
    shown = service.send("GET", f"/v1/index/{filled}/entry", subject=SUBJECT, entry_id="")
    assert len(shown.json["entries"]) == 1
    missing = service.send("GET", f"/v1/index/{filled}/entry", subject=SUBJECT, entry_id="x")
    assert (missing.status, missing.code) == (404, "NotFound.Generic")


def test_what_a_caller_may_not_see_is_not_found(service: Service, filled: str) -> None:
    answer = service.send("GET", f"/v1/index/{filled}/subject", subject="hidden")
    assert (answer.status, answer.code) == (404, "NotFound.Generic")


def test_scroll_pages_to_the_end(service: Service, filled: str, keys: Keys) -> None:
    path, body = f"/v1/index/{filled}/scroll", {"q": "*", "limit": 1}
    first = service.send("POST", path, body, key=keys.owner)
    second = service.send("POST", path, body | {"marker": first.json["marker"]}, key=keys.owner)
    assert sorted(subjects(first) + subjects(second)) == ["hidden", SUBJECT]
    assert second.json["marker"] is None


@pytest.mark.parametrize(
    ("method", "route", "body"),
    [
        ("GET", "search", None),
        ("POST", "search", "no json"),
        ("POST", "scroll", {}),
        ("GET", "subject", None),
        ("GET", "entry", None),
    ],
)
@pytest.mark.parametrize("segment", [UNKNOWN, "no-uuid"])
@pytest.mark.compliance(4, 5)
def test_an_unknown_index_comes_before_bad_input(
    service: Service, method: str, route: str, body: object, segment: str
) -> None:
    answer = service.send(method, f"/v1/index/{segment}/{route}", body)
    assert (answer.status, answer.code) == (404, "NotFound.NoSuchIndex")
    assert segment in answer.json["message"]


@pytest.mark.compliance(11)
def test_a_missing_parameter_is_named(service: Service, filled: str) -> None:
    for route, name in (("search", "q"), ("subject", "subject"), ("entry", "subject")):
        answer = service.send("GET", f"/v1/index/{filled}/{route}")
        assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
        missing = {"query": {name: ["Missing data for required field."]}}
        assert answer.json["error_data"] == {"messages": missing}


@pytest.mark.compliance(7)
def test_a_token_without_the_search_scope_is_refused(
    service: Service, filled: str, keys: Keys
) -> None:
    path = f"/v1/index/{filled}/search"
    answer = service.send("GET", path, key=keys.ingester)  # q is missing too: that comes later
    assert (answer.status, answer.code) == (403, "Forbidden.Generic")


def test_an_unknown_index_comes_before_the_scope(service: Service, keys: Keys) -> None:
    answer = service.send("GET", f"/v1/index/{UNKNOWN}/search", key=keys.ingester, q="a")
    assert answer.code == "NotFound.NoSuchIndex"


@pytest.mark.compliance(24)
def test_a_deleted_index_is_a_conflict(service: Service, filled: str, keys: Keys) -> None:
    service.send("DELETE", f"/v1/index/{filled}", key=keys.owner)

    for answer in (
        service.send("GET", f"/v1/index/{filled}/search", q="*"),
        service.send("GET", f"/v1/index/{filled}/search"),
        service.send("GET", f"/v1/index/{filled}/subject", subject="a"),
    ):
        assert (answer.status, answer.code) == (409, "Conflict.IncompatibleIndexStatus")
    refused = service.send("GET", f"/v1/index/{filled}/search", key=keys.ingester, q="a")
    assert refused.code == "Forbidden.Generic"


@pytest.mark.compliance(62)
def test_bypass_is_for_owners_and_admins(service: Service, filled: str, keys: Keys) -> None:
    def found(key: str | None) -> Answered:
        path = f"/v1/index/{filled}/search"
        return service.send("GET", path, key=key, q="*", bypass_visible_to="True")

    assert len(subjects(found(keys.admin))) == 2
    assert found(keys.writer).code == "Forbidden.Generic"
    assert subjects(found(None)) == [SUBJECT]


def test_anonymous_reads_do_not_need_the_table(
    service: Service, filled: str, absent: AbsentTable
) -> None:
    assert subjects(service.send("GET", f"/v1/index/{filled}/search", q="basalt")) == [SUBJECT]
    assert service.send("GET", f"/v1/index/{filled}/subject", subject=SUBJECT).status == 200
    assert service.send("GET", f"/v1/index/{filled}/search").status == 400
    assert not absent.asked


def test_without_the_table_keys_and_missing_indexes_are_unavailable(
    service: Service, filled: str, absent: AbsentTable, keys: Keys
) -> None:
    for answer in (
        service.send("GET", f"/v1/index/{filled}/search", q="a", key=keys.owner),
        service.send("GET", f"/v1/index/{UNKNOWN}/search", q="a"),
    ):
        assert (answer.status, answer.code) == (503, "ServiceUnavailable.Generic")
        assert int(answer.headers["retry-after"]) > 0


def test_without_the_engine_reads_are_unavailable(service: Service, filled: str) -> None:
    service.apis.clear()
    service.parts["engine"] = EngineClient("http://127.0.0.1:9")
    answer = service.send("GET", f"/v1/index/{filled}/search", q="a")
    assert (answer.status, answer.code) == (503, "ServiceUnavailable.Generic")


@pytest.mark.compliance(14)
def test_an_unknown_version_is_refused(service: Service, filled: str) -> None:
    body = {"q": "a", "@version": "query#9"}
    answer = service.send("POST", f"/v1/index/{filled}/search", body)
    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")


@pytest.mark.compliance(13)
def test_what_no_schema_knows_is_ignored(service: Service, filled: str) -> None:
    body = {"q": "basalt", "query_template": "x", "@datatype": "GSearchRequest", "marker": 5}
    assert subjects(service.send("POST", f"/v1/index/{filled}/search", body)) == [SUBJECT]
