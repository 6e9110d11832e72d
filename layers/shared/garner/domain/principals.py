"""Who calls: principal URNs, the special principals, and a caller's identity set."""

import re
from dataclasses import dataclass, field

PUBLIC = "public"
ALL_AUTHENTICATED = "all_authenticated_users"

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
IDENTITY_URN = re.compile(rf"urn:globus:auth:identity:{_UUID}\Z")
GROUP_URN = re.compile(rf"urn:globus:groups:id:{_UUID}\Z")

SCOPE_PREFIX = "urn:globus:auth:scope:search.api.globus.org:"
SCOPE_ALL, SCOPE_INGEST, SCOPE_SEARCH = "all", "ingest", "search"


def is_principal_urn(text: str) -> bool:
    return bool(IDENTITY_URN.match(text) or GROUP_URN.match(text))


def is_visibility_principal(text: str) -> bool:
    """Legal in `visible_to`: a URN or one of the special strings (contract 1)."""
    return text in (PUBLIC, ALL_AUTHENTICATED) or is_principal_urn(text)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request. All URNs are in lower case.

    `identities` holds the primary and every linked identity, `groups` the groups of any of them.
    `scopes` are the short names (`all`, `ingest`, `search`). `controller_role` is `viewer`,
    `curator`, `admin` or None (controller contract, Q22).
    """

    identity: str | None = None
    identities: frozenset[str] = field(default_factory=frozenset)
    groups: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    controller_role: str | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.identity is None

    @property
    def principals(self) -> frozenset[str]:
        """The identity set that roles and principal sets are matched against."""
        return self.identities | self.groups

    @property
    def visibility(self) -> list[str]:
        """What may stand in `visible_to` for this caller to see an entry, sorted."""
        if self.is_anonymous:
            return [PUBLIC]
        return sorted({PUBLIC, ALL_AUTHENTICATED, *self.principals})

    def may(self, *scopes: str) -> bool:
        """Holds one of `scopes`, or `all`."""
        return SCOPE_ALL in self.scopes or bool(self.scopes.intersection(scopes))


ANONYMOUS = Caller()
