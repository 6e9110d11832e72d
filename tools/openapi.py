"""Writes docs/openapi.json from the functions: `python -m tools.openapi`.

The routes are those that the functions register; what they take and give is in `tools.operations`
and what `garner.contracts` declares. Besides the document this writes the copy that the function
`openapi` serves, and the paths by which `not_found` tells a wrong method from a wrong path.
"""

import importlib
import json
import os
import re
import tomllib
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest import mock

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from garner.api.resolver import Api
from garner.runtime import settings
from tools.operations import FREE, OPERATIONS, SECURITY_SCHEMES
from tools.operations.model import Operation, Schema, Shape

ROOT = Path(__file__).parents[1]
FUNCTIONS = ROOT / "functions"
DOCUMENT = ROOT / "docs" / "openapi.json"
SERVED = FUNCTIONS / "openapi" / "openapi.json"
PATHS = FUNCTIONS / "not_found" / "paths.json"

_REF = "#/components/schemas/{model}"
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "OPENSEARCH_URL": "http://localhost",
    "SIGNING_KEY": "0" * 32,
}


def routes() -> list[tuple[str, str]]:
    """`(method, path)` of every route of every function, in the order of paths."""
    found = {route for name in _api_functions() for route in _routes_of(name)}
    return sorted(found, key=lambda route: (route[1], route[0]))


def document() -> Schema:
    """The OpenAPI document."""
    operations = {route: OPERATIONS[route] for route in routes()}
    paths: dict[str, Schema] = {}
    for (method, path), operation in operations.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Garner",
            "version": _version(),
            "description": "Search for research metadata, as Globus Search clients know it.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(operations.values()),
            "securitySchemes": SECURITY_SCHEMES,
        },
        "security": [{}, {"token": []}],
    }


def files() -> dict[Path, str]:
    """What is written where."""
    whole = document()
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    methods = {path: sorted(map(str.upper, item)) for path, item in whole["paths"].items()}
    return {DOCUMENT: text, SERVED: text, PATHS: json.dumps(methods, indent=1) + "\n"}


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return str(project["project"]["version"])


def _api_functions() -> Iterator[str]:
    for app in sorted(FUNCTIONS.glob("*/app.py")):
        if "garner.api" in app.read_text("utf-8"):
            yield app.parent.name


def _routes_of(function: str) -> list[tuple[str, str]]:
    needed = dict.fromkeys(settings.variables(function, required=True), "x" * 32)
    with mock.patch.dict(os.environ, needed | _ENVIRONMENT):
        module = importlib.import_module(f"functions.{function}.app")
    registered = module.handler.routes if isinstance(module.handler, Api) else []
    return [(method, re.sub("<(.+?)>", r"{\1}", path)) for method, path in registered]


def _operation(path: str, operation: Operation) -> Schema:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall("{(.+?)}", path)
    ]
    gives = _body("The answer", operation.gives, operation.content_type)
    answers = {
        str(status): _body(HTTPStatus(status).phrase, shape)
        for status, shape in operation.answers.items()
    }
    shown: Schema = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*in_path, *operation.parameters],
        "responses": {"200": gives, **answers, "default": _body("An error", operation.error)},
    }
    if operation.takes:
        content = _body("", operation.takes, *operation.takes_types)["content"]
        shown["requestBody"] = {"required": operation.takes_always, "content": content}
    if operation.security is not None:
        shown["security"] = operation.security
    return shown


def _body(text: str, shape: Shape, *content_types: str) -> Schema:
    schema: Schema = {"type": "string"}
    if isinstance(shape, dict):
        schema = shape
    elif shape is not None:
        name = shape if isinstance(shape, str) else shape.__name__
        schema = {"$ref": _REF.format(model=name)}
    content = {each: {"schema": schema} for each in content_types or ("application/json",)}
    return {"description": text, "content": content}


def _schemas(operations: Any) -> dict[str, Schema]:
    shapes = [shape for each in operations for shape in (each.gives, each.takes)]
    models = {shape for shape in shapes if isinstance(shape, type)}
    _, found = models_json_schema(
        [(model, "validation") for model in sorted(models, key=_name)], ref_template=_REF
    )
    schemas: dict[str, Schema] = found["$defs"] | FREE
    return dict(sorted(schemas.items()))


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def main() -> None:
    for path, text in files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
