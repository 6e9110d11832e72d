"""The guarded fetch against servers that mean harm, on the loopback that a setting lets it use."""

import gzip
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from garner import limits
from garner.ports.webhooks import Sent
from garner.sources.addresses import Allowed
from garner.sources.fetch import Fetched, FetchFailed, FetchRequest, GuardedFetch, Timing
from garner.sources.webhook_sender import GuardedWebhookSender
from tests.fakes.tls import self_signed
from tests.sources.hostile import Asked, answer, serving

LOOPBACK = Allowed(networks=("127.0.0.1/32",))
FETCH = GuardedFetch(LOOPBACK, Timing(connect=2, total=5))
HASTY = GuardedFetch(LOOPBACK, Timing(connect=2, total=0.5))


def got(url: str, fetch: GuardedFetch = FETCH, **options: Any) -> tuple[bytes, Fetched]:
    fetched = fetch.get(FetchRequest(url, allow_http=True, **options))
    with fetched.body as body:
        return body.read(), fetched


def refusal(url: str, fetch: GuardedFetch = FETCH, **options: Any) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        got(url, fetch, **options)
    return caught.value


def test_a_body_arrives_with_its_type_and_validator() -> None:
    with serving(lambda _: answer(b"a,b\n", Content_Type="Text/CSV; x=y", ETag='"1"')) as server:
        body, fetched = got(server.url("/x?y=1"))
    assert body == b"a,b\n"
    assert (fetched.size, fetched.complete, fetched.offset) == (4, True, 0)
    assert (fetched.media_type, fetched.validator) == ("text/csv", '"1"')
    assert server.asked[0].target == "/x?y=1"
    assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(lambda _: answer(b"x")) as server:
        assert got(server.url())[0] == b"x"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/",
        "http://127.0.0.1:1/",
        "//127.0.0.1/",
        "https:///x",
        "https://[::1",
        "https://127.0.0.1:99999/",
        "https://a\r\nHost: b/",
        "https://a b/",
        "",
    ],
)
def test_only_https_addresses_are_fetched(url: str) -> None:
    with pytest.raises(FetchFailed):
        FETCH.get(FetchRequest(url))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "10.0.0.1",
        "172.31.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "ff02::1",
        "2001::1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    fetch = GuardedFetch(resolve=lambda *_, **__: [(0, 0, 0, "", (address, 443))])
    assert "may not use" in refusal("https://source.test/", fetch).message


def test_one_private_address_among_public_ones_is_enough() -> None:
    found = [(0, 0, 0, "", (each, 443)) for each in ("8.8.8.8", "10.0.0.1")]
    assert (
        "may not use"
        in refusal("https://s.test/", GuardedFetch(resolve=lambda *_, **__: found)).message
    )


@pytest.mark.parametrize("url", ["https://127.1/", "https://2130706433/", "https://0x7f.1/"])
def test_odd_spellings_of_loopback_are_refused(url: str) -> None:
    refusal(url, GuardedFetch())


def test_public_addresses_pass_the_check() -> None:
    assert Allowed().permits("a.test", "8.8.8.8")
    assert Allowed().permits("a.test", "2606:4700::1111")


def test_the_name_is_resolved_once_and_the_checked_address_connected_to() -> None:
    answers = iter([[(0, 0, 0, "", ("127.0.0.1", 0))], [(0, 0, 0, "", ("127.0.0.2", 0))]])
    fetch = GuardedFetch(LOOPBACK, resolve=lambda *_, **__: next(answers))
    with serving(lambda _: answer(b"x")) as server:
        assert got(f"http://rebinding.test:{server.port}/", fetch)[0] == b"x"
    assert server.asked[0].headers["host"] == f"rebinding.test:{server.port}"


def test_a_trusted_host_is_named_exactly() -> None:
    assert Allowed(hosts=frozenset({"in.corp"})).permits("IN.corp.", "10.0.0.1")
    assert not Allowed(hosts=frozenset({"in.corp"})).permits("x.in.corp", "10.0.0.1")


# --- redirects -----------------------------------------------------------------------------------


def test_redirects_are_followed_five_times() -> None:
    def respond(asked: Asked) -> bytes:
        left = int(asked.path[1:])
        return answer(b"end") if not left else answer(b"", 302, Location=f"/{left - 1}")

    with serving(respond) as server:
        assert got(server.url("/5"))[0] == b"end"
        assert "more than 5 times" in refusal(server.url("/6")).message


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://169.254.169.254/latest/meta-data/", "may not use"),
        ("http://[::ffff:169.254.169.254]/", "may not use"),
        ("http://localhost:1/", "may not use"),
        ("file:///proc/self/environ", "has no host"),
        ("file://127.0.0.1/proc/self/environ", "not an https address"),
        ("", "redirects to nowhere"),
        ("http://[", "not a URL"),
    ],
)
def test_each_hop_is_checked(location: str, message: str) -> None:
    fetch = GuardedFetch(LOOPBACK, Timing(2, 5), resolve=_no_ipv6_loopback)
    with serving(lambda _: answer(b"", 301, Location=location)) as server:
        assert message in refusal(server.url(), fetch).message


def _no_ipv6_loopback(host: str, port: int, **_: Any) -> list[Any]:
    return [(0, 0, 0, "", ("127.0.0.9" if host == "localhost" else host, port))]


def test_a_redirect_loop_ends() -> None:
    with serving(lambda _: answer(b"", 302, Location="/")) as server:
        assert "redirects more than" in refusal(server.url()).message
    assert len(server.asked) == 6


def test_credentials_go_to_their_host_only_and_into_no_message() -> None:
    with serving(lambda _: answer(b"", 500)) as other:

        def respond(asked: Asked) -> bytes:
            if asked.path == "/a":
                return answer(b"", 302, Location="/b")
            return answer(b"", 302, Location=other.url("/c?token=tok"))

        with serving(respond) as server:
            url = server.url("/a?api_key=s3cret").replace("://", "://me:p%40ss@")
            error = refusal(url)
    authorised = ["authorization" in each.headers for each in server.asked + other.asked]
    assert authorised == [True, True, False]
    assert server.asked[0].headers["authorization"] == "Basic bWU6cEBzcw=="
    assert error.status == 500
    assert not any(word in str(error) for word in ("s3cret", "p%40ss", "p@ss", "me:", "tok"))


# --- answers -------------------------------------------------------------------------------------


def test_an_error_answer_is_told_by_its_status_and_never_by_its_text() -> None:
    with serving(lambda _: answer(b"secret of an inner page", 403)) as server:
        error = refusal(server.url())
    assert (error.status, error.retryable) == (403, False)
    assert "secret" not in str(error)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_may_be_retried_when_the_server_says(status: int) -> None:
    with serving(lambda _: answer(b"", status, Retry_After="7")) as server:
        error = refusal(server.url())
    assert (error.retryable, error.wait_seconds) == (True, 7.0)


def test_an_unreachable_host_may_be_retried() -> None:
    with serving(lambda _: answer()) as server:
        url = server.url()
    assert refusal(url).retryable


def test_gzip_is_unpacked_and_another_encoding_refused() -> None:
    def respond(asked: Asked) -> bytes:
        if asked.path == "/deflate":
            return answer(zlib.compress(b"data"), Content_Encoding="deflate")
        return answer(gzip.compress(b"data"), Content_Encoding=asked.path[1:])

    with serving(respond) as server:
        assert got(server.url("/gzip"))[0] == b"data"
        assert got(server.url("/deflate"))[0] == b"data"
        for encoding in ("br", "gzip,%20gzip".replace("%20", "")):
            assert "not asked for" in refusal(server.url(f"/{encoding}")).message


def test_only_one_layer_of_encoding_is_taken_off() -> None:
    once = gzip.compress(b"data")
    twice = gzip.compress(once)
    with serving(lambda _: answer(twice, Content_Encoding="gzip")) as server:
        assert got(server.url())[0] == once


def test_a_gzip_bomb_ends_at_the_ratio_limit() -> None:
    bomb = gzip.compress(b"0" * (limits.FETCH_RATIO_FREE_BYTES * 2))
    with serving(lambda _: answer(bomb, Content_Encoding="gzip")) as server:
        assert "100 times its size" in refusal(server.url()).message


@pytest.mark.parametrize("cut", [5, 20])
def test_a_gzip_answer_that_ends_early_or_is_broken_fails(cut: int) -> None:
    half = gzip.compress(b"data" * 100)[:cut]
    with serving(lambda _: answer(half, Content_Encoding="gzip")) as server:
        assert "broke off" in refusal(server.url()).message
    with serving(lambda _: answer(b"no gzip", Content_Encoding="gzip")) as server:
        assert "broken gzip" in refusal(server.url()).message


def test_a_body_larger_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FETCH_MAX_BYTES", 200_000)

    def endless() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 10_000

    with serving(lambda _: endless()) as server:
        assert "more than 200,000 bytes" in refusal(server.url()).message


def drip(head: bytes, part: bytes, stopped: threading.Event) -> Iterator[bytes]:
    yield head
    while not stopped.wait(0.02):
        yield part


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b""),
    ],
    ids=["body", "body without length", "chunks", "header", "silence"],
)
def test_a_slow_drip_ends_with_the_time(head: bytes, part: bytes) -> None:
    stopped = threading.Event()
    with serving(lambda _: drip(head, part, stopped)) as server:
        begun = time.monotonic()
        error = refusal(server.url(), HASTY)
        stopped.set()
    assert "took too long" in error.message
    assert error.retryable
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"no http at all",
        b"",
    ],
)
def test_half_an_answer_is_none(head: bytes) -> None:
    with serving(lambda _: head) as server:
        assert refusal(server.url()).retryable


# --- going on with a file ------------------------------------------------------------------------


def test_a_long_file_that_breaks_off_can_be_gone_on_with() -> None:
    whole = bytes(range(256)) * 8_000
    half = len(whole) // 2

    def respond(asked: Asked) -> bytes:
        if "range" not in asked.headers:
            return answer(whole[:half], Content_Length=str(len(whole)), ETag='"v1"')
        start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
        rest = whole[start:]
        span = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        return answer(rest, 206, Content_Range=span, ETag='"v1"')

    with serving(respond) as server:
        first, told = got(server.url())
        assert (told.complete, told.validator) == (False, '"v1"')
        rest, more = got(server.url(), offset=len(first), validator=told.validator)
    assert first + rest == whole
    assert (more.complete, more.offset) == (True, len(first))
    assert server.asked[1].headers["if-range"] == '"v1"'
    assert server.asked[1].headers["accept-encoding"] == "identity"


def test_a_file_that_changed_comes_whole_again() -> None:
    with serving(lambda _: answer(b"new", ETag='"v2"')) as server:
        body, fetched = got(server.url(), offset=100, validator='"v1"')
    assert (body, fetched.offset) == (b"new", 0)


def test_a_range_that_was_not_asked_for_is_refused() -> None:
    with serving(lambda _: answer(b"x", 206, Content_Range="bytes 5-5/9")) as server:
        assert refusal(server.url(), offset=3, validator='"v"').status == 206
        assert refusal(server.url()).status == 206


def test_a_break_without_a_validator_starts_over() -> None:
    half = answer(b"x" * limits.FETCH_MIN_PIECE_BYTES, Content_Length="90000000", ETag='W/"weak"')
    with serving(lambda _: half) as server:
        assert "broke off" in refusal(server.url()).message


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `good.test`, with its key."""
    return self_signed("good.test", tmp_path_factory.mktemp("tls"))


def test_tls_is_checked_against_the_name_and_not_the_address(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    here = [(0, 0, 0, "", ("127.0.0.1", 0))]
    fetch = GuardedFetch(LOOPBACK, FETCH.timing, str(certificate), lambda *_, **__: here)
    with serving(lambda _: answer(b"x"), context) as server:
        assert got(f"https://good.test:{server.port}/", fetch)[0] == b"x"
        error = refusal(f"https://bad.test:{server.port}/", fetch)
        assert "certificate" in error.message
        assert (
            "certificate"
            in refusal(
                f"https://good.test:{server.port}/", GuardedFetch(LOOPBACK, resolve=fetch.resolve)
            ).message
        )
    assert names[:2] == ["good.test", "bad.test"]


def test_a_slow_drip_over_tls_ends_too(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    here = [(0, 0, 0, "", ("127.0.0.1", 0))]
    fetch = GuardedFetch(LOOPBACK, HASTY.timing, str(certificate), lambda *_, **__: here)
    stopped = threading.Event()
    with serving(lambda _: drip(b"HTTP/1.1 200 OK\r\nX: ", b"x", stopped), context) as server:
        error = refusal(f"https://good.test:{server.port}/", fetch)
        stopped.set()
    assert "took too long" in error.message


def test_https_is_not_left_by_a_redirect(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    here = [(0, 0, 0, "", ("127.0.0.1", 0))]
    fetch = GuardedFetch(LOOPBACK, FETCH.timing, str(certificate), lambda *_, **__: here)
    down = answer(b"", 302, Location="http://good.test/")
    with serving(lambda _: down, context) as server:
        error = refusal(f"https://good.test:{server.port}/", fetch)
    assert "from https to another scheme" in error.message


def sender(certificate: Path, allowed: Allowed = LOOPBACK) -> GuardedWebhookSender:
    here = [(0, 0, 0, "", ("127.0.0.1", 0))]
    timing = Timing(connect=2, total=5)
    return GuardedWebhookSender(
        GuardedFetch(allowed, timing, ca_file=str(certificate), resolve=lambda *_, **__: here)
    )


def test_a_webhook_is_posted_and_only_its_status_comes_back(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(lambda _: answer(b"thanks", 202), context) as server:
        url = f"https://good.test:{server.port}/told?x=1"
        sent = sender(certificate).send(url, {"Garner-Signature": "t=1,v1=0"}, "{}")
    assert sent == Sent(202)
    assert sent.accepted
    assert server.asked[0].headers["garner-signature"] == "t=1,v1=0"
    assert server.asked[0].headers["content-length"] == "2"


def test_a_webhook_is_not_redirected_and_not_sent_to_private_addresses(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    away = answer(b"", 302, Location="https://good.test/elsewhere")
    with serving(lambda _: away, context) as server:
        url = f"https://good.test:{server.port}/"
        assert sender(certificate).send(url, {}, "{}") == Sent(302)
        assert not sender(certificate).send(url, {}, "{}").accepted
        refused = sender(certificate, Allowed()).send(url, {}, "{}")
        plain = sender(certificate).send(f"http://good.test:{server.port}/", {}, "{}")
    assert refused.status is None
    assert "has an address" in str(refused.problem)
    assert plain.status is None
    assert len(server.asked) == 2
