"""The doorbell on SQS: a fair queue, one group for each index."""

import json

from garner.errors import Unavailable
from garner.storage.aws.calls import Call, Refused


class SqsDoorbell:
    """Implements `garner.ports.doorbell.Doorbell`."""

    def __init__(self, call: Call, queue_url: str) -> None:
        self._call = call
        self._queue_url = queue_url

    def ring(self, index_id: str) -> None:
        """One group for each index: a busy one does not hold up the others (fair queue)."""
        message = {
            "QueueUrl": self._queue_url,
            "MessageBody": json.dumps({"index_id": index_id}),
            "MessageGroupId": index_id,
        }
        try:
            self._call("SendMessage", message)
        except Refused as refused:
            raise Unavailable("The doorbell can't be rung; try again.") from refused
