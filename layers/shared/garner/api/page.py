"""The OpenAPI document as one page of HTML that needs nothing from anywhere else."""

import re
from collections.abc import Sequence
from html import escape

import orjson

from garner.errors import JsonObject

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}details{margin:.4rem 0}
summary{cursor:pointer}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f4f4f4;padding:.8rem;overflow:auto}b{display:inline-block;min-width:4.5rem}
table{border-collapse:collapse;margin:.5rem 0 1rem 1.2rem}td{padding:.1rem .8rem .1rem 0;
vertical-align:top}@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}
pre{background:#222}a{color:#8bf}}
"""
_REFERENCE = re.compile(r"#/components/schemas/(\w+)")


def page(document: bytes) -> bytes:
    """Every operation by its tag, with what it takes and gives, then all schemas."""
    api = orjson.loads(document)
    title = escape(api["info"]["title"])
    sections = "".join(_section(tag, items) for tag, items in _by_tag(api).items())
    schemas = "".join(
        f"<details><summary><code>{escape(name)}</code></summary>"
        f'<pre id="{escape(name)}">{_json(schema)}</pre></details>'
        for name, schema in api["components"]["schemas"].items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(api['info']['description'])}"
        ' The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{sections}<h2>Documents</h2>{schemas}</html>"
    ).encode()


def _by_tag(api: JsonObject) -> dict[str, list[tuple[str, str, JsonObject]]]:
    found: dict[str, list[tuple[str, str, JsonObject]]] = {}
    for path, item in api["paths"].items():
        for method, operation in item.items():
            found.setdefault(operation["tags"][0], []).append((method, path, operation))
    return found


def _section(tag: str, items: list[tuple[str, str, JsonObject]]) -> str:
    return f"<h2>{escape(tag)}</h2>" + "".join(
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code>"
        f" {escape(operation['summary'])}</summary>{_operation(operation)}</details>"
        for method, path, operation in items
    )


def _operation(operation: JsonObject) -> str:
    taken: list[tuple[str, ...]] = [
        (
            f"<code>{escape(each['name'])}</code>",
            f"{each['in']}, required" if each["required"] else each["in"],
            _type(each["schema"]),
            escape(each.get("description", "")),
        )
        for each in operation["parameters"]
    ]
    if body := operation.get("requestBody"):
        needed = "required" if body["required"] else ""
        taken.append(("Body", needed, *_content(body)))
    keys = [name for each in operation.get("security", ()) for name in each]
    if keys:
        taken.append(("Key", "required", escape(" or ".join(keys)), ""))
    given = [
        (f"<code>{status}</code>", escape(answer["description"]), *_content(answer))
        for status, answer in operation["responses"].items()
    ]
    return _table(taken) + _table(given)


def _content(message: JsonObject) -> tuple[str, str]:
    """What a body is, and in which types of content."""
    (schema, *_) = (each["schema"] for each in message["content"].values())
    return _type(schema), escape(", ".join(message["content"]))


def _type(schema: JsonObject) -> str:
    """A plain type in one word and its limits; anything else as JSON."""
    if "$ref" in schema:
        return _REFERENCE.sub(r'<a href="#\1">\1</a>', escape(schema["$ref"]))
    if set(schema) == {"type"}:
        return escape(schema["type"])
    return f"<code>{_linked(orjson.dumps(schema))}</code>"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>" if rows else ""


def _json(value: object) -> str:
    return _linked(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def _linked(json: bytes) -> str:
    return _REFERENCE.sub(r'<a href="#\1">\1</a>', escape(json.decode()))
