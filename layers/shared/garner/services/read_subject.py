"""Subject Show and Entry Show: one subject as the caller may see it (contract 2.6, 2.8)."""

import orjson

from garner.contracts.results import gmeta_result
from garner.domain.principals import Caller
from garner.domain.query.request import ReadRequest
from garner.domain.visibility import VisibleEntry, visible_entries
from garner.errors import NotFound
from garner.ports.engine import SearchReader
from garner.services.viewing import RoleLookup, visibility_of


def show_subject(
    index_id: str,
    caller: Caller,
    request: ReadRequest,
    *,
    reader: SearchReader,
    roles: RoleLookup,
) -> bytes:
    """A GMetaResult as JSON, with every entry that the caller may see. Raises `NotFound` if there
    is none, and the errors of `reader`."""
    entries = _entries(index_id, caller, request, reader=reader, roles=roles)
    return _answer(request, entries, "There is no such subject, or you may not see it")


def show_entry(
    index_id: str,
    caller: Caller,
    request: ReadRequest,
    *,
    reader: SearchReader,
    roles: RoleLookup,
) -> bytes:
    """A GMetaResult as JSON, with exactly one entry. Raises as `show_subject`."""
    entries = _entries(index_id, caller, request, reader=reader, roles=roles)
    wanted = [entry for entry in entries if entry.entry_id == request.entry_id]
    return _answer(request, wanted, "There is no such entry, or you may not see it")


def _entries(
    index_id: str,
    caller: Caller,
    request: ReadRequest,
    *,
    reader: SearchReader,
    roles: RoleLookup,
) -> list[VisibleEntry]:
    visibility = visibility_of(caller, roles=roles, bypass=request.bypass_visible_to)
    (document,) = reader.documents(index_id, [request.subject])
    return [] if document is None else visible_entries(document, visibility)


def _answer(request: ReadRequest, entries: list[VisibleEntry], missing: str) -> bytes:
    if not entries:
        raise NotFound(missing)
    return orjson.dumps(gmeta_result(request.subject, entries, request.result_format_version))
