"""Schedules of sources on EventBridge Scheduler: each rings the harvest worker's queue with the
request to start."""

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import JsonObject, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

_GONE = "ResourceNotFoundException"
_TAKEN = "ConflictException"


class EventBridgeSchedules:
    """Implements `garner.ports.harvest.Schedules`."""

    def __init__(
        self, client: "EventBridgeSchedulerClient", *, group: str, queue_arn: str, role_arn: str
    ) -> None:
        self._client = client
        self._group = group
        self._queue_arn = queue_arn
        self._role_arn = role_arn

    def put(self, source_id: str, *, hours: int, request: JsonObject) -> None:
        schedule = {
            "Name": _name(source_id),
            "GroupName": self._group,
            "ScheduleExpression": f"rate({hours} {'hour' if hours == 1 else 'hours'})",
            "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
            "Target": {
                "Arn": self._queue_arn,
                "RoleArn": self._role_arn,
                "Input": orjson.dumps({"start": request}).decode(),
            },
        }
        try:
            self._client.create_schedule(**schedule)  # type: ignore[arg-type]
        except ClientError as error:
            if error.response["Error"]["Code"] != _TAKEN:
                raise _away(error) from error
            self._call("update_schedule", **schedule)
        except BotoCoreError as error:
            raise _away(error) from error

    def delete(self, source_id: str) -> None:
        try:
            self._client.delete_schedule(Name=_name(source_id), GroupName=self._group)
        except ClientError as error:
            if error.response["Error"]["Code"] != _GONE:
                raise _away(error) from error
        except BotoCoreError as error:
            raise _away(error) from error

    def _call(self, operation: str, **request: Any) -> None:
        try:
            getattr(self._client, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            raise _away(error) from error


def _name(source_id: str) -> str:
    """Source ids may be longer than a schedule's name."""
    return "source-" + hashlib.sha256(source_id.encode()).hexdigest()[:40]


def _away(error: Exception) -> Unavailable:
    return Unavailable(f"The scheduler does not answer ({type(error).__name__}); try again.")
