"""API keys, and other issuers' tokens, as use cases see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from garner.domain.principals import Caller


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and whom it stands for. Only the hash of the secret is known here. Epoch seconds."""

    prefix: str
    secret_hash: str
    identity: str
    linked_identities: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("all",)
    controller_role: str | None = None
    label: str = ""
    created_at: int = 0
    expires_at: int | None = None
    disabled: bool = False


class KeyStore(Protocol):
    """Every method raises `Unavailable` when the table does not answer."""

    def get(self, prefix: str) -> ApiKey | None: ...

    def put(self, key: ApiKey) -> bool:
        """Stores a new key; False if its prefix is taken."""
        ...

    def replace(self, key: ApiKey) -> None:
        """Overwrites what is stored under the key's prefix."""
        ...

    def list(self) -> Iterator[ApiKey]:
        """All keys, in no order: for operators, not for requests."""
        ...


class TokenVerifier(Protocol):
    """Another issuer whose tokens count."""

    def recognises(self, token: str) -> bool:
        """Whether a token looks like one of this issuer's."""
        ...

    def verify(self, token: str) -> tuple[Caller, float] | None:
        """Whom the token stands for and until when (epoch seconds); None if it is not valid.

        Raises `Unavailable` when the issuer has to be asked and does not answer.
        """
        ...
