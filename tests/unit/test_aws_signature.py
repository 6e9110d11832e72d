"""Our signatures are botocore's."""

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from garner.storage.aws.credentials import Credentials
from garner.storage.aws.signature import signed_headers

NOW = datetime(2026, 11, 25, 8, 9, 10, tzinfo=UTC)
WORD = st.text("abcXYZ019-_.~ ,*:/+é", min_size=1, max_size=8)
SEGMENT = WORD.filter(lambda text: text.strip("."))  # none of ours leads to a parent folder


def botocores(
    credentials: Credentials, method: str, url: str, body: bytes, headers: dict[str, str]
) -> str:
    known = BotoCredentials(
        credentials.access_key, credentials.secret_key, credentials.token or None
    )
    request = AWSRequest(method, url, dict(headers), body)
    with mock.patch.object(auth, "get_current_datetime", return_value=NOW):
        auth.SigV4Auth(known, "es", "eu-west-1").add_auth(request)
    return str(request.headers["Authorization"])


@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.lists(SEGMENT, max_size=3),
    st.lists(st.tuples(WORD, WORD), max_size=4, unique_by=lambda pair: pair[0]),
    st.binary(max_size=40),
    st.sampled_from(["", "a-session"]),
)
def test_a_signature_is_botocores(
    method: str, path: list[str], query: list[tuple[str, str]], body: bytes, token: str
) -> None:
    credentials = Credentials("AKID", "SECRET", token)
    # botocore signs a query as it stands, so it has to stand there as AWS will read it.
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    url = "https://search.example.org:8443/" + "/".join(quote(part, safe="") for part in path)
    url += "?" + "&".join(f"{name}={value}" for name, value in encoded) if encoded else ""
    ours = signed_headers(
        credentials, method, url, body, headers={}, service="es", region="eu-west-1", now=NOW
    )
    digest = {"X-Amz-Content-SHA256": ours["X-Amz-Content-SHA256"]}
    assert ours["Authorization"] == botocores(credentials, method, url, body, digest)


def test_a_query_is_signed_as_the_server_decodes_it() -> None:
    def signature(query: str) -> str:
        return signed_headers(
            Credentials("AKID", "SECRET"),
            "GET",
            f"https://x.example.org/i/_mapping?{query}",
            b"",
            headers={},
            service="es",
            region="eu-west-1",
            now=NOW,
        )["Authorization"]

    assert signature("filter_path=*.mappings&a=1") == signature("a=1&filter_path=%2A.mappings")
    assert signature("a=1") != signature("a=2")


@pytest.mark.parametrize("change", [{"service": "aoss"}, {"region": "us-east-1"}, {"body": b"x"}])
def test_everything_that_matters_is_signed(change: dict[str, object]) -> None:
    asked: dict[str, object] = {"service": "es", "region": "eu-west-1", "body": b""}

    def signature(given: dict[str, object]) -> str:
        return signed_headers(
            Credentials("AKID", "SECRET"),
            "POST",
            "https://x.example.org/",
            headers={},
            now=NOW,
            **given,  # type: ignore[arg-type]
        )["Authorization"].rpartition("=")[2]

    assert signature(asked | change) != signature(asked)
