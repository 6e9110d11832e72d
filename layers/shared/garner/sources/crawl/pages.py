"""Lists in pages (controller contract 4.4 and 4.5)."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, cast

from garner.domain.harvest.source import Paging, Source
from garner.errors import JsonObject
from garner.ports.sources import HeldRaw, RecordReader
from garner.sources.crawl.plan import Advance, Fetch, unnumbered, with_query
from garner.sources.fetch import FetchRequest


@dataclass(frozen=True, slots=True)
class Pages:
    """State: `page` counts them, `offset` the records on them before any filter, `digest` is that
    of the previous page: a server that ignores the offset, or stays on its last page, repeats it.
    """

    fetch: Fetch
    reader: RecordReader

    def advance(self, source: Source, state: JsonObject, _: int) -> Advance:
        assert source.paging is not None
        page, offset = state.get("page", 0), state.get("offset", 0)
        url = with_query(source.url, _parameters(source.paging, page, offset))
        fetched = self.fetch.get(FetchRequest(url, source.allow_http))
        meta = unnumbered(0, 0, page)
        try:
            digest = hashlib.file_digest(cast(Any, fetched.body), "sha256").hexdigest()
            if digest == state.get("digest"):
                fetched.body.close()
                note = "A page repeats the one before it, which is taken for the end of the list."
                return Advance(done=True, note=note)
            listed = replace(source, details=None)
            count = sum(1 for _ in self.reader.read(listed, [HeldRaw(meta, fetched.body)]))
        except BaseException:
            fetched.body.close()
            raise
        state |= {"page": page + 1, "offset": offset + count, "digest": digest}
        limit = source.record_limit
        done = count < source.paging.limit or (limit is not None and offset + count >= limit)
        return Advance(done, meta, fetched.body)


def _parameters(paging: Paging, page: int, offset: int) -> dict[str, object]:
    parameters: dict[str, object] = {}
    if page or paging.offset_on_first_page:
        parameters[paging.offset_param] = offset
    if paging.limit_param:
        parameters[paging.limit_param] = paging.limit
    return parameters
