"""What an operator does to a running service: `python -m garner.runtime.operate --stack garner …`.

The steps that these commands belong to are in docs/operations.md. `--stack` names the deployed
stack, whose settings are read from its index worker; without it they come from the environment.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from garner.errors import GarnerError
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.deployed import environment
from garner.services.drain.ports import DrainPorts
from garner.services.drain.restore import restore_index
from garner.services.drain.upkeep import follow_engine, rebuild_index
from garner.storage.dynamodb.copy import make_equal
from garner.storage.dynamodb.indexes import DynamoIndexStore

Print = Callable[[str], None]

GROUPS = (
    settings.Aws,
    settings.Logs,
    settings.Table,
    settings.Payloads,
    settings.Doorbell,
    settings.Engine,
    settings.Draining,
)
_LIFETIME_SECONDS = 30 * 86_400.0  # of the longest restore: no function's time-out ends it


def run(arguments: Sequence[str], container: Container, say: Print) -> bool:
    """Whether all is as it should be. Raises `GarnerError`."""
    asked = _parser().parse_args(arguments)
    match asked.command:
        case "indexes":
            for line in _indexes(container):
                say(line)
        case "waiting":
            return _waiting(container, say)
        case "copy-table":
            name = container.settings[settings.Table].name
            written, deleted = make_equal(container.dynamodb, name, asked.source)
            say(f"{name}: {written} items written, {deleted} deleted")
        case _:
            ports = container.draining(_LIFETIME_SECONDS)
            for index_id in asked.index:
                _UPKEEP[asked.command](index_id, ports, say)
    return True


def _indexes(container: Container) -> Iterator[str]:
    log = container.task_log
    for index_id in DynamoIndexStore(container.table).ids():
        head, cursor = log.head(index_id), log.cursor(index_id)
        if head:
            yield (
                f"{index_id} {head.status} head {head.head} applied {cursor.applied} "
                f"waiting {head.head - cursor.applied} build {head.build}"
            )


def _waiting(container: Container, say: Print) -> bool:
    """False as long as accepted work waits anywhere."""
    now = container.clock.seconds()
    lagging = container.task_log.lagging(now)
    for due in lagging:
        tasks = container.task_log.backlog(due.index_id).tasks
        say(f"{due.index_id} {tasks} tasks wait, since {now - due.since:.0f} s")
    if not lagging:
        say("nothing waits")
    return not lagging


def _restore(index_id: str, ports: DrainPorts, say: Print) -> None:
    def report(slot: int, last: int) -> None:
        say(f"{index_id} slot {slot} of {last}")

    first, last = restore_index(index_id, ports=ports, report=report)
    say(f"{index_id} restored: slots {first} to {last}" if first <= last else f"{index_id} equal")


def _follow_engine(index_id: str, ports: DrainPorts, say: Print) -> None:
    say(f"{index_id} goes on above slot {follow_engine(index_id, ports=ports)}")


def _rebuild(index_id: str, ports: DrainPorts, say: Print) -> None:
    say(f"{index_id} is at build {rebuild_index(index_id, ports=ports)}")


_UPKEEP: dict[str, Callable[[str, DrainPorts, Print], None]] = {
    "restore": _restore,
    "follow-engine": _follow_engine,
    "rebuild": _rebuild,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m garner.runtime.operate")
    parser.add_argument("--stack", help="a deployed stack; its settings are used")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("indexes", help="every index, and how far its log is applied")
    commands.add_parser("waiting", help="what waits; the exit status is 1 if something does")
    for name, text in (
        ("restore", "after the engine was put back to a snapshot: apply what is missing"),
        ("follow-engine", "after the table was put back: go on above what the engine has"),
        ("rebuild", "a new build of the engine's index, with today's mapping and settings"),
    ):
        commands.add_parser(name, help=text).add_argument("index", nargs="+")
    copy = commands.add_parser("copy-table", help="make the stack's table equal to another one")
    copy.add_argument("source", metavar="table")
    return parser


def main() -> int:
    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    try:
        stack = _parser().parse_args().stack
        container = Container(settings.load_groups(GROUPS, environment(stack)))
        return 0 if run(sys.argv[1:], container, say) else 1
    except GarnerError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
