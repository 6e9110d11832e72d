"""Who Garner is to AWS: the function's own role."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import orjson

from garner.errors import Unavailable
from garner.ports.clock import Clock
from garner.storage.http import NoAnswer, Origin

_RENEW_BEFORE = timedelta(minutes=5)
_SECONDS = 2.0  # the answer comes from the machine itself


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """Where Lambda puts them: variables, or with SnapStart an address on the loopback."""

    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    url: str = ""
    authorization: str = field(default="", repr=False)


class RoleCredentials:
    """`()` gives the credentials of the moment; raises `Unavailable` if there are none.

    `source` is read when it is needed: a snapshot of a function holds no credentials, and after it
    has been restored its variables may be others.
    """

    def __init__(self, source: Callable[[], CredentialSource], clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._known: Credentials | None = None

    def __call__(self) -> Credentials:
        known = self._known
        if known is None or (known.expires and self._clock.now() > known.expires - _RENEW_BEFORE):
            self._known = known = self._find(self._source())
        return known

    def _find(self, source: CredentialSource) -> Credentials:
        if source.access_key and source.secret_key:
            return Credentials(source.access_key, source.secret_key, source.token)
        if source.url:
            return _from_container(source)
        return self._from_profile()

    def _from_profile(self) -> Credentials:
        """As the AWS command line finds them, on a developer's machine."""
        from botocore.session import Session  # noqa: PLC0415 - costly, and not needed on Lambda

        found = Session().get_credentials()
        if found is None:
            raise Unavailable("There are no AWS credentials to sign requests with.")
        frozen = found.get_frozen_credentials()
        soon = self._clock.now() + 2 * _RENEW_BEFORE  # botocore renews what it gives
        return Credentials(str(frozen.access_key), str(frozen.secret_key), frozen.token or "", soon)


def _from_container(source: CredentialSource) -> Credentials:
    parts = urlsplit(source.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    origin = Origin(source.url, connect_seconds=_SECONDS, kept=0)
    headers = {"Authorization": source.authorization}
    try:
        answer = origin.request("GET", target, None, headers, timeout=_SECONDS)
    except NoAnswer as error:
        raise Unavailable("The function's credentials can't be read; try again.") from error
    if answer.status != 200:
        raise Unavailable("The function's credentials can't be read; try again.")
    found: Mapping[str, str] = orjson.loads(answer.body)
    return Credentials(
        found["AccessKeyId"],
        found["SecretAccessKey"],
        found["Token"],
        datetime.fromisoformat(found["Expiration"]),
    )
