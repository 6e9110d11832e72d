"""The doorbell on SQS: a fair queue, one group for each index."""

import json
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


class SqsDoorbell:
    """Implements `garner.ports.doorbell.Doorbell`."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def ring(self, index_id: str) -> None:
        """One group for each index: a busy one does not hold up the others (fair queue)."""
        body = json.dumps({"index_id": index_id})
        try:
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body, MessageGroupId=index_id
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The doorbell can't be rung; try again.") from error
