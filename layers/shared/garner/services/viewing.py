"""What all reads have in common: who sees what, and fields newer than the schema at hand."""

from collections.abc import Callable, Collection, Sequence

from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.domain.query.compiler import CompiledSearch
from garner.domain.query.scope import Scope
from garner.domain.visibility import Visibility
from garner.errors import Forbidden, Unauthorized
from garner.ports.engine import SearchReader
from garner.ports.indexes import RoleName

RoleLookup = Callable[[], Collection[RoleName]]
"""The caller's roles on the index. Only called where an answer depends on them: a read without
them must not need the table."""

_MAY_BYPASS: frozenset[RoleName] = frozenset(("owner", "admin"))


def visibility_of(
    caller: Caller,
    *,
    roles: RoleLookup,
    bypass: bool,
    principal_sets: Sequence[str] = (),
) -> Visibility:
    """What the caller sees, with what it asks for (contract 3.10, 3.11). An anonymous bypass is
    ignored. Raises `Unauthorized` and `Forbidden`."""
    if caller.is_anonymous and principal_sets:
        raise Unauthorized("filter_principal_sets needs a token: Authorization: Bearer <token>")
    bypass = bypass and not caller.is_anonymous
    if bypass and _MAY_BYPASS.isdisjoint(roles()):
        raise Forbidden.operation(
            "search",
            "bypass_visible_to needs the role owner or admin on this index",
            "Leave bypass_visible_to out, or ask an owner of the index for a role",
        )
    return Visibility.of(caller, bypass=bypass, principal_sets=principal_sets)


def require_fields(caller: Caller, fields: Sequence[str], *, roles: RoleLookup) -> None:
    """Raises `Forbidden` where `fields` asks for more than the caller may see (contract 3.12)."""
    if set(fields) != {"content"} and (caller.is_anonymous or not roles()):
        raise Forbidden.operation(
            "search",
            "Only callers with a role on this index may ask for more fields than content",
            "Leave fields out, or ask an owner of the index for a role",
        )


def compile_known(
    index_id: str, compile_for: Callable[[Schema], CompiledSearch], *, reader: SearchReader
) -> CompiledSearch:
    """Compiles with the cached schema, and again where it lacks a field that there is by now: a
    field can be used as soon as the task that brought it is SUCCESS."""
    schema = reader.schema(index_id)
    query = compile_for(schema)
    if query.scope.has_unknown_fields:
        fresh = reader.schema(index_id, fresh=True)
        if fresh != schema:
            query = compile_for(fresh)
    return query


def tell_problems(scope: Scope, caller: Caller, *, roles: RoleLookup) -> None:
    """Field names and types are not public: without a role, what can't be applied to a field
    matches nothing (contract 8.5). Raises `ValidationFailed`."""
    if scope.problems and not caller.is_anonymous and roles():
        scope.raise_problems()
