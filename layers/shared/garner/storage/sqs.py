"""The doorbell on SQS: a fair queue, one group for each index."""

from typing import TYPE_CHECKING

import orjson
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
        try:
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=message(index_id), MessageGroupId=index_id
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The doorbell can't be rung; try again.") from error


def message(index_id: str) -> str:
    return orjson.dumps({"index_id": index_id}).decode()


def index_of(body: str) -> str:
    """The index that a doorbell message is about."""
    index_id: str = orjson.loads(body)["index_id"]
    return index_id
