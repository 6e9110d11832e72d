"""Holds answers against docs/openapi.json: every answer of the function and contract suites."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text("utf-8"))
    return document


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": _document()["components"]})


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    """Raises `AssertionError` for an answer that the document does not describe."""
    operation = _operation(method, path)
    if operation is None:
        _check({"$ref": "#/components/schemas/GError"}, body)
        return
    responses = operation["responses"]
    content = responses.get(str(status), responses["default"])["content"]
    if "application/json" in content:
        _check(content["application/json"]["schema"], body)


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, item in _document()["paths"].items():
        if re.fullmatch(re.sub(r"\{.+?\}", "[^/]+", template), path):
            operation: dict[str, Any] | None = item.get(method.lower())
            return operation
    return None


def _check(schema: dict[str, Any], body: Any) -> None:
    problems = [error.message for error in _validator(json.dumps(schema)).iter_errors(body)]
    assert not problems, f"{schema}: {problems[:3]}"
