"""Basic authentication with the engine."""

from base64 import b64encode
from collections.abc import Mapping


class BasicSigner:
    def __init__(self, user: str, password: str) -> None:
        token = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        return self._headers
