"""Delete by query (contract 2.11)."""

from garner.api.request import Request
from garner.api.resolver import Api
from garner.api.submissions import delete_by_query_task
from garner.contracts.query import delete_request_from_body
from garner.domain.tasks import NewTask
from garner.errors import JsonObject
from garner.runtime.container import Container
from garner.runtime.settings import Queries
from garner.runtime.start import serve
from garner.services.access import DELETE_BY_QUERY
from garner.services.delete_by_query import stored_query


def routes(api: Api, on: Container) -> None:
    submit, dialect = on.submitter, on.settings[Queries].default_dialect

    @api.post("/v1/index/<index_id>/delete_by_query")
    def delete(request: Request, index_id: str) -> JsonObject:
        def task(request: Request) -> NewTask:
            query = delete_request_from_body(request.json(), dialect)
            return delete_by_query_task(stored_query(query, request.caller))

        return submit(request, index_id, DELETE_BY_QUERY, task)


handler = serve("delete_by_query", routes)
