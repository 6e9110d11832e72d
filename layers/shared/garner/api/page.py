"""The OpenAPI document as one page of HTML that needs nothing from anywhere else."""

from html import escape

import orjson

from garner.errors import JsonObject

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}details{margin:.4rem 0}
summary{cursor:pointer}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f4f4f4;padding:.8rem;overflow:auto}b{display:inline-block;min-width:4.5rem}
@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}pre{background:#222}}
"""


def page(document: bytes) -> bytes:
    """Every operation by its tag, with what it takes and gives, then all schemas."""
    api = orjson.loads(document)
    title = escape(api["info"]["title"])
    sections = "".join(_section(tag, items) for tag, items in _by_tag(api).items())
    schemas = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{_json(schema)}</pre></details>"
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
        f" {escape(operation['summary'])}</summary><pre>{_json(_shown(operation))}</pre></details>"
        for method, path, operation in items
    )


def _shown(operation: JsonObject) -> JsonObject:
    names = ("parameters", "requestBody", "responses")
    return {name: operation[name] for name in names if operation.get(name)}


def _json(value: object) -> str:
    return escape(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
