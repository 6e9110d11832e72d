"""The doorbell: tells a worker that an index has work. It carries nothing else and may be lost."""

from typing import Protocol


class Doorbell(Protocol):
    def ring(self, index_id: str) -> None:
        """Raises `Unavailable`."""
        ...
