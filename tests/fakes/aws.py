"""AWS in this process: moto listens to boto3, and nothing else."""

from base64 import b64decode, b64encode
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from garner.errors import JsonObject, Unavailable
from garner.storage.aws.calls import Refused, is_passing


class BotoCalls:
    """A `garner.storage.aws.calls.Call` through a client of boto3, without its retries."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, operation: str, request: JsonObject) -> JsonObject:
        try:
            call = getattr(self._client, xform_name(operation))
            answer = call(**_with_bytes(request, _decoded))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if is_passing(code):
                raise Unavailable("passing") from error
            raise Refused(code, _with_bytes(dict(error.response), _encoded)) from error
        document: JsonObject = _with_bytes(answer, _encoded)
        return document


def _with_bytes(document: Any, convert: Any) -> Any:
    """boto3 has bytes where the wire has base64."""
    if isinstance(document, dict):
        return {
            name: convert(value) if name == "B" else _with_bytes(value, convert)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [_with_bytes(each, convert) for each in document]
    return document


def _decoded(value: Any) -> Any:
    return b64decode(value) if isinstance(value, str) else value


def _encoded(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else value
