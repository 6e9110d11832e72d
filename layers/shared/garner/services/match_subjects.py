"""The subjects that a delete by query is about, for the worker that runs it (contract 2.11)."""

from collections.abc import Iterator

from garner.domain.documents import SUBJECT
from garner.domain.query.compiler import match_query
from garner.domain.query.request import SearchRequest
from garner.domain.visibility import Visibility
from garner.ports.engine import SearchReader

PAGE = 5_000


def match_subjects(
    index_id: str,
    request: SearchRequest,
    visibility: Visibility,
    *,
    reader: SearchReader,
    after: str | None = None,
    page: int = PAGE,
) -> Iterator[list[str]]:
    """Pages of subjects in ascending order, those behind `after`, without an end to their number.

    `request` and `visibility` come from the task (`to_json`, `from_json`). A page is asked for when
    the one before has been taken. Raises `ValidationFailed` for what can't be applied to a field:
    a delete never makes do with less.
    """
    query = match_query(request, visibility, reader.schema(index_id, fresh=True))
    while True:
        body = {"size": page, "query": query, "sort": [{SUBJECT: "asc"}], "_source": [SUBJECT]}
        if after is not None:
            body["search_after"] = [after]
        hits = reader.search(index_id, body)["hits"]["hits"]
        subjects = [hit["_source"][SUBJECT] for hit in hits]
        if subjects:
            yield subjects
        if len(subjects) < page:
            return
        after = subjects[-1]
