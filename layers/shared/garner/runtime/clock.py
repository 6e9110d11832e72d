"""The clock and the source of identifiers of a running function."""

import random
import secrets
import time
import uuid
from datetime import UTC, datetime


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class RandomIds:
    def uuid(self) -> str:
        return str(uuid.uuid4())

    def token(self) -> str:
        return secrets.token_hex(16)

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, protects nothing
