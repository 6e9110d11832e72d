"""Events of the HTTP API, and answers read back; the functions on real adapters in this process."""

import base64
import gzip
import importlib
import json
import os
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import orjson

from garner.api.resolver import Api
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.start import Routes, search_api
from tests.fakes.openapi import check_answer

ENVIRONMENT = {
    "TABLE_NAME": "garner",
    "PAYLOAD_BUCKET": "garner-payloads",
    "DOORBELL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/doorbell",
    "OPENSEARCH_URL": "http://127.0.0.1:9",
    "SIGNING_KEY": "0123456789abcdef0123456789abcdef",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
"""What a deployed function finds; nothing behind it answers."""

SEARCH_FUNCTIONS = (
    "index",
    "role",
    "search",
    "scroll",
    "subject",
    "entry",
    "ingest",
    "upload",
    "batch_delete_by_subject",
    "delete_by_query",
    "task",
    "task_list",
    "field_mapping",
    "webhook",
)


def event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: dict[str, str] | None = None,
    body: str | bytes | None = None,
) -> dict[str, Any]:
    """An event of payload format 2.0 as API Gateway sends it; bytes travel as base64."""
    binary = isinstance(body, bytes)
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example.org", "content-type": "application/json"}
        | {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3",
            "domainName": "api.example.org",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "globus-sdk-py",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "time": "22/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795348800000,
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": binary,
    }


@dataclass
class Answered:
    """An answer as a client has it: decoded, expanded, parsed."""

    status: int
    headers: dict[str, str]
    content: bytes

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Answered":
        headers = {name.lower(): value for name, value in raw["headers"].items()}
        text = raw["body"]
        content = base64.b64decode(text) if raw["isBase64Encoded"] else text.encode()
        if headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return cls(raw["statusCode"], headers, content)

    @property
    def json(self) -> Any:
        return orjson.loads(self.content)

    @property
    def code(self) -> str:
        """The code of an error document."""
        assert self.json["@datatype"] == "GError", self.json
        return str(self.json["code"])


class LambdaContext:
    function_name = "test"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def send(api: Api, sent: dict[str, Any]) -> Answered:
    """The answer of a function; it must be something that Lambda could give back."""
    return Answered.of(json.loads(json.dumps(api(sent, LambdaContext()))))


def routes_of(function: str) -> Routes:
    with mock.patch.dict(os.environ, ENVIRONMENT):
        module = importlib.import_module(f"functions.{function}.app")
    routes: Routes = module.routes
    return routes


@dataclass
class Service:
    """All functions of the Search API on the same stores; a request goes to the one that has its
    route, as the gateway would do it."""

    parts: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    apis: dict[str, Api] = field(default_factory=dict)
    key: str | None = None

    def api(self, function: str) -> Api:
        if function not in self.apis:
            container = Container(settings.load(function, ENVIRONMENT | self.environment))
            for name, part in self.parts.items():
                setattr(container, name, part)
            self.apis[function] = search_api(routes_of(function), container)
        return self.apis[function]

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **query: object,
    ) -> Answered:
        """`body` is sent as JSON unless it is text or bytes; `key` is an API key."""
        sent = event(
            method,
            path,
            query=urlencode(query),
            headers=(headers or {}) | ({"Authorization": f"Bearer {key}"} if key else {}),
            body=body if isinstance(body, str | bytes | None) else json.dumps(body),
        )
        answer = send(self.api(self.function_of(method, path)), sent)
        check_answer(method, path, answer.status, answer.json)
        return answer

    def function_of(self, method: str, path: str) -> str:
        for name in SEARCH_FUNCTIONS:
            if self.api(name).serves(method, path):
                return name
        raise AssertionError(f"no function has {method} {path}")
