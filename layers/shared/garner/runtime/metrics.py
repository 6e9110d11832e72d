"""Metrics as lines of the log in CloudWatch's embedded format: no call, no agent, no library."""

import json
import sys
from collections import defaultdict
from threading import Lock

from garner.ports.clock import Clock


class EmfMetrics:
    """Implements `garner.ports.metrics.Metrics`. Adds up until `flush`, which writes one line."""

    def __init__(self, clock: Clock, namespace: str) -> None:
        self._clock = clock
        self._namespace = namespace
        self._lock = Lock()
        self._counts: dict[str, float] = defaultdict(float)
        self._durations: dict[str, list[float]] = defaultdict(list)

    def count(self, name: str, value: float = 1) -> None:
        with self._lock:
            self._counts[name] += value

    def seconds(self, name: str, value: float) -> None:
        with self._lock:
            self._durations[name].append(value)

    def flush(self) -> None:
        """To be called when a function has done its work."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(float)
            durations, self._durations = self._durations, defaultdict(list)
        if not counts and not durations:
            return
        units = [{"Name": name, "Unit": "Count"} for name in counts]
        units += [{"Name": name, "Unit": "Seconds"} for name in durations]
        line = {
            "_aws": {
                "Timestamp": int(self._clock.seconds() * 1000),
                "CloudWatchMetrics": [
                    {"Namespace": self._namespace, "Dimensions": [[]], "Metrics": units}
                ],
            },
            **counts,
            **durations,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
