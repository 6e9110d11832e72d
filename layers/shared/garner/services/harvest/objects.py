"""Stage objects made of sections, so that one put holds what many later steps read a part of."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import orjson

from garner.domain.harvest.rows import StagedRow, decode, encode
from garner.errors import JsonObject
from garner.ports.harvest import Stage

Ref = JsonObject
"""`{"key": …, "sections": {"3": [first byte, length], …}}`; empty without any section."""

_LEVEL = 1  # hashes don't compress; what does, does at once
AnyRow = TypeVar("AnyRow")


def put_sections(stage: Stage, key: str, sections: Mapping[int, Iterable[StagedRow]]) -> Ref:
    """Writes rows by section; nothing at all if there is no row."""
    body, places = bytearray(), {}
    for section in sorted(sections):
        data = encode(sections[section])
        if data:
            packed = zlib.compress(data, _LEVEL)
            places[str(section)] = [len(body), len(packed)]
            body += packed
    if not places:
        return {}
    stage.put(key, bytes(body))
    return {"key": key, "sections": places}


def get_section(
    stage: Stage, kind: type[AnyRow], refs: Iterable[Ref], section: int
) -> Iterator[AnyRow]:
    """The rows of one section of all `refs`, in their order."""
    return get_group(stage, kind, refs, range(section, section + 1))


def get_group(
    stage: Stage, kind: type[AnyRow], refs: Iterable[Ref], group: range
) -> Iterator[AnyRow]:
    """The rows of the sections in `group` of all `refs`; of each object they lie in one piece."""
    pieces = [(ref["key"], places) for ref in refs if ref and (places := _places(ref, group))]
    ranges = [
        (key, places[0][0], places[-1][0] + places[-1][1] - places[0][0]) for key, places in pieces
    ]
    for (_, places), body in zip(pieces, stage.get_ranges(ranges), strict=True):
        start = places[0][0]
        for first, length in places:
            packed = body[first - start : first - start + length]
            yield from decode(kind, zlib.decompress(packed))


def _places(ref: Ref, group: range) -> list[tuple[int, int]]:
    return sorted(
        (first, length)
        for section, (first, length) in ref["sections"].items()
        if int(section) in group
    )


def get_sections(stage: Stage, kind: type[AnyRow], ref: Ref) -> Iterator[AnyRow]:
    """All rows of an object."""
    if not ref:
        return
    body = stage.get(ref["key"])
    for first, length in ref["sections"].values():
        yield from decode(kind, zlib.decompress(body[first : first + length]))


def put_lines(stage: Stage, key: str, lines: Iterable[bytes]) -> str:
    """Writes lines; returns the key, empty if there is no line."""
    body = b"\n".join(lines)
    if not body:
        return ""
    stage.put(key, zlib.compress(body, _LEVEL))
    return key


def get_lines(stage: Stage, key: str) -> list[bytes]:
    return zlib.decompress(stage.get(key)).split(b"\n") if key else []


def put_json(stage: Stage, key: str, document: JsonObject) -> str:
    stage.put(key, zlib.compress(orjson.dumps(document), _LEVEL))
    return key


def get_json(stage: Stage, key: str) -> JsonObject:
    document: JsonObject = orjson.loads(zlib.decompress(stage.get(key)))
    return document
