"""JSON documents with some of their parts replaced by what is odd, at random."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

SHAPE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]}


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2.5, -0.0, 1e308, 1e-320, 2**31, 2**53 + 1, 2**63 - 1, 2**63,
    -(2**63) - 1, 2**64, 10**40, float("nan"), float("inf"), "", " ", "*", "**", "?", "\\", '"',
    "(", ")(", "[", "[* TO *]", "{1 TO", "a:", ":a", "a:b:c", "-", "+", "~", "^", "a~9", "a^-1",
    "a^1e9", "/(/", "/[^]/", "/.*.*.*/", "AND", "NOT NOT", "a AND OR b", "\x00", "\ud800",
    "\U0010ffff", "é́", "ﬃ", "ß", "İ", "a.b", "a\\.b", ".", "..", "a..b", "a.", ".a", "%2E",
    "_id", "_source", "entries", "entries.visible_to", "__proto__", "@datatype", "2020", "2020-13",
    "2020-02-30", "0000-01-01", "9999-12-31T23:59:60Z", "-1", "1e400", "NaN", "91, 0", "1,2,3",
    "public", "all_authenticated_users", "urn:globus:auth:identity:x", "text", "geo_shape",
    "x" * 300, "x" * 40_000, "a " * 300, [], {}, [[]], [{}], [None], {"": ""}, {"a.b": 1},
    {"type": "exists"}, {"type": "x", "field_name": 1}, ["a", 1, None, {"b": []}], SHAPE,
    {"type": "Point", "coordinates": [999, "x"]}, {"type": "GeometryCollection"}, nested(19),
    nested(25), nested(200), list(range(300)), {str(n): n for n in range(60)},
    {"from": 1, "to": "x"}, {"gte": None, "lt": [1]}, {"low": 5, "high": 1},
]  # fmt: skip
"""What a part is replaced by."""


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every part."""
    members = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in list(members):
        yield document, key
        yield from places(value)


def changed(random: Any, document: Any, also: Sequence[Any] = ()) -> Any:
    """A copy with one to three parts replaced, taken out, or moved; `also` may come, too."""
    made = copy.deepcopy(document)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if random.random() < 0.01:
            return random.choice(ODD)
        found = list(places(made))
        if not found:
            return made
        holder, key = random.choice(found)
        action = random.random()
        if action < 0.1:
            del holder[key]
        elif action < 0.25:
            holder[key] = copy.deepcopy(random.choice([h[k] for h, k in found]))
        elif action < 0.35 and isinstance(holder[key], str):
            cut = random.randrange(len(holder[key]) + 1)
            odd = random.choice([o for o in ODD if isinstance(o, str)])
            holder[key] = holder[key][:cut] + odd + holder[key][cut:]
        else:
            holder[key] = copy.deepcopy(random.choice((*ODD, *also)))
    return made
