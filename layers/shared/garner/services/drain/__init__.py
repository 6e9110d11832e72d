"""The drain: one leased worker at a time applies an index's log in order (ingest protocol 3)."""

from garner.services.drain.drain import DrainEnd, drain
from garner.services.drain.ports import DrainPorts

__all__ = ["DrainEnd", "DrainPorts", "drain"]
