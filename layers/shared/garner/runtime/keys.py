"""API keys from the command line: `python -m garner.runtime.keys create --identity URN …`.

Needs the usual AWS settings, and `--stack NAME` of the deployed stack or TABLE_NAME. A new key is
printed once and can't be shown again.
"""

import argparse
import sys
from collections.abc import Sequence

from garner.errors import GarnerError
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.deployed import environment
from garner.services.keys import (
    CONTROLLER_ROLES,
    SCOPES,
    KeyRequest,
    create_key,
    revoke_key,
    rotate_key,
)

_HOUR, _DAY = 3_600, 86_400


def run(arguments: Sequence[str], container: Container) -> list[str]:
    """The lines to print. Raises `GarnerError`."""
    asked = _parser().parse_args(arguments)
    keys, clock = container.keys, container.clock
    match asked.command:
        case "create":
            request = KeyRequest(
                identity=asked.identity,
                linked_identities=asked.linked,
                groups=asked.group,
                scopes=asked.scope or SCOPES[:1],
                controller_role=asked.controller_role,
                label=asked.label,
                lifetime=asked.days and asked.days * _DAY,
            )
            return [create_key(request, keys=keys, clock=clock)]
        case "rotate":
            grace = asked.grace_hours * _HOUR
            return [rotate_key(asked.prefix, grace=grace, keys=keys, clock=clock)]
        case "revoke":
            revoke_key(asked.prefix, keys=keys)
            return [f"{asked.prefix} is revoked"]
    return [
        f"{key.prefix} {key.identity} {','.join(key.scopes)}"
        f"{' disabled' if key.disabled else ''} {key.label}".rstrip()
        for key in keys.list()
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m garner.runtime.keys")
    parser.add_argument("--stack", help="a deployed stack; its table is used")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="a new key")
    create.add_argument("--identity", required=True, metavar="URN")
    create.add_argument("--linked", action="append", default=[], metavar="URN")
    create.add_argument("--group", action="append", default=[], metavar="URN")
    create.add_argument("--scope", action="append", choices=SCOPES)
    create.add_argument("--controller-role", choices=CONTROLLER_ROLES)
    create.add_argument("--label", default="")
    create.add_argument("--days", type=int, help="how long it works; without it, for ever")
    rotate = commands.add_parser("rotate", help="a new key for the same identity")
    rotate.add_argument("prefix")
    rotate.add_argument("--grace-hours", type=int, default=24, help="how long the old one works on")
    commands.add_parser("revoke", help="end a key").add_argument("prefix")
    commands.add_parser("list", help="all keys, without their secrets")
    return parser


def main() -> int:
    try:
        stack = _parser().parse_args().stack
        container = Container(
            settings.load_groups((settings.Aws, settings.Table), environment(stack))
        )
        lines = run(sys.argv[1:], container)
    except GarnerError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
