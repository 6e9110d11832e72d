"""AWS Signature 4 for the engine."""

from collections.abc import Callable, Mapping

from garner.ports.clock import Clock
from garner.storage.aws.credentials import Credentials
from garner.storage.aws.signature import signed_headers


class SigV4Signer:
    """Signs with the function's own credentials.

    `service` is `es`, or `aoss` for a serverless collection.
    """

    def __init__(
        self, region: str, service: str, *, credentials: Callable[[], Credentials], clock: Clock
    ) -> None:
        self._region = region
        self._service = service
        self._credentials = credentials
        self._clock = clock

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The body is signed as it is sent, compressed or not."""
        return signed_headers(
            self._credentials(),
            method,
            url,
            body,
            headers={},
            service=self._service,
            region=self._region,
            now=self._clock.now(),
        )
