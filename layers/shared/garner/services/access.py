"""Who may do what to an index, checked in the contract's order (section 2):

token (401) → index exists (404) → scope and role (403) → index status (409) → input (400).
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from garner.domain.principals import SCOPE_ALL, SCOPE_INGEST, SCOPE_SEARCH, Caller
from garner.errors import (
    Forbidden,
    GarnerError,
    NoSuchIndex,
    QueryTimeout,
    Retryable,
    Unauthorized,
    Unavailable,
    WrongIndexStatus,
)
from garner.ports.engine import SearchReader
from garner.ports.indexes import IndexRecord, IndexStatus, IndexStore, Role, RoleName

OWNER: RoleName = "owner"
ADMIN: RoleName = "admin"
WRITER: RoleName = "writer"
ALL_ROLES: tuple[RoleName, ...] = (OWNER, ADMIN, WRITER)

_OWNERS = frozenset({OWNER})
_ADMINS = frozenset({OWNER, ADMIN})
_WRITERS = frozenset(ALL_ROLES)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a caller wants to do to an index; `name` stands in the message of a refusal."""

    name: str
    roles: frozenset[RoleName]
    scopes: tuple[str, ...]
    status: IndexStatus | None = "open"


INGEST = Operation("ingest", _WRITERS, (SCOPE_INGEST,))
UPLOAD = Operation("upload", _WRITERS, (SCOPE_INGEST,))
DECLARE_FIELDS = Operation("declare_fields", _WRITERS, (SCOPE_INGEST,))
DELETE_ENTRY = Operation("delete_entry", _WRITERS, (SCOPE_INGEST,))
DELETE_SUBJECT = Operation("delete_by_subject", _WRITERS, (SCOPE_INGEST,))
DELETE_BY_QUERY = Operation("delete_by_query", _ADMINS, (SCOPE_INGEST,))
TASK_SHOW = Operation("task_show", _WRITERS, (SCOPE_INGEST,), status=None)
TASK_CANCEL = Operation("task_cancel", _WRITERS, (SCOPE_INGEST,))
TASK_REPLAY = Operation("task_replay", _WRITERS, (SCOPE_INGEST,))
TASK_LIST = Operation("task_list", _WRITERS, (SCOPE_INGEST,))
FIELD_MAPPING = Operation("field_mapping", _WRITERS, (SCOPE_INGEST, SCOPE_SEARCH))
INDEX_UPDATE = Operation("index_update", _ADMINS, (SCOPE_ALL,))
INDEX_DELETE = Operation("index_delete", _OWNERS, (SCOPE_ALL,))
INDEX_REOPEN = Operation("index_reopen", _OWNERS, (SCOPE_ALL,), status="delete-pending")
WEBHOOK = Operation("webhook", _ADMINS, (SCOPE_ALL,))
ROLE_LIST = Operation("role_list", _ADMINS, (SCOPE_ALL,))
ROLE_CREATE = Operation("role_create", _ADMINS, (SCOPE_ALL,))
ROLE_DELETE = Operation("role_delete", _ADMINS, (SCOPE_ALL,))


@dataclass(frozen=True, slots=True)
class Admission:
    """An index that the caller may operate on, and the roles it does so with."""

    index: IndexRecord
    roles: list[RoleName]


def admit(index_id: str, caller: Caller, operation: Operation, *, indexes: IndexStore) -> Admission:
    """Raises the contract's error for the first check that fails."""
    require_token(caller)
    record = existing(index_id, indexes=indexes)
    require_scope(caller, operation.scopes, operation.name)
    roles = held_roles(indexes.roles(record.index_id), caller)
    if not operation.roles.intersection(roles):
        raise _lacks_role(operation)
    require_status(record, operation.status)
    return Admission(record, roles)


def existing(index_id: str, *, indexes: IndexStore) -> IndexRecord:
    """The index, whatever its status; raises `NoSuchIndex`, also for what is not a UUID."""
    known = index_uuid(index_id)
    record = indexes.get(known)
    if record is None or record.status == "creating":
        raise NoSuchIndex(index_id)
    return record


def index_uuid(segment: str) -> str:
    """A path segment as an index id in lower case; raises `NoSuchIndex`."""
    try:
        known = str(uuid.UUID(segment))
    except ValueError:
        known = ""
    if known != segment.lower():  # UUID() also takes braces, URNs and no hyphens
        raise NoSuchIndex(segment)
    return known


def require_token(caller: Caller) -> None:
    if caller.is_anonymous:
        raise Unauthorized("This operation needs a token: Authorization: Bearer <token>")


def require_scope(caller: Caller, scopes: tuple[str, ...], operation: str) -> None:
    if not caller.may(*scopes):
        enough = " or ".join(dict.fromkeys((SCOPE_ALL, *scopes)))
        raise Forbidden.operation(
            operation,
            "The token does not have a scope that allows this",
            f"Use a token with the scope {enough}",
        )


def held_roles(roles: Iterable[Role], caller: Caller) -> list[RoleName]:
    """The caller's roles among these, its groups' included, the strongest first."""
    held = {role.role_name for role in roles if role.principal in caller.principals}
    return [name for name in ALL_ROLES if name in held]


def require_status(record: IndexRecord, required: IndexStatus | None) -> None:
    if required is not None and record.status != required:
        actual, wanted = (status.replace("-", "_") for status in (record.status, required))
        raise WrongIndexStatus(actual, wanted)


@contextmanager
def reading(
    index_id: str,
    caller: Caller,
    *,
    reader: SearchReader,
    indexes: Callable[[], IndexStore],
) -> Iterator[str]:
    """The frame of search, scroll, subject and entry reads; gives the index id in lower case.

    A read that succeeds costs nothing here: no table is looked at. Only when it fails, the errors
    that come first in the contract's order are looked for. `indexes` is a function because the
    table client behind it is costly to load.
    """
    known = index_uuid(index_id)
    try:
        if not caller.is_anonymous:
            require_scope(caller, (SCOPE_SEARCH,), "search")
        yield known
    except NoSuchIndex:
        raise _why_missing(index_id, indexes()) from None
    except (Retryable, QueryTimeout):
        raise
    except GarnerError as error:
        try:
            reader.schema(known)
        except NoSuchIndex:
            missing = _why_missing(index_id, indexes())
            outranked = isinstance(missing, WrongIndexStatus) and isinstance(
                error, Forbidden | Unauthorized
            )
            raise (error if outranked else missing) from None
        raise


def _why_missing(index_id: str, indexes: IndexStore) -> GarnerError:
    """What to say when the engine does not know an index."""
    try:
        record = existing(index_id, indexes=indexes)
        require_status(record, "open")
    except (NoSuchIndex, WrongIndexStatus) as error:
        return error
    return Unavailable("The data of this index can't be reached; try again.")


def _lacks_role(operation: Operation) -> Forbidden:
    names = [name for name in ALL_ROLES if name in operation.roles]
    return Forbidden.operation(
        operation.name,
        "The caller does not have a role on this index that allows this",
        f"Ask an owner of the index for one of these roles: {', '.join(names)}",
    )
