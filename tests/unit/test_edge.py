"""Parameters, bodies, answers, errors and the log line of the edge."""

import gzip
import logging
from typing import Any

import pytest

from garner import errors, limits
from garner.api.answer import Answer, accepts_gzip, pack
from garner.api.errors import status_of
from garner.api.parameters import Parameters
from garner.api.request import Request
from garner.api.resolver import Api
from garner.domain.principals import ANONYMOUS
from garner.runtime.clock import RandomIds
from tests.fakes.api import Answered, event, send

# --- parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1", "t", "yes", "Y", "on"])
@pytest.mark.compliance(8)
def test_what_means_true(text: str) -> None:
    assert Parameters.parse(f"advanced={text}").boolean("advanced")


@pytest.mark.parametrize("query", ["advanced=False", "advanced=0", "advanced=", "", "advanced=Off"])
def test_what_means_false(query: str) -> None:
    assert not Parameters.parse(query).boolean("advanced")


def test_what_is_no_boolean_is_named() -> None:
    with pytest.raises(errors.ValidationFailed) as caught:
        Parameters.parse("advanced=maybe").boolean("advanced")
    assert caught.value.details == {"messages": {"query": {"advanced": ["Not a valid boolean."]}}}


def test_lists_are_comma_delimited_or_repeated() -> None:
    parameters = Parameters.parse("roles=owner,admin&roles=+writer+&empty=")
    assert parameters.names("roles") == ["owner", "admin", "writer"]
    assert parameters.names("empty") is None
    assert parameters.names("absent") is None


def test_plus_and_percent_twenty_are_spaces_and_text_is_utf8() -> None:
    parameters = Parameters.parse("q=a+b%20c&s=https%3A%2F%2Fx%2Fa%2Cb&u=%C3%A9&bad=%FF")
    assert parameters.text("q") == "a b c"
    assert parameters.text("s") == "https://x/a,b"
    assert parameters.text("u") == "é"
    assert parameters.text("bad") == "\ufffd"


@pytest.mark.parametrize("text", ["x", "1.5", "-1", "11", "\uff19", "9" * 30])
def test_an_integer_out_of_its_range_is_refused(text: str) -> None:
    with pytest.raises(errors.ValidationFailed):
        Parameters({"limit": [text]}).integer("limit", 5, 0, 10)


def test_integers_have_a_default() -> None:
    assert Parameters.parse("limit=").integer("limit", 5, 0, 10) == 5
    assert Parameters.parse("limit=7").integer("limit", 5, 0, 10) == 7


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(errors.BadRequest):
        Parameters.parse("&".join(f"a{n}=1" for n in range(1_001)))


# --- bodies -------------------------------------------------------------------------------------


def request(body: str | bytes, **headers: str) -> Request:
    return Request.of(event("POST", "/", body=body, headers=headers), "0" * 32)


def test_a_gzip_body_of_several_members_is_one_body() -> None:
    body = gzip.compress(b'{"a"') + gzip.compress(b":1}")
    assert request(body, **{"Content-Encoding": "GZIP"}).json() == {"a": 1}


ZIPPED = gzip.compress(b"{}", mtime=0)


@pytest.mark.parametrize(
    "body", [ZIPPED[:-9], ZIPPED + b"rest", b"{}"], ids=["cut", "with a rest", "plain"]
)
def test_a_broken_gzip_body_is_refused(body: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        request(body, **{"Content-Encoding": "gzip"}).json()


def test_a_body_at_the_limit_is_taken() -> None:
    fits = b'"' + b"x" * (limits.MAX_BODY_BYTES - 2) + b'"'
    assert len(request(fits).body) == limits.MAX_BODY_BYTES
    with pytest.raises(errors.TooLarge):
        request(fits + b" ").body  # noqa: B018 - it is read then


def test_a_fingerprint_covers_everything_that_was_sent() -> None:
    def fingerprint(method: str, path: str, query: str, body: str) -> str:
        return Request.of(event(method, path, query=query, body=body), "0" * 32).fingerprint()

    same = fingerprint("POST", "/a", "x=1&y=2", "{}")
    assert fingerprint("POST", "/a", "y=2&x=1", "{}") == same
    for other in (
        fingerprint("PUT", "/a", "x=1&y=2", "{}"),
        fingerprint("POST", "/b", "x=1&y=2", "{}"),
        fingerprint("POST", "/a", "x=1", "{}"),
        fingerprint("POST", "/a", "x=1&y=2", "{ }"),
    ):
        assert other != same


# --- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip, deflate", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("deflate", False),
        ("", False),
    ],
)
def test_who_accepts_gzip(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_a_small_answer_is_not_compressed() -> None:
    assert pack(b"{}", "gzip") == ("{}", {"Vary": "Accept-Encoding"})


def test_an_answer_that_would_not_fit_is_refused() -> None:
    large = b"x" * (limits.MAX_ANSWER_BYTES + 1)
    with pytest.raises(errors.ResultTooLarge, match="scroll"):
        pack(large, "")
    packed, headers = pack(large, "gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == large  # type: ignore[arg-type]


def test_the_limit_counts_what_escaping_adds() -> None:
    quotes = b'"' * (limits.MAX_ANSWER_BYTES // 2 + 1)
    with pytest.raises(errors.ResultTooLarge):
        pack(quotes, "")


# --- the edge -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.QuerySyntaxError("a", 1), 400),
        (errors.ResultTooLarge("a"), 400),
        (errors.NoSuchIndex("a"), 404),
        (errors.LimitExceeded("a", "b", "c"), 409),
        (errors.Unprocessable("a"), 422),
        (errors.TooManyRequests("a", 3), 429),
        (errors.Unavailable("a"), 503),
        (errors.QueryTimeout("a"), 504),
        (errors.GarnerError("a"), 500),
    ],
)
def test_the_status_is_that_of_the_nearest_kind(error: errors.GarnerError, status: int) -> None:
    assert status_of(error) == status


def api_of(result: Any) -> Api:
    """A function whose one route returns, or raises, `result`."""
    api = Api(authenticate=lambda _: ANONYMOUS, ids=RandomIds())

    @api.get("/v1/index/<index_id>")
    def route(request: Request, index_id: str) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return api


def ask(api: Api, path: str = "/v1/index/a", **more: Any) -> Answered:
    return send(api, event("GET", path, **more))


def test_an_answer_is_json_whatever_it_was() -> None:
    for result in ({"a": 1}, b'{"a":1}', Answer(b'{"a":1}')):
        answer = ask(api_of(result))
        assert (answer.status, answer.json) == (200, {"a": 1})
        assert answer.headers["content-type"] == "application/json"


def test_a_large_json_answer_is_compressed() -> None:
    document = {"text": "word " * 2_000}
    answer = ask(api_of(document), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json == document


def test_a_defect_tells_nothing_but_is_logged_with_its_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "garner"):
        answer = ask(api_of(KeyError("secret")))

    assert (answer.status, answer.code) == (500, "ServerError.Generic")
    assert b"secret" not in answer.content
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert record.__dict__["request_id"] == answer.json["request_id"]


def test_a_refusal_is_logged_once_and_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "garner"):
        answer = ask(api_of(errors.NoSuchIndex("a")))

    (record,) = caplog.records
    assert (record.levelname, record.getMessage(), record.exc_info) == (
        "INFO",
        "request served",
        None,
    )
    logged = record.__dict__
    assert (logged["status"], logged["code"]) == (404, answer.code)
    assert (logged["route"], logged["index_id"]) == ("/v1/index/<index_id>", "a")


@pytest.mark.parametrize("path", ["/v1/index/a/", "/v1/index", "/v1/index/a/b"])
def test_a_path_with_more_or_less_is_not_found(path: str) -> None:
    answer = ask(api_of({}), path)
    assert (answer.status, answer.code) == (404, "NotFound.Generic")


def test_a_retryable_error_says_when() -> None:
    assert ask(api_of(errors.TooManyRequests("a", 30))).headers["retry-after"] == "30"


@pytest.mark.compliance(3)
def test_an_error_without_details_has_no_error_data() -> None:
    for error in (errors.NotFound("a"), errors.Conflict("a", {})):
        assert "error_data" not in ask(api_of(error)).json


def test_a_body_that_is_no_base64_is_refused() -> None:
    sent = event("GET", "/v1/index/a", body=b"{}") | {"body": "%%%"}
    with pytest.raises(errors.BadRequest):
        Request.of(sent, "0" * 32).json()


def test_what_a_request_counted_is_written_when_it_is_served() -> None:
    served = []
    api = Api(authenticate=lambda _: ANONYMOUS, ids=RandomIds(), after=lambda: served.append(1))
    api(event("GET", "/nowhere"), None)
    assert served == [1]
