"""Time, identifiers and randomness, so that tests decide them."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, with zone."""
        ...

    def seconds(self) -> float:
        """The same as seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def uuid(self) -> str:
        """A random UUID in lower case."""
        ...

    def token(self) -> str:
        """32 lower-case hex digits, unguessable."""
        ...

    def jitter(self) -> float:
        """Uniform in [0, 1)."""
        ...
