"""Who calls: from the Authorization header to a `Caller` (contract 0.6).

No header is anonymous. A header that does not prove anything is 401, never anonymous.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

from garner.domain import api_keys
from garner.domain.principals import ANONYMOUS, Caller
from garner.errors import Unauthorized
from garner.ports.clock import Clock
from garner.ports.keys import ApiKey, KeyStore, TokenVerifier

MAX_CACHE_SECONDS = 60.0
_MAX_CACHED = 1_000


class Authenticator:
    """Remembers callers for at most a minute, so that a revoked key is refused soon.

    `keys` and `verifiers` are functions because what is behind them is costly to load and most
    callers don't need it.
    """

    def __init__(
        self,
        *,
        keys: Callable[[], KeyStore],
        verifiers: Callable[[], Sequence[TokenVerifier]] = tuple,
        clock: Clock,
        cache_seconds: float = MAX_CACHE_SECONDS,
    ) -> None:
        self._keys = keys
        self._verifiers = verifiers
        self._clock = clock
        self._cache_seconds = min(cache_seconds, MAX_CACHE_SECONDS)
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    def caller(self, authorization: str | None) -> Caller:
        """Raises `Unauthorized`, or `Unavailable` if a token can't be looked up now."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("Send the header Authorization: Bearer <token>")
        return self.token(token.strip())

    def token(self, token: str) -> Caller:
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        now = self._clock.seconds()
        caller, until = self._known.get(digest, (ANONYMOUS, 0.0))
        if now < until:
            return caller
        self._known.pop(digest, None)
        caller, valid_until = self._look_up(token, now)
        self._known[digest] = caller, min(valid_until, now + self._cache_seconds)
        if len(self._known) > _MAX_CACHED:
            self._known.popitem(last=False)
        return caller

    def _look_up(self, token: str, now: float) -> tuple[Caller, float]:
        parts = api_keys.split(token)
        if parts:
            prefix, secret = parts
            key = self._keys().get(prefix)
            if key and _opens(key, secret, now):
                until = float("inf") if key.expires_at is None else key.expires_at
                return caller_of(key), until
        else:
            for verifier in self._verifiers():
                if verifier.recognises(token) and (found := verifier.verify(token)):
                    return found
        raise Unauthorized("The token is unknown, expired or revoked")


def _opens(key: ApiKey, secret: str, now: float) -> bool:
    alive = not key.disabled and (key.expires_at is None or now < key.expires_at)
    return api_keys.matches(secret, key.secret_hash) and alive


def caller_of(key: ApiKey) -> Caller:
    return Caller(
        identity=key.identity,
        identities=frozenset((key.identity, *key.linked_identities)),
        groups=frozenset(key.groups),
        scopes=frozenset(key.scopes),
        controller_role=key.controller_role,
    )
