"""OpenID Connect and Globus Auth, against issuers on the loopback."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from garner.errors import Unauthorized, Unavailable
from garner.runtime.clock import SystemClock
from garner.services.authenticate import Authenticator
from garner.storage.tokens.globus_auth import GlobusAuthVerifier
from garner.storage.tokens.issuer import IssuerClient
from garner.storage.tokens.oidc import Issuer, OidcVerifier

IDENTITY, LINKED, GROUP = (f"00000000-0000-4000-8000-{number:012d}" for number in (1, 2, 3))
ALL = "urn:globus:auth:scope:search.api.globus.org:all"


@dataclass
class Server:
    """An issuer whose answers are decided by a test: path → function of the form."""

    answers: dict[str, Callable[[dict[str, str]], tuple[int, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(sent).items()}
            state.asked.append(self.path)
            form["authorization"] = self.headers.get("authorization", "")
            status, document = state.answers[self.path](form)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@dataclass
class Clock(SystemClock):
    """A clock that a test sets ahead."""

    ahead: float = 0.0

    def seconds(self) -> float:
        return time.time() + self.ahead


# --- OpenID Connect -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Oidc:
    server: Server
    private_key: rsa.RSAPrivateKey
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private_key.public_key()))
        self.published = [public | {"kid": "k1", "alg": "RS256", "use": "sig"}]
        where = {"jwks_uri": f"{self.server.url}/keys"}
        self.server.answers |= {
            "/.well-known/openid-configuration": lambda _: (200, where),
            "/keys": lambda _: (200, {"keys": self.published}),
        }
        trusted = Issuer(self.server.url, "garner", ("RS256",))
        self.verifier = OidcVerifier(trusted, client=IssuerClient(), clock=self.clock)

    def token(self, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        whole = {
            "iss": self.server.url,
            "aud": "garner",
            "sub": IDENTITY,
            "exp": time.time() + 600,
            "scope": ALL,
        } | claims
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(kept, self.private_key, "RS256", {"kid": "k1"} | (headers or {}))


@pytest.fixture
def oidc(server: Server, private_key: rsa.RSAPrivateKey) -> Oidc:
    return Oidc(server, private_key)


def test_a_token_stands_for_an_identity_its_groups_and_scopes(oidc: Oidc) -> None:
    found = oidc.verifier.verify(oidc.token(groups=[GROUP, "curators"]))

    assert found is not None
    caller, _ = found
    assert caller.identity == f"urn:globus:auth:identity:{IDENTITY}"
    derived = uuid.uuid5(uuid.NAMESPACE_URL, f"{oidc.server.url}#group:curators")
    assert caller.groups == {f"urn:globus:groups:id:{name}" for name in (GROUP, derived)}
    assert caller.scopes == {"all"}


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"exp": 1_000.0},
        {"exp": None},
        {"sub": None},
        {"nbf": 9_999_999_999},
        {"headers": {"kid": "unknown"}},
        {"headers": {"typ": "logout+jwt"}},
    ],
)
def test_a_token_that_is_not_for_us_is_refused(oidc: Oidc, claims: dict[str, Any]) -> None:
    assert oidc.verifier.verify(oidc.token(**claims)) is None


def test_a_minute_of_difference_between_clocks_is_allowed(oidc: Oidc) -> None:
    assert oidc.verifier.verify(oidc.token(exp=time.time() - 50)) is not None
    assert oidc.verifier.verify(oidc.token(exp=time.time() - 70)) is None


def test_another_algorithm_or_signer_is_refused(oidc: Oidc) -> None:
    claims = {"iss": oidc.server.url, "aud": "garner", "sub": IDENTITY, "exp": time.time() + 600}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        jwt.encode(claims, stranger, "RS256", {"kid": "k1"}),
        jwt.encode(claims, "x" * 64, "HS256", {"kid": "k1"}),
        jwt.encode(claims, "", "none", {"kid": "k1"}),
        "a.b.c",
    ):
        assert oidc.verifier.verify(token) is None


def test_keys_are_fetched_at_a_bounded_rate(oidc: Oidc) -> None:
    def fetched() -> int:
        return oidc.server.asked.count("/keys")

    for _ in range(3):
        assert oidc.verifier.verify(oidc.token()) is not None
        assert oidc.verifier.verify(oidc.token(headers={"kid": "unknown"})) is None
    assert fetched() == 1

    oidc.published.append(oidc.published[0] | {"kid": "k2"})
    oidc.clock.ahead = 61
    assert oidc.verifier.verify(oidc.token(headers={"kid": "k2"})) is not None
    assert fetched() == 2


def test_known_keys_are_good_while_the_issuer_is_away(oidc: Oidc) -> None:
    assert oidc.verifier.verify(oidc.token()) is not None
    oidc.server.answers["/keys"] = lambda _: (503, {})
    oidc.clock.ahead = 4_000

    assert oidc.verifier.verify(oidc.token()) is not None
    oidc.clock.ahead = 4_100
    with pytest.raises(Unavailable):
        oidc.verifier.verify(oidc.token(headers={"kid": "k2"}))


# --- Globus Auth ----------------------------------------------------------------------------------


@pytest.fixture
def globus(server: Server) -> GlobusAuthVerifier:
    groups = [
        {"id": GROUP, "my_memberships": [{"status": "pending"}, {"status": "active"}]},
        {"id": LINKED, "my_memberships": [{"status": "invited"}]},
    ]

    def introspect(form: dict[str, str]) -> tuple[int, Any]:
        assert form["authorization"] == "Basic aWQ6c2VjcmV0"
        assert form["include"] == "identity_set"
        if form["token"] != "good":
            return 200, {"active": False}
        document = {"active": True, "sub": IDENTITY, "identity_set": [IDENTITY, LINKED]}
        return 200, document | {"scope": f"openid {ALL}", "exp": time.time() + 600}

    tokens = [{"resource_server": "groups.api.globus.org", "access_token": "g"}]
    server.answers |= {
        "/v2/oauth2/token/introspect": introspect,
        "/v2/oauth2/token": lambda _: (200, tokens),
        "/v2/groups/my_groups": lambda form: (200, groups if form["authorization"] else []),
    }
    return GlobusAuthVerifier(
        client_id="id",
        client_secret="secret",
        auth_url=server.url,
        groups_url=server.url,
        client=IssuerClient(),
    )


def test_an_introspected_token_stands_for_all_linked_identities(
    globus: GlobusAuthVerifier,
) -> None:
    found = globus.verify("good")
    assert found is not None
    caller, until = found
    assert caller.identities == {f"urn:globus:auth:identity:{each}" for each in (IDENTITY, LINKED)}
    assert caller.groups == {f"urn:globus:groups:id:{GROUP}"}
    assert caller.scopes == {"all"}
    assert until > time.time() + 500


def test_an_inactive_token_is_refused(globus: GlobusAuthVerifier) -> None:
    assert globus.verify("revoked") is None


def test_without_consent_there_are_no_groups(globus: GlobusAuthVerifier, server: Server) -> None:
    server.answers["/v2/oauth2/token"] = lambda _: (403, {"error": "consent_required"})
    found = globus.verify("good")
    assert found is not None
    assert found[0].groups == frozenset()


def test_groups_that_can_not_be_read_hide_nothing_silently(
    globus: GlobusAuthVerifier, server: Server
) -> None:
    server.answers["/v2/groups/my_groups"] = lambda _: (502, {})
    with pytest.raises(Unavailable):
        globus.verify("good")


def test_an_issuer_is_asked_once_a_minute_about_a_token(
    globus: GlobusAuthVerifier, server: Server
) -> None:
    clock = Clock()
    authenticator = Authenticator(
        keys=lambda: pytest.fail("no key"), verifiers=lambda: [globus], clock=clock
    )
    for _ in range(3):
        assert authenticator.caller("Bearer good").identity is not None
    assert server.asked.count("/v2/oauth2/token/introspect") == 1
    clock.ahead = 61
    authenticator.caller("Bearer good")
    assert server.asked.count("/v2/oauth2/token/introspect") == 2
    with pytest.raises(Unauthorized):
        authenticator.caller("Bearer revoked")
