"""The OpenAPI document: it is what the functions are, it is valid, and it is served."""

import json
from html.parser import HTMLParser

import pytest
import yaml
from openapi_spec_validator import validate

from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.start import open_api
from tests.fakes.api import ENVIRONMENT, Answered, event, routes_of, send
from tests.fakes.openapi import check_answer
from tools import openapi


def ask(function: str, method: str, path: str, **more: str) -> Answered:
    container = Container(settings.load(function, ENVIRONMENT))
    api = open_api(routes_of(function), container)
    return send(api, event(method, path, headers=more))


def test_the_committed_files_are_what_the_functions_are() -> None:
    for path, text in openapi.files().items():
        assert path.read_text("utf-8") == text, f"{path}: run python -m tools.openapi"


def test_the_document_is_valid() -> None:
    validate(json.loads(openapi.DOCUMENT.read_text("utf-8")))


def test_the_document_is_served() -> None:
    answer = ask("openapi", "GET", "/openapi.json", **{"Accept-Encoding": "gzip"})
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.json == json.loads(openapi.DOCUMENT.read_text("utf-8"))


def test_the_page_shows_every_operation_and_loads_nothing() -> None:
    answer = ask("openapi", "GET", "/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"

    class Page(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.loaded: list[str] = []
            self.places: set[str | None] = set()
            self.led_to: set[str | None] = set()
            self.text = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.loaded += [tag] if tag in ("script", "link", "img", "iframe") else []
            self.places.add(dict(attrs).get("id"))
            self.led_to.add(dict(attrs).get("href"))

        def handle_data(self, data: str) -> None:
            self.text += data

    page = Page()
    page.feed(answer.content.decode())
    assert page.loaded == []
    assert page.led_to <= {None, "openapi.json", *(f"#{place}" for place in page.places)}
    for _, path in openapi.routes():
        assert path in page.text


@pytest.mark.parametrize("path", ["/v2/index", "/v1/index/", "/v1/index/a/search/", "/v1", "/v1/'"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    answer = ask("not_found", "GET", path)
    assert (answer.status, answer.code) == (404, "NotFound.Generic")


def test_a_wrong_method_is_told_the_right_ones() -> None:
    answer = ask("not_found", "PATCH", "/v1/index/abc/search")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed.Generic")
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.compliance(12)
def test_a_preflight_is_answered() -> None:
    answer = ask("not_found", "OPTIONS", "/v1/index/abc/search", origin="https://portal.example")
    assert (answer.status, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-Globus-Client-Info" in answer.headers["access-control-allow-headers"]


def test_an_answer_that_the_document_does_not_describe_is_found() -> None:
    with pytest.raises(AssertionError, match="GSearchResult"):
        check_answer("GET", "/v1/index/a/search", 200, {"gmeta": []})
    with pytest.raises(AssertionError, match="GError"):
        check_answer("GET", "/v1/index/a/search", 404, {"message": "no"})


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("POST", "/controller/update", 200, {"message": "Your request started"}),
        ("POST", "/controller/update", 400, {"message": "Failed Request"}),
        ("POST", "/controller/ingest", 201, {"message": "Failed request - on HOLD."}),
        ("GET", "/controller/update_status", 200, {"status": "Finished", "since": 1}),
        ("GET", "/controller/update_status", 400, {"message": "Failed Request : reason"}),
        ("GET", "/controller/statistics", 200, {"statistics": []}),
        ("POST", "/controller/pause", 401, {"message": "Access Denied"}),
        ("GET", "/v1/source", 200, {"sources": [{"source_id": "SRC"}]}),
        ("GET", "/v1/source/SRC", 404, {"message": "no"}),
        ("GET", "/v1/index/a/name_list", 200, {"names": [{"name": "a", "index_id": 7}]}),
    ],
)
def test_wrong_answers_of_the_controller_and_the_registry_are_found(
    method: str, path: str, status: int, body: object
) -> None:
    with pytest.raises(AssertionError):
        check_answer(method, path, status, body)


def test_parameters_with_a_dash_have_it_in_the_document() -> None:
    update = openapi.document()["paths"]["/controller/update"]["post"]
    names = [parameter["name"] for parameter in update["parameters"]]
    assert sorted(name for name in names if name.startswith("-")) == [
        "-dupPerc",
        "-errPerc",
        "-f",
        "-skipCheck",
        "-sourceType",
    ]


class Template(yaml.SafeLoader):
    """Reads CloudFormation's own tags as what they hold."""


Template.add_multi_constructor(
    "!", lambda loader, _, node: getattr(node, "value", None) and str(node.value)
)


def test_the_gateway_has_the_routes_that_the_functions_have() -> None:
    template = yaml.load(
        (openapi.ROOT / "template.yaml").read_text("utf-8"),
        Loader=Template,  # noqa: S506 - a safe loader
    )
    events = [
        item["Properties"]
        for resource in template["Resources"].values()
        for item in resource.get("Properties", {}).get("Events", {}).values()
        if item["Type"] == "HttpApi" and "Path" in item.get("Properties", {})
    ]
    assert sorted((item["Method"], item["Path"]) for item in events) == sorted(openapi.routes())
