"""What an API key looks like: `<prefix>.<secret>`, the secret 256 random bits.

A slow password hash would add nothing for a random secret and invite load; SHA-256 is what is
stored, and comparison takes the same time whatever differs.
"""

import hashlib
import hmac
import re
import secrets

_FORM = re.compile(r"(g[0-9a-f]{12})\.([A-Za-z0-9_-]{43})\Z")


def new_key() -> tuple[str, str]:
    """A random `(prefix, secret)`."""
    return "g" + secrets.token_hex(6), secrets.token_urlsafe(32)


def join(prefix: str, secret: str) -> str:
    return f"{prefix}.{secret}"


def split(token: str) -> tuple[str, str] | None:
    """`(prefix, secret)` of a token in the form of a key, else None."""
    match = _FORM.match(token)
    return (match[1], match[2]) if match else None


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored_hash: str) -> bool:
    return hmac.compare_digest(secret_hash(secret), stored_hash)
