"""Create, rotate and revoke API keys. The whole key is seen once, by whoever created it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from garner.domain import api_keys
from garner.domain.principals import (
    GROUP_URN,
    IDENTITY_URN,
    SCOPE_ALL,
    SCOPE_INGEST,
    SCOPE_SEARCH,
)
from garner.errors import NotFound, ValidationFailed
from garner.ports.clock import Clock
from garner.ports.keys import ApiKey, KeyStore

SCOPES = (SCOPE_ALL, SCOPE_INGEST, SCOPE_SEARCH)
CONTROLLER_ROLES = ("viewer", "curator", "admin")


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """Whom a new key stands for. `lifetime` is in seconds, None for a key without an end."""

    identity: str
    linked_identities: Sequence[str] = ()
    groups: Sequence[str] = ()
    scopes: Sequence[str] = (SCOPE_ALL,)
    controller_role: str | None = None
    label: str = ""
    lifetime: int | None = None


def create_key(request: KeyRequest, *, keys: KeyStore, clock: Clock) -> str:
    """The new key, `prefix.secret`. Raises `ValidationFailed`."""
    _check(request)
    now = int(clock.seconds())
    return _store(
        ApiKey(
            prefix="",
            secret_hash="",
            identity=request.identity.lower(),
            linked_identities=tuple(urn.lower() for urn in request.linked_identities),
            groups=tuple(urn.lower() for urn in request.groups),
            scopes=tuple(request.scopes),
            controller_role=request.controller_role,
            label=request.label,
            created_at=now,
            expires_at=None if request.lifetime is None else now + request.lifetime,
        ),
        keys,
    )


def rotate_key(prefix: str, *, grace: int, keys: KeyStore, clock: Clock) -> str:
    """A new key for the same identity; the old one works for another `grace` seconds."""
    old = _existing(prefix, keys)
    now = int(clock.seconds())
    new = _store(replace(old, created_at=now, disabled=False), keys)
    ends = now + grace if old.expires_at is None else min(old.expires_at, now + grace)
    keys.replace(replace(old, expires_at=ends))
    return new


def revoke_key(prefix: str, *, keys: KeyStore) -> None:
    """The key stops working, within the minute that callers are remembered for."""
    keys.replace(replace(_existing(prefix, keys), disabled=True))


def _store(template: ApiKey, keys: KeyStore) -> str:
    while True:
        prefix, secret = api_keys.new_key()
        hashed = api_keys.secret_hash(secret)
        if keys.put(replace(template, prefix=prefix, secret_hash=hashed)):
            return api_keys.join(prefix, secret)


def _existing(prefix: str, keys: KeyStore) -> ApiKey:
    key = keys.get(prefix)
    if key is None:
        raise NotFound(f'There is no API key with the prefix "{prefix}"')
    return key


def _check(request: KeyRequest) -> None:
    wrong = [
        ("identity", [] if IDENTITY_URN.match(request.identity) else [request.identity]),
        (
            "linked_identities",
            [urn for urn in request.linked_identities if not IDENTITY_URN.match(urn)],
        ),
        ("groups", [urn for urn in request.groups if not GROUP_URN.match(urn)]),
        ("scopes", [scope for scope in request.scopes if scope not in SCOPES]),
        (
            "controller_role",
            [role for role in (request.controller_role,) if role not in (None, *CONTROLLER_ROLES)],
        ),
    ]
    messages = {name: [f"Not allowed: {value}" for value in values] for name, values in wrong}
    if any(messages.values()):
        raise ValidationFailed({"json": {name: texts for name, texts in messages.items() if texts}})
