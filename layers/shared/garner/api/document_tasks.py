"""Tasks that come as documents (contract 2.4, 2.5, 2.10). Those that come as parameters or queries
are in `garner.api.submissions`: they need no models, whose building is a third of a cold start."""

from garner.api.request import Request
from garner.api.submissions import delete_subjects, skips_errors
from garner.contracts.gmeta import GMetaEntry, read_ingest
from garner.contracts.task import BatchDeleteBySubject, DeclareFields
from garner.domain import operations
from garner.domain.tasks import NewTask, TaskKind
from garner.errors import JsonObject
from garner.ports.payloads import PayloadStore
from garner.services.entry_lines import entry_line
from garner.services.uploads import find_upload


def ingest_task(request: Request, index_id: str, payloads: PayloadStore) -> NewTask:
    """A GIngest; `?on_error=skip` applies the valid entries of a task that has invalid ones.

    Of an upload the version is meant that is there now, whatever is uploaded later.
    """
    skip_errors = skips_errors(request)
    ingest = read_ingest(request.content())
    header: JsonObject = {"declared": ingest.declared} if ingest.declared else {}
    if ingest.upload_id is None:
        return NewTask(
            kind=TaskKind.INGEST,
            payload=operations.encode(map(entry_line, ingest.entries), header),
            operations=len(ingest.entries),
            skip_errors=skip_errors,
        )
    upload = find_upload(index_id, ingest.upload_id, payloads=payloads)
    return NewTask(
        kind=TaskKind.UPLOAD,
        payload=operations.encode([], {"upload": upload.to_json(), **header}),
        operations=0,
        skip_errors=skip_errors,
        file_bytes=upload.size,
    )


def entry_task(request: Request) -> NewTask:
    """A bare GMetaEntry."""
    entry = request.kept_document(GMetaEntry)
    return NewTask(
        kind=TaskKind.INGEST, payload=operations.encode([entry_line(entry)]), operations=1
    )


def declare_task(request: Request) -> NewTask:
    """Field types as a task in the log, so that they bind in its order."""
    fields = request.document(DeclareFields).fields
    header: JsonObject = {"declared": fields}
    return NewTask(kind=TaskKind.DECLARE, payload=operations.encode([], header), operations=0)


def batch_delete_task(request: Request) -> NewTask:
    return delete_subjects(request.document(BatchDeleteBySubject).subjects)
