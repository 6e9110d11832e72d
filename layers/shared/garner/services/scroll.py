"""Scroll: all matches in pages, without contexts in the engine (contract 2.3, 3.9).

Pages are in the order of subjects and a marker says where the last one ended. It is signed, and
bound to index, query and identity; what the caller may see is looked at afresh on every page.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from garner import limits
from garner.contracts.results import gmeta_result, scroll_page
from garner.domain.documents import SUBJECT
from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.query.compiler import CompiledSearch, compile_scroll
from garner.domain.query.request import SearchRequest
from garner.domain.visibility import Visibility, VisibleEntry, visible_entries
from garner.errors import JsonObject, ResultTooLarge, ValidationFailed
from garner.ports.clock import Clock
from garner.ports.engine import SearchReader
from garner.services.viewing import (
    RoleLookup,
    compile_known,
    require_fields,
    tell_problems,
    visibility_of,
)

_ENVELOPE_BYTES = 10_000  # the page around its subjects, marker included


def scroll(
    index_id: str,
    caller: Caller,
    request: SearchRequest,
    *,
    reader: SearchReader,
    roles: RoleLookup,
    clock: Clock,
    signing_keys: Sequence[bytes],
) -> bytes:
    """A page as JSON, shorter than asked for where it would not fit into an answer. Raises
    `ValidationFailed` for a marker that is not from this query, else as `search`."""
    markers = _Markers(signing_keys, _binding(index_id, caller, request), clock)
    after = None if request.marker is None else markers.read(request.marker)
    require_fields(caller, request.fields, roles=roles)
    visibility = visibility_of(
        caller,
        roles=roles,
        bypass=request.bypass_visible_to,
        principal_sets=request.filter_principal_sets,
    )
    size = min(request.limit + 1, limits.MAX_RESULT_WINDOW)  # one more shows whether there is more

    def compile_for(schema: Schema) -> CompiledSearch:
        return compile_scroll(request, visibility, schema, size=size, after=after)

    query = compile_known(index_id, compile_for, reader=reader)
    tell_problems(query.scope, caller, roles=roles)
    answer = reader.search(index_id, query.body)
    page = _page(request, answer, visibility)
    marker = markers.write(page.last) if page.gmeta and page.has_more else None
    total = answer["hits"]["total"]["value"]
    return orjson.dumps(scroll_page(page.gmeta, total=total, marker=marker))


@dataclass(frozen=True, slots=True)
class _Page:
    gmeta: list[orjson.Fragment]
    last: str
    has_more: bool


def _page(request: SearchRequest, answer: JsonObject, visibility: Visibility) -> _Page:
    """As many subjects as an answer has room for, at least one."""
    hits = answer["hits"]["hits"]
    room = limits.MAX_ANSWER_BYTES - _ENVELOPE_BYTES
    gmeta: list[orjson.Fragment] = []
    taken, last = 0, ""
    for hit in hits[: request.limit]:
        document = hit["_source"]
        if entries := visible_entries(document, visibility):
            result = orjson.dumps(_result(document[SUBJECT], entries, request))
            room -= _escaped_size(result)
            if room < 0:
                break
            gmeta.append(orjson.Fragment(result))
        taken, last = taken + 1, document[SUBJECT]
    if request.limit and hits and not taken:
        raise _too_large(hits[0]["_source"][SUBJECT])
    is_full = len(hits) == request.limit == limits.MAX_RESULT_WINDOW
    return _Page(gmeta, last, taken < len(hits) or is_full)


def _result(subject: str, entries: list[VisibleEntry], request: SearchRequest) -> JsonObject:
    return gmeta_result(subject, entries, request.result_format_version, request.fields)


def _escaped_size(result: bytes) -> int:
    """A function's answer carries its body as a JSON string."""
    return len(result) + result.count(b'"') + result.count(b"\\") + 1


def _too_large(subject: str) -> ResultTooLarge:
    return ResultTooLarge(
        f"The subject {subject!r} alone is larger than an answer can be; exclude it with a filter",
        {"subject": subject, "constraint": f"{limits.MAX_ANSWER_BYTES:,} bytes"},
    )


# --- markers ------------------------------------------------------------------------------------


def _binding(index_id: str, caller: Caller, request: SearchRequest) -> bytes:
    """What a marker belongs to: index, query and identity. The size and the parts of a page may
    change on the way (contract 3.9), groups are looked at on each page (contract 8.8)."""
    query = replace(request, marker=None, limit=0, fields=["content"])
    bound = [index_id, caller.identity, query.to_json()]
    return hashlib.sha256(orjson.dumps(bound)).digest()


class _Markers:
    """`<last subject and expiry>.<HMAC over them and the binding>`, both base64."""

    def __init__(self, keys: Sequence[bytes], binding: bytes, clock: Clock) -> None:
        self._keys = keys
        self._binding = binding
        self._now = clock.seconds()

    def write(self, last: str) -> str:
        expires = int(self._now) + limits.SCROLL_MARKER_SECONDS
        payload = orjson.dumps([last, expires])
        return f"{_base64(payload)}.{_base64(self._signature(self._keys[0], payload))}"

    def read(self, marker: str) -> str:
        """The subject that the last page ended with; raises `ValidationFailed`."""
        payload, _, signature = (part.encode() for part in marker.partition("."))
        try:
            said, signed = urlsafe_b64decode(payload), urlsafe_b64decode(signature)
        except NotBase64:
            raise _refused("This is not a marker.") from None
        ours = [hmac.compare_digest(signed, self._signature(key, said)) for key in self._keys]
        if not any(ours):
            raise _refused("The marker is from another query, index or caller.")
        last, expires = orjson.loads(said)
        if self._now > expires:
            raise _refused("The marker has expired; start again without one.")
        return str(last)

    def _signature(self, key: bytes, payload: bytes) -> bytes:
        return hmac.digest(key, self._binding + payload, "sha256")


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()


def _refused(text: str) -> ValidationFailed:
    return ValidationFailed.of("json", "marker", text)
