"""OpenID Connect: JSON Web Tokens of one issuer, verified here.

What is trusted is fixed by settings: issuer, audience, algorithms, where the keys are. Nothing in a
token says where to look for a key (`jku`, `x5u` are never read).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from garner.domain.claims import group_urn, identity_urn, scopes_of
from garner.domain.principals import Caller
from garner.errors import Unavailable
from garner.ports.clock import Clock
from garner.storage.tokens.issuer import IssuerClient, as_object

LEEWAY_SECONDS = 60
_KEYS_SECONDS = 3_600.0  # after which keys are fetched anew
_FETCH_SECONDS = 60.0  # the shortest time between two fetches: unknown key ids can't cause a flood
_TYPES = (None, "jwt", "at+jwt")


@dataclass(frozen=True, slots=True)
class Issuer:
    """What is trusted. `jwks_url` is found by discovery if it is None."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    jwks_url: str | None = None
    identity_claim: str = "sub"
    groups_claim: str = "groups"
    default_scopes: tuple[str, ...] = ()


class OidcVerifier:
    """Implements `garner.ports.keys.TokenVerifier`."""

    def __init__(self, trusted: Issuer, *, client: IssuerClient, clock: Clock) -> None:
        self._trusted = trusted
        self._client = client
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")

    def recognises(self, token: str) -> bool:
        return token.count(".") == 2

    def verify(self, token: str) -> tuple[Caller, float] | None:
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(header)
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=list(self._trusted.algorithms),
                audience=self._trusted.audience,
                issuer=self._trusted.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", self._trusted.identity_claim]},
            )
        except jwt.PyJWTError:
            return None
        return self._caller(claims), float(claims["exp"]) + LEEWAY_SECONDS

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        trusted = self._trusted
        identity = identity_urn(trusted.issuer, str(claims[trusted.identity_claim]))
        groups = claims.get(trusted.groups_claim)
        scopes = scopes_of(_words(claims.get("scope") or claims.get("scp")))
        return Caller(
            identity=identity,
            identities=frozenset({identity}),
            groups=frozenset(group_urn(trusted.issuer, name) for name in _words(groups)),
            scopes=scopes or scopes_of(trusted.default_scopes),
        )

    def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        kind, kid = header.get("typ"), header.get("kid")
        if not isinstance(kid, str) or (kind and str(kind).lower()) not in _TYPES:
            return None
        age = self._clock.seconds() - self._fetched_at
        if age > _KEYS_SECONDS or (kid not in self._keys and age > _FETCH_SECONDS):
            self._fetch(kid)
        return self._keys.get(kid)

    def _fetch(self, kid: str) -> None:
        """Keys that are at hand stay good while the issuer does not answer."""
        self._fetched_at = self._clock.seconds()
        try:
            self._keys = self._published()
        except Unavailable:
            if kid not in self._keys:
                self._fetched_at = float("-inf")
                raise

    def _published(self) -> dict[str, jwt.PyJWK]:
        status, document = self._client.request("GET", self._jwks_url())
        listed = as_object(document).get("keys")
        if status != 200 or not isinstance(listed, list):
            raise Unavailable("The keys of the token's issuer can't be read; try again.")
        keys = {}
        for each in listed:
            if isinstance(each, dict) and isinstance(each.get("kid"), str):
                try:
                    keys[each["kid"]] = jwt.PyJWK.from_dict(each)
                except jwt.PyJWTError:
                    continue  # a kind of key that is not for us
        return keys

    def _jwks_url(self) -> str:
        if self._trusted.jwks_url:
            return self._trusted.jwks_url
        base = self._trusted.issuer.rstrip("/")
        _, document = self._client.request("GET", f"{base}/.well-known/openid-configuration")
        url = as_object(document).get("jwks_uri")
        if not isinstance(url, str):
            raise Unavailable("The issuer of this token does not say where its keys are.")
        return url


def _words(value: object) -> list[str]:
    """A claim that is a list of names, or one text of names."""
    if isinstance(value, str):
        return value.split()
    return [str(name) for name in value] if isinstance(value, list) else []
