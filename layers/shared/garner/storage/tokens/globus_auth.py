"""Globus Auth: tokens are introspected there, groups asked for with a dependent token."""

from base64 import b64encode
from collections.abc import Iterable

from garner.domain.claims import group_urn, identity_urn, scopes_of
from garner.domain.principals import Caller
from garner.errors import JsonObject
from garner.storage.tokens.issuer import IssuerClient, as_object

_DEPENDENT = "urn:globus:auth:grant_type:dependent_token"
_GROUPS_SERVER = "groups.api.globus.org"


class GlobusAuthVerifier:
    """Implements `garner.ports.keys.TokenVerifier`.

    The client must be the resource server that the tokens are for. Without the caller's consent to
    look at its groups there are none.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        auth_url: str,
        groups_url: str,
        client: IssuerClient,
    ) -> None:
        token = b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._auth_url = auth_url.rstrip("/")
        self._groups_url = groups_url.rstrip("/")
        self._client = client

    def recognises(self, token: str) -> bool:
        return "." not in token

    def verify(self, token: str) -> tuple[Caller, float] | None:
        found = self._auth("/v2/oauth2/token/introspect", token=token, include="identity_set")
        if found.get("active") is not True or not isinstance(found.get("sub"), str):
            return None
        linked = found.get("identity_set")
        identity = identity_urn(self._auth_url, found["sub"])
        others = [identity_urn(self._auth_url, str(name)) for name in linked or ()]
        caller = Caller(
            identity=identity,
            identities=frozenset((identity, *others)),
            groups=frozenset(self._groups(token)),
            scopes=scopes_of(str(found.get("scope", "")).split()),
        )
        return caller, float(found.get("exp") or 0)

    def _groups(self, token: str) -> Iterable[str]:
        """The groups of which any of the caller's identities is an active member."""
        access = self._groups_token(token)
        if access is None:
            return
        status, listed = self._client.request(
            "GET",
            f"{self._groups_url}/v2/groups/my_groups",
            headers={"Authorization": f"Bearer {access}"},
        )
        for group in listed if status == 200 and isinstance(listed, list) else ():
            memberships = group.get("my_memberships", ())
            if any(each.get("status") == "active" for each in memberships):
                yield group_urn(self._auth_url, str(group["id"]))

    def _groups_token(self, token: str) -> str | None:
        status, listed = self._client.request(
            "POST",
            f"{self._auth_url}/v2/oauth2/token",
            form={"grant_type": _DEPENDENT, "token": token},
            headers=self._headers,
        )
        for each in listed if status == 200 and isinstance(listed, list) else ():
            if each.get("resource_server") == _GROUPS_SERVER:
                return str(each["access_token"])
        return None

    def _auth(self, path: str, **form: str) -> JsonObject:
        _, document = self._client.request(
            "POST", self._auth_url + path, form=form, headers=self._headers
        )
        return as_object(document)
