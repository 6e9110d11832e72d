"""The people of the local stack, with API keys made by the same code as everybody else's."""

from dataclasses import asdict, dataclass

from garner.runtime.clock import SystemClock
from garner.services.keys import KeyRequest, create_key
from garner.storage.aws.calls import DYNAMODB
from garner.storage.dynamodb.keys import DynamoKeyStore
from garner.storage.dynamodb.table import Table
from local.cloud import Cloud

READERS = "urn:globus:groups:id:6e0aa200-11ce-4000-8000-00000000f000"
CURATORS = "urn:globus:groups:id:6e0aa200-11ce-4000-8000-00000000f001"


@dataclass(frozen=True)
class Identity:
    """One person: the URN of the identity, the URNs of its groups, and its key."""

    identity: str
    groups: tuple[str, ...] = ()
    controller_role: str | None = None
    key: str = ""

    def entry(self) -> dict[str, object]:
        """How `.local/stack.json` shows it."""
        shown = asdict(self)
        return {"key": shown["key"], "identity": shown["identity"], "groups": list(self.groups)}


def _urn(number: int) -> str:
    return f"urn:globus:auth:identity:6e0aa200-11ce-4000-8000-{number:012d}"


PEOPLE = {
    "owner": Identity(_urn(1)),
    "writer": Identity(_urn(2)),
    "reader": Identity(_urn(3), (READERS,), "viewer"),
    "curator": Identity(_urn(4), (READERS, CURATORS), "curator"),
    "admin": Identity(_urn(5), (), "admin"),
}


def create_identities(cloud: Cloud, table_name: str) -> dict[str, Identity]:
    """A fresh key for each of the `PEOPLE`."""
    clock = SystemClock()
    keys = DynamoKeyStore(Table(cloud.calls(DYNAMODB), table_name))
    people = {}
    for name, person in PEOPLE.items():
        request = KeyRequest(
            identity=person.identity,
            groups=person.groups,
            controller_role=person.controller_role,
            label=f"local {name}",
        )
        key = create_key(request, keys=keys, clock=clock)
        people[name] = Identity(person.identity, person.groups, person.controller_role, key)
    return people
