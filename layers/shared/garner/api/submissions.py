"""From a write request to a task, and the answer to it (contract 2.4 to 2.11)."""

from collections.abc import Callable

from garner import limits
from garner.api.request import Request
from garner.domain import operations
from garner.domain.tasks import NewTask, Outcome, TaskKind
from garner.errors import BadRequest, JsonObject, ValidationFailed
from garner.ports.indexes import IndexStore
from garner.services import access
from garner.services.submit import AcceptPorts, RequestIdentity, submit


class Submitter:
    """Checks the caller, then the input, then submits; the order is the contract's."""

    def __init__(self, *, indexes: IndexStore, accept: AcceptPorts) -> None:
        self._indexes = indexes
        self._accept = accept

    def __call__(
        self,
        request: Request,
        index_id: str,
        operation: access.Operation,
        task: Callable[[Request], NewTask],
    ) -> JsonObject:
        """TaskSubmitResponse. `task` reads the request when the caller is known to be allowed."""
        admission = access.admit(index_id, request.caller, operation, indexes=self._indexes)
        identity = identity_of(request)
        task_id = submit(
            admission.index.index_id,
            request.caller,
            task(request),
            request=identity,
            ports=self._accept,
        )
        return submitted(task_id, request)

    def try_out(
        self,
        request: Request,
        index_id: str,
        operation: access.Operation,
        task: Callable[[Request], NewTask],
        dry_run: Callable[[str, NewTask], JsonObject],
    ) -> JsonObject:
        """What the task would come to; nothing is submitted."""
        admission = access.admit(index_id, request.caller, operation, indexes=self._indexes)
        tried = task(request)
        if tried.kind is TaskKind.UPLOAD:
            text = "Not possible for an upload, which is checked whole before it is applied."
            raise ValidationFailed.of("query", "dry_run", text)
        return dry_run(admission.index.index_id, tried)


def submitted(task_id: str, request: Request) -> JsonObject:
    """TaskSubmitResponse; the last two fields are deprecated constants."""
    return {
        "acknowledged": True,
        "task_id": task_id,
        "as_identity": request.caller.identity,
        "success": True,
        "num_documents_ingested": 0,
    }


def wanted_outcome(request: Request) -> Outcome | None:
    """The parameter `outcome`; absent, all are wanted."""
    if not request.parameters.text("outcome"):
        return None
    return Outcome(_choice(request, "outcome", tuple(Outcome)))


def skips_errors(request: Request) -> bool:
    return _choice(request, "on_error", ("abort", "skip")) == "skip"


def delete_entry_task(request: Request) -> NewTask:
    line = operations.delete_entry(
        read_subject(request), request.parameters.text("entry_id") or None
    )
    return NewTask(kind=TaskKind.DELETE_ENTRY, payload=operations.encode([line]), operations=1)


def delete_subject_task(request: Request) -> NewTask:
    return delete_subjects([read_subject(request)])


def delete_subjects(subjects: list[str]) -> NewTask:
    return NewTask(
        kind=TaskKind.DELETE_SUBJECTS,
        payload=operations.encode(map(operations.delete_subject, subjects)),
        operations=len(subjects),
    )


def delete_by_query_task(stored: JsonObject) -> NewTask:
    """`stored` is from `garner.services.delete_by_query`."""
    return NewTask(
        kind=TaskKind.DELETE_BY_QUERY, payload=operations.encode([], stored), operations=0
    )


def read_subject(request: Request) -> str:
    """The parameter `subject`; raises `ValidationFailed`."""
    subject = request.parameters.required("subject")
    if not subject or len(subject.encode()) > limits.MAX_SUBJECT_BYTES:
        text = f"Must be 1 to {limits.MAX_SUBJECT_BYTES} bytes of UTF-8."
        raise ValidationFailed.of("query", "subject", text)
    return subject


def identity_of(request: Request) -> RequestIdentity | None:
    """What an Idempotency-Key stands for (contract 8.7)."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key.encode()) <= limits.MAX_IDEMPOTENCY_KEY_BYTES:
        limit = limits.MAX_IDEMPOTENCY_KEY_BYTES
        raise BadRequest(f"The Idempotency-Key must have 1 to {limit} bytes")
    return RequestIdentity(key, request.fingerprint())


def _choice(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    """A parameter with fixed values, of which the first is the default."""
    value = request.parameters.text(name) or allowed[0]
    if value not in allowed:
        raise ValidationFailed.of("query", name, f"Must be one of: {', '.join(allowed)}.")
    return value
