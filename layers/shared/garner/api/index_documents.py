"""Index and role documents, made of what the services give."""

from garner.api.parameters import Parameters
from garner.contracts.index import GSearchIndex, IndexWithPermissions, service_date
from garner.contracts.role import RoleDocument
from garner.errors import JsonObject, ValidationFailed
from garner.ports.indexes import Role, RoleName
from garner.services.access import ALL_ROLES
from garner.services.show_index import IndexView

_MEGABYTE = 1024 * 1024


def index_document(view: IndexView, max_size_in_mb: int) -> JsonObject:
    """GSearchIndex: what Create and Update answer."""
    return GSearchIndex(**_fields(view, max_size_in_mb)).model_dump(by_alias=True)


def permitted_document(view: IndexView, max_size_in_mb: int) -> JsonObject:
    """IndexWithPermissions: what Show and List answer."""
    fields = _fields(view, max_size_in_mb)
    document = IndexWithPermissions(**fields, permissions=view.permissions)
    return document.model_dump(by_alias=True)


def role_document(role: Role) -> JsonObject:
    is_group = role.principal.startswith("urn:globus:groups:")
    return RoleDocument(
        id=role.role_id,
        role_name=role.role_name,
        index_id=role.index_id,
        principal=role.principal,
        principal_type="group" if is_group else "identity",
        creation_date=service_date(role.created_at),
    ).model_dump()


def read_filter_roles(parameters: Parameters) -> list[RoleName]:
    """`filter_roles`; all roles where it is absent. Repeats are legal (contract 2.19)."""
    names = parameters.names("filter_roles")
    if names is None:
        return list(ALL_ROLES)
    unknown = set(names).difference(ALL_ROLES)
    if unknown:
        text = f"Must be one of: {', '.join(ALL_ROLES)}."
        raise ValidationFailed.of("query", "filter_roles", text)
    return [role for role in ALL_ROLES if role in names]


def _fields(view: IndexView, max_size_in_mb: int) -> JsonObject:
    record, stats = view.record, view.stats
    modified = record.modified_at
    return {
        "id": record.index_id,
        "display_name": record.display_name,
        "description": record.description,
        "creation_date": service_date(record.created_at),
        "is_trial": record.is_trial,
        "max_size_in_mb": max_size_in_mb,
        "size_in_mb": stats.size_in_bytes // _MEGABYTE if stats else 0,
        "num_subjects": stats.num_subjects if stats else 0,
        "num_entries": stats.num_entries if stats else 0,
        "status": record.status,
        "available": stats is not None,
        "content_last_modified_date": None if modified is None else service_date(modified),
    }
