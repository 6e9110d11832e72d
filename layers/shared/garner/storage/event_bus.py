"""The event bus of the account: one event for each finished task."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import JsonObject, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "garner"
DETAIL_TYPE = "Task finished"


class EventBridgeBus:
    """Subscribers match on `source` and `detail-type`; the detail is `garner.domain.webhooks`."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def publish(self, events: Sequence[JsonObject]) -> None:
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "Source": SOURCE,
                        "DetailType": DETAIL_TYPE,
                        "Detail": orjson.dumps(each).decode(),
                        "EventBusName": self._bus_name,
                    }
                    for each in events
                ]
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The event bus did not answer; it is tried again.") from error
        if answer.get("FailedEntryCount"):
            raise Unavailable("The event bus did not take every event; it is tried again.")
