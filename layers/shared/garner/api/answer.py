"""What a route returns, and how it is put into the 6 MB that a function may give back."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from garner import limits
from garner.errors import JsonObject, ResultTooLarge

COMPRESS_FROM_BYTES = 2_048  # below it the header and the base64 cost more than they save
_COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class Answer:
    """A body that is not the usual 200 with a JSON object."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def as_answer(result: JsonObject | bytes | Answer) -> Answer:
    """A route may return an object, ready-made JSON, or an `Answer`."""
    if isinstance(result, Answer):
        return result
    return Answer(result if isinstance(result, bytes) else orjson.dumps(result))


def accepts_gzip(header: str) -> bool:
    """`Accept-Encoding` names gzip and does not rule it out with a weight of zero."""
    for item in header.lower().split(","):
        name, _, weight = item.replace(" ", "").partition(";q=")
        if name in ("gzip", "*") and not (weight and weight.strip("0.") == ""):
            return True
    return False


def pack(body: bytes, accept_encoding: str) -> tuple[str | bytes, dict[str, str]]:
    """`(body, headers)`: text as it is, or compressed bytes, which travel as base64.

    Raises `ResultTooLarge` for what exceeds the platform's limit either way.
    """
    headers = {"Vary": "Accept-Encoding"}
    if len(body) >= COMPRESS_FROM_BYTES and accepts_gzip(accept_encoding):
        stream = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        packed = stream.compress(body) + stream.flush()
        _check_size(len(packed) * 4 // 3)
        return packed, {**headers, "Content-Encoding": "gzip"}
    text = body.decode()
    if len(body) * 2 > limits.MAX_ANSWER_BYTES:
        _check_size(len(orjson.dumps(text)))  # a function's answer carries its body escaped
    return text, headers


def _check_size(size: int) -> None:
    if size > limits.MAX_ANSWER_BYTES:
        raise ResultTooLarge(
            "The answer would be larger than a response can carry; ask for fewer results, "
            "accept gzip, or use scroll, which shortens its pages",
            {"cause": f"{size:,} bytes", "constraint": f"{limits.MAX_ANSWER_BYTES:,} bytes"},
        )
