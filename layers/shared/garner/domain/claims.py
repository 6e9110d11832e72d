"""From what other issuers say about a caller to principals and scopes."""

import re
import uuid
from collections.abc import Iterable

from garner.domain.principals import (
    GROUP_URN,
    IDENTITY_URN,
    SCOPE_ALL,
    SCOPE_INGEST,
    SCOPE_PREFIX,
    SCOPE_SEARCH,
)

_SCOPES = (SCOPE_ALL, SCOPE_INGEST, SCOPE_SEARCH)
_OWN_SCOPE = re.compile(r"https://[^/\s]+/scopes/[0-9a-f-]{36}/(\w+)\Z")


def identity_urn(issuer: str, name: str) -> str:
    """The principal for an identity of `issuer`. A URN or UUID stands for itself; any other name
    gets a UUID made of issuer and name, the same every time."""
    if IDENTITY_URN.match(name):
        return name.lower()
    return f"urn:globus:auth:identity:{_uuid(issuer, 'identity', name)}"


def group_urn(issuer: str, name: str) -> str:
    """Like `identity_urn`, for a group."""
    if GROUP_URN.match(name):
        return name.lower()
    return f"urn:globus:groups:id:{_uuid(issuer, 'group', name)}"


def scopes_of(texts: Iterable[str]) -> frozenset[str]:
    """The short names among scope strings: as such, in the contract's long form (0.5), or as a
    scope of the client that Garner is registered as."""
    found = set()
    for text in texts:
        own = _OWN_SCOPE.match(text)
        found.add(own[1] if own else text.removeprefix(SCOPE_PREFIX))
    return frozenset(found.intersection(_SCOPES))


def _uuid(issuer: str, kind: str, name: str) -> str:
    try:
        known = str(uuid.UUID(name))
    except ValueError:
        known = ""
    if known and known == name.lower():
        return known
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{issuer}#{kind}:{name}"))
