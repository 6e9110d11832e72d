"""JSON whose meaning is not in doubt: no key twice in an object, no integer that gets rounded.

orjson keeps the last of two equal keys and rounds integers beyond 64 bits, without a word. Content
comes back as it went in, so both are refused. Finding them is exact and costs about 0.8 times the
parse itself (46 MB of package metadata: parse 335 ms, this 270 ms; 2026-11-22, 2 cores).
"""

import json
from collections import Counter
from typing import Any, NoReturn

import orjson

from garner import limits


class InvalidJson(ValueError):
    """`reason` says in words what is wrong, without quoting values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_json(data: bytes) -> Any:
    """The document in `data`; raises `InvalidJson`."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(f"It is not JSON: {error}") from None
    try:
        written = orjson.dumps(document)
    except TypeError:  # it reads more levels than it writes
        raise InvalidJson("It is nested too deep") from None
    if _may_repeat_keys(data, written) or _may_hold_long_integers(data):
        json.loads(data, object_pairs_hook=_unique_pairs, parse_int=_bounded_integer)
    return document


def _may_repeat_keys(data: bytes, written: bytes) -> bool:
    """A pair that was dropped took its colon with it, so as many colons as when written again
    means that nothing was dropped. Only a colon written as an escape could hide that."""
    return b"\\u003" in data or data.count(b":") != written.count(b":")


_DIGITS_TO_ZERO = bytes.maketrans(b"0123456789", b"0" * 10)
_LONG_RUN = b"0" * len(str(limits.INT64_MAX))
_HIGHEST = 2**64 - 1  # orjson's; whether a field takes it is the field's matter


def _may_hold_long_integers(data: bytes) -> bool:
    return _LONG_RUN in data.translate(_DIGITS_TO_ZERO)


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        (name, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        _refuse(f"The key {json.dumps(name)} appears twice in one object; keep one of them")
    return unique


def _bounded_integer(digits: str) -> int:
    if len(digits) > len(str(_HIGHEST)) or not limits.INT64_MIN <= int(digits) <= _HIGHEST:
        _refuse("It has an integer of more than 64 bits; send it as a string")
    return int(digits)


def _refuse(reason: str) -> NoReturn:
    raise InvalidJson(reason)
