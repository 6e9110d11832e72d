"""Roles of the controller, for its routes and the registry's (controller contract, Q22)."""

from garner.domain.principals import Caller
from garner.errors import Forbidden

_ROLES = ("viewer", "curator", "admin")


def require_controller_role(caller: Caller, role: str) -> None:
    """Raises `Forbidden` unless the caller has this role or a higher one."""
    has = caller.controller_role
    if has not in _ROLES or _ROLES.index(has) < _ROLES.index(role):
        raise Forbidden.operation(
            "controller",
            f"The key does not have the controller role {role}",
            "Use a key that an administrator gave this role",
        )
