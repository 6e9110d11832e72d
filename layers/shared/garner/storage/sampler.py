"""Samples come from the fetching function, called and waited for: only it reaches the internet."""

from typing import TYPE_CHECKING

import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from garner.errors import BadRequest, JsonObject, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

CLIENT_CONFIG = Config(connect_timeout=2, read_timeout=28, retries={"total_max_attempts": 1})


class LambdaSampler:
    """Implements `garner.ports.harvest.Sampler`."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def sample(self, descriptor: JsonObject, size: int) -> JsonObject:
        event = {"sample": {"descriptor": descriptor, "size": size}}
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=orjson.dumps(event))
            document: JsonObject = orjson.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, orjson.JSONDecodeError) as error:
            raise Unavailable("The source can't be sampled now; try again.") from error
        if "FunctionError" in answer:
            raise BadRequest("The source can't be sampled: its fetch failed or took too long")
        return document
