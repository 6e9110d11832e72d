"""How an XML element becomes JSON (controller contract 4.6); key paths and transforms rely on it.

`<a x="1">t</a>` → `{"a": {"@x": "1", "_$": "t"}}`. Names keep their prefix, every element is an
object, siblings of one name become an array, a single one stays an object.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from garner.errors import JsonObject

_XML = "http://www.w3.org/XML/1998/namespace"


class Element(Protocol):
    """What is used of an element of lxml."""

    @property
    def tag(self) -> object: ...
    @property
    def prefix(self) -> str | None: ...
    @property
    def text(self) -> str | None: ...
    @property
    def tail(self) -> str | None: ...
    @property
    def nsmap(self) -> Mapping[str | None, str]: ...
    @property
    def attrib(self) -> Mapping[str, str]: ...
    def __iter__(self) -> Iterator["Element"]: ...


def written_name(element: Element) -> str:
    """The name as the document writes it: `dc:title`."""
    local = str(element.tag).rpartition("}")[2]
    return f"{element.prefix}:{local}" if element.prefix else local


def wrapped(element: Element) -> JsonObject:
    """A record: the element under its own name, beside it the namespaces in scope."""
    spaces = {f"_@{prefix or 'default'}": uri for prefix, uri in element.nsmap.items()}
    return {written_name(element): element_json(element)} | dict(sorted(spaces.items()))


def element_json(element: Element) -> JsonObject:
    found: JsonObject = {}
    for name, value in element.attrib.items():
        found[f"@{_attribute_name(name, element.nsmap)}"] = value
    texts = [element.text or ""]
    for child in element:
        texts.append(child.tail or "")
        if not isinstance(child.tag, str):  # a comment, an instruction, an entity left alone
            continue
        tag, content = written_name(child), element_json(child)
        if tag not in found:
            found[tag] = content
        elif isinstance(found[tag], list):
            found[tag].append(content)
        else:
            found[tag] = [found[tag], content]
    if text := "".join(texts).strip():
        found["_$"] = text
    return found


def _attribute_name(name: str, spaces: Mapping[str | None, str]) -> str:
    if not name.startswith("{"):
        return name
    uri, _, local = name[1:].partition("}")
    prefixes = sorted(p for p, u in ({**spaces, "xml": _XML}).items() if p and u == uri)
    return f"{prefixes[0]}:{local}" if prefixes else local
