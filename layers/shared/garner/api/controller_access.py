"""Roles of the controller, for its routes and the registry's (controller contract, Q22)."""

from garner.domain.principals import Caller
from garner.errors import Forbidden
from garner.services.access import require_token

_ROLES = ("viewer", "curator", "admin")


def require_controller_role(caller: Caller, role: str) -> None:
    """Raises `Unauthorized` for nobody, `Forbidden` unless the caller has this role or a higher
    one."""
    require_token(caller)
    has = caller.controller_role
    if has not in _ROLES or _ROLES.index(has) < _ROLES.index(role):
        raise Forbidden.operation(
            "controller",
            f"The key does not have the controller role {role}",
            "Use a key that an administrator gave this role",
        )
