"""Calls to an issuer of tokens: small JSON answers, short time-outs, no surprises."""

from collections.abc import Mapping
from urllib.parse import urlencode

import orjson
import urllib3

from garner.errors import JsonObject, Unavailable

_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)


class IssuerClient:
    """`request` gives the status and the parsed body (None where it is not JSON). Raises
    `Unavailable` if the issuer does not answer, or answers that it can't."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(retries=False)

    def request(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, object]:
        sent = dict(headers or {})
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = self._pool.request(
                method,
                url,
                body=None if form is None else urlencode(form),
                headers=sent,
                redirect=False,
                timeout=_TIMEOUT,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The issuer of this token can't be reached; try again.") from error
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable("The issuer of this token does not answer; try again.")
        try:
            return answer.status, orjson.loads(answer.data)
        except orjson.JSONDecodeError:
            return answer.status, None


def as_object(document: object) -> JsonObject:
    return document if isinstance(document, dict) else {}
