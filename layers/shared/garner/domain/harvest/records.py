"""What a crawl makes of a record: its key, its default id and the hash it is compared by."""

import hashlib
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from garner.errors import JsonObject
from garner.limits import INT64_MAX, INT64_MIN, MAX_DOCUMENT_ID_BYTES, MAX_RECORD_DEPTH

HASH_BYTES = 16


class Unusable(Exception):
    """One record can't be used; the text says why, in a curator's words."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go on inside one file: after `ordinal` records of it, at member `member` of an
    archive, `offset` bytes into that member (0 where the format can't resume inside)."""

    member: int = 0
    ordinal: int = 0
    offset: int = 0

    def to_json(self) -> list[int]:
        return [self.member, self.ordinal, self.offset]

    @classmethod
    def from_json(cls, numbers: Sequence[int]) -> "Place":
        return cls(*numbers)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file. Exactly one of three: `value` is there (readable), `error` says why it
    isn't, or `deleted` (OAI-PMH says it is gone; neither counts as seen nor as error).

    `ordinal` counts from 0 within the file; `after` is where reading goes on after it; `where` is
    for people: `record 17`. `detail_failed`: unreadable because its detail call failed, which a run
    cycle may repeat.
    """

    ordinal: int
    after: Place
    where: str
    value: JsonObject | None = None
    error: str = ""
    deleted: bool = False
    detail_failed: bool = False


def checked_record(value: object) -> JsonObject:
    """The record as everything behind a parser can take it: integers beyond 64 bits become floats,
    as in every JSON parser that has only doubles for them. Raises `Unusable`."""
    if not isinstance(value, dict):
        raise Unusable("The record is not a JSON object.")
    return _checked(value, 1)  # type: ignore[return-value]


def _checked(value: object, depth: int) -> object:
    if isinstance(value, dict | list):
        if depth > MAX_RECORD_DEPTH:
            raise Unusable(f"The record is nested deeper than {MAX_RECORD_DEPTH} levels.")
        if isinstance(value, list):
            return [_checked(item, depth + 1) for item in value]
        return {_text(key): _checked(item, depth + 1) for key, item in value.items()}
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return value
    return _number(value)


def _number(value: object) -> int | float:
    if isinstance(value, int) and INT64_MIN <= value <= INT64_MAX:
        return value
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Unusable("The record has a number that is too large.")
    return number


def _text(value: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unusable("The record has a broken character (half of a surrogate pair).") from None
    return value


def joined_key(parts: Sequence[str]) -> str:
    """The primary key: the values of the key paths, joined (controller contract 4.7). Raises
    `Unusable` if a path found nothing."""
    if not all(parts):
        raise Unusable("The primary key is empty: a path of primaryKeyJSONPath finds nothing.")
    return ":".join(parts)


def key_hash(parts: Sequence[str]) -> bytes:
    """What identifies a record: 16 bytes over the values, each with its length, so that `a:b`, `c`
    and `a`, `b:c` stay two records."""
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def content_hash(value: object) -> bytes:
    """16 bytes over the canonical form (RFC 8785 in spirit): equal for deeply equal records,
    whatever the order of their keys and however a whole number is written."""
    data = orjson.dumps(_canonical(value), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(data, digest_size=HASH_BYTES).digest()


def _canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def default_document_id(source_id: str, key: Sequence[str]) -> str:
    """The subject where no path names one: a UUIDv5 of (source, primary key), stable for ever
    (controller contract 3.11)."""
    name = orjson.dumps([source_id, *key]).decode()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def checked_document_id(text: str) -> str:
    """Raises `Unusable` for an id that the contract doesn't take (3.11)."""
    if not text:
        raise Unusable("The document has no id: jsonPath finds nothing in it.")
    if len(text.encode()) > MAX_DOCUMENT_ID_BYTES:
        raise Unusable(f"The document's id is longer than {MAX_DOCUMENT_ID_BYTES} bytes.")
    return text


def as_text(value: object) -> str:
    """A value found by a path, as text: strings as they are, all else as JSON; null is empty."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
