"""API keys from the command line, over the table."""

from dataclasses import dataclass

import pytest

from garner.errors import Unauthorized, ValidationFailed
from garner.runtime import settings
from garner.runtime.container import Container
from garner.runtime.keys import run
from garner.storage.dynamodb.table import Table
from tests.functions.conftest import GROUP, identity


@dataclass
class Command:
    container: Container

    def __call__(self, *arguments: str) -> list[str]:
        return run(arguments, self.container)

    def works(self, key: str) -> bool:
        self.container.__dict__.pop("authenticator", None)  # it remembers callers
        try:
            self.container.authenticator.caller(f"Bearer {key}")
        except Unauthorized:
            return False
        return True


@pytest.fixture
def command(table: Table) -> Command:
    groups = (settings.Table, settings.Tokens)
    container = Container(settings.load_groups(groups, {"TABLE_NAME": "garner"}))
    container.table = table
    return Command(container)


def test_a_key_is_created_listed_rotated_and_revoked(command: Command) -> None:
    (key,) = command("create", "--identity", identity(1), "--group", GROUP, "--label", "me")
    prefix = key.partition(".")[0]
    assert command.works(key)
    assert command("list") == [f"{prefix} {identity(1)} all me"]

    (new,) = command("rotate", prefix, "--grace-hours", "0")
    assert command.works(new)
    assert not command.works(key)
    assert sorted(line.split()[0] for line in command("list")) == sorted(
        [prefix, new.partition(".")[0]]
    )

    command("revoke", new.partition(".")[0])
    assert not command.works(new)


def test_a_key_for_nobody_is_refused(command: Command) -> None:
    with pytest.raises(ValidationFailed):
        command("create", "--identity", "me")
    assert command("list") == []
