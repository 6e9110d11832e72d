"""Paths into a record. Most of them are plain (`$.a.'b c'[0]`): names and positions, no wildcard,
no filter. A plain path is walked here, in time proportional to its length; all others need
jsonpath-ng, which can be made to run for ever and so runs in the transform process only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

Steps = tuple[str | int, ...]

_STEP = re.compile(
    r"""\.?(?:
        (?P<word>[A-Za-z_@][\w@-]*)
      | '(?P<single>[^'\\]+)'
      | "(?P<double>[^"\\]+)"
      | (?P<bracket>\[(?:(?P<index>\d{1,9})|'(?P<bsingle>[^'\\]+)'|"(?P<bdouble>[^"\\]+)")\])
    )""",
    re.VERBOSE | re.ASCII,
)


def with_root(path: str) -> str:
    """A path without `$.` gets it (controller contract 4.4)."""
    path = path.strip()
    return path if path.startswith("$") else f"$.{path}"


@lru_cache(maxsize=1_000)
def plain_steps(path: str) -> Steps | None:
    """The steps of a plain path, `()` for `$`; None for a path that needs a JSONPath library."""
    rest, steps = with_root(path)[1:], list[str | int]()
    while rest:
        step = _STEP.match(rest)
        # A name needs its dot, a bracket has none.
        if not step or step.group().startswith(".") == bool(step["bracket"]):
            return None
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            names = ("word", "single", "double", "bsingle", "bdouble")
            name = next(step[group] for group in names if step[group] is not None)
            if name == "*":  # a quoted star is still a wildcard to the library
                return None
            steps.append(name)
        rest = rest[step.end() :]
    return tuple(steps)


def walk(steps: Steps, value: object) -> list[object]:
    """What a plain path finds: no element or one."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return []
            value = value[step]
        else:
            if not isinstance(value, list) or step >= len(value):
                return []
            value = value[step]
    return [value]


def first_with_key(value: object, key: str) -> tuple[bool, object]:
    """(True, value) of the first member called `key`, at any depth, outer before inner."""
    level = [value]
    while level:
        for item in level:
            if isinstance(item, dict) and key in item:
                return True, item[key]
        level = [child for item in level for child in _children(item)]
    return False, None


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


# --- element paths: filterXMLPath, walked over the JSON that an XML record becomes ---------------

_NAME = r"[\w.-]+(?::[\w.-]+)?"
_ELEMENT_STEP = re.compile(
    rf"""(?P<axis>//?)(?:
        @(?P<attribute>{_NAME})
      | (?P<text>text\(\))
      | (?P<element>\*|{_NAME})(?:\[@(?P<has>{_NAME})=(?P<q>['"])(?P<value>[^'"]*)(?P=q)\])?
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ElementStep:
    anywhere: bool
    kind: str  # "element", "attribute" or "text"
    name: str = ""
    has: str = ""
    value: str = ""


@lru_cache(maxsize=1_000)
def element_steps(path: str) -> tuple[ElementStep, ...]:
    """Steps of the XPath subset that filters need: `/` and `//`, names as the document writes
    them, `*`, `[@name='value']`, and `@name` or `text()` last. Raises `ValueError`."""
    rest = path.strip() if path.strip().startswith("/") else f"/{path.strip()}"
    steps: list[ElementStep] = []
    while rest:
        step = _ELEMENT_STEP.match(rest)
        if not step or (steps and steps[-1].kind != "element"):
            raise ValueError("only names, *, [@name='value'], @name and text() are supported")
        kind = "attribute" if step["attribute"] else "text" if step["text"] else "element"
        name = step["attribute"] or step["element"] or ""
        steps.append(
            ElementStep(step["axis"] == "//", kind, name, step["has"] or "", step["value"] or "")
        )
        rest = rest[step.end() :]
    return tuple(steps)


def first_element_text(steps: tuple[ElementStep, ...], record: object) -> str | None:
    """The text of the first match in a record wrapped as in controller contract 4.6."""
    return next(_element_texts(steps, record), None)


def _element_texts(steps: tuple[ElementStep, ...], node: object) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    step, rest = steps[0], steps[1:]
    if step.kind != "element":
        text = node.get("_$" if step.kind == "text" else f"@{step.name}")
        if isinstance(text, str):
            yield text
    for name, value in node.items():
        if name.startswith(("@", "_@")) or name == "_$":
            continue
        for child in value if isinstance(value, list) else [value]:
            if step.kind == "element" and _is(step, name, child):
                yield from _element_texts(rest, child) if rest else _own_text(child)
            if step.anywhere:
                yield from _element_texts(steps, child)


def _is(step: ElementStep, name: str, child: object) -> bool:
    if step.name not in ("*", name):
        return False
    return not step.has or (isinstance(child, dict) and child.get(f"@{step.has}") == step.value)


def _own_text(element: object) -> Iterator[str]:
    text = element.get("_$") if isinstance(element, dict) else None
    yield text if isinstance(text, str) else ""
