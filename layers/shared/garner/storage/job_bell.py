"""The bells of the two harvest workers on SQS."""

import json

from garner.errors import Unavailable
from garner.storage.aws.calls import Call, Refused

_MAX_DELAY_SECONDS = 900


class SqsJobBell:
    """Implements `garner.ports.harvest.JobBell`."""

    def __init__(self, call: Call, *, harvest_url: str, fetch_url: str) -> None:
        self._call = call
        self._harvest_url = harvest_url
        self._fetch_url = fetch_url

    def ring(self, run_id: str, *, fetch: bool, delay: float = 0.0) -> None:
        """A lost ring costs time only: the run is due, and the sweeper rings again."""
        message = {
            "QueueUrl": self._fetch_url if fetch else self._harvest_url,
            "MessageBody": json.dumps({"run_id": run_id}),
            "DelaySeconds": min(int(delay), _MAX_DELAY_SECONDS),
        }
        try:
            self._call("SendMessage", message)
        except (Refused, Unavailable):
            return
