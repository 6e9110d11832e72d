"""Alerts to curators through an SNS topic; people subscribe by e-mail."""

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_MAX_SUBJECT = 100  # the topic's own limit
log = logging.getLogger(__name__)


class SnsAlerts:
    """Implements `garner.ports.harvest.Alerts`. Without a topic, the log has to do."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, subject: str, message: str) -> None:
        if not self._topic_arn:
            return
        plain = subject.encode("ascii", "replace").decode()[:_MAX_SUBJECT]
        try:
            self._client.publish(TopicArn=self._topic_arn, Subject=plain, Message=message)
        except (ClientError, BotoCoreError):
            log.exception("alert not sent")
