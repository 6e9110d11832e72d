"""Numbers about the work, in the domain's words; never anything of the content."""

from typing import Protocol


class Metrics(Protocol):
    def count(self, name: str, value: float = 1) -> None:
        """Adds to a count, e.g. `entries_indexed`."""
        ...

    def seconds(self, name: str, value: float) -> None:
        """One measured duration, e.g. `drain_seconds`."""
        ...
