"""Who calls: keys, their life, and how long a caller is remembered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from garner.domain import api_keys
from garner.domain.principals import ANONYMOUS
from garner.errors import NotFound, Unauthorized, Unavailable, ValidationFailed
from garner.ports.keys import ApiKey
from garner.services.authenticate import Authenticator
from garner.services.keys import KeyRequest, create_key, revoke_key, rotate_key

IDENTITY = "urn:globus:auth:identity:00000000-0000-4000-8000-00000000000A"
LINKED = "urn:globus:auth:identity:00000000-0000-4000-8000-00000000000b"
GROUP = "urn:globus:groups:id:00000000-0000-4000-8000-00000000000C"


@dataclass
class ManualClock:
    time: float = 1_000_000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def seconds(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class InMemoryKeyStore:
    items: dict[str, ApiKey] = field(default_factory=dict)
    reads: int = 0
    away: bool = False

    def get(self, prefix: str) -> ApiKey | None:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        return self.items.get(prefix)

    def put(self, key: ApiKey) -> bool:
        return self.items.setdefault(key.prefix, key) is key

    def replace(self, key: ApiKey) -> None:
        self.items[key.prefix] = key

    def list(self) -> Iterator[ApiKey]:
        yield from self.items.values()


@dataclass
class Rig:
    store: InMemoryKeyStore = field(default_factory=InMemoryKeyStore)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.authenticator = Authenticator(keys=lambda: self.store, clock=self.clock)

    def create(self, **request: object) -> str:
        whole = KeyRequest(**{"identity": IDENTITY, **request})  # type: ignore[arg-type]
        return create_key(whole, keys=self.store, clock=self.clock)

    def refused(self, key: str) -> bool:
        try:
            self.authenticator.caller(f"Bearer {key}")
        except Unauthorized:
            return True
        return False


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_no_header_is_anonymous(rig: Rig) -> None:
    assert rig.authenticator.caller(None) is ANONYMOUS
    assert rig.store.reads == 0


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "token", "Bearer a b"])
def test_a_header_that_proves_nothing_is_refused(rig: Rig, header: str) -> None:
    with pytest.raises(Unauthorized):
        rig.authenticator.caller(header)


def test_a_key_stands_for_its_identities_and_groups_in_lower_case(rig: Rig) -> None:
    key = rig.create(linked_identities=(LINKED,), groups=(GROUP,), scopes=("search",))
    caller = rig.authenticator.caller(f"bearer {key}")

    assert caller.identity == IDENTITY.lower()
    assert caller.principals == {IDENTITY.lower(), LINKED, GROUP.lower()}
    assert (caller.may("search"), caller.may("ingest")) == (True, False)


def test_only_a_hash_is_stored(rig: Rig) -> None:
    prefix, _, secret = rig.create().partition(".")
    assert len(secret) == 43  # 256 bits
    assert secret not in repr(rig.store.items[prefix])
    assert api_keys.matches(secret, rig.store.items[prefix].secret_hash)


def test_a_wrong_secret_is_refused(rig: Rig) -> None:
    first, second = rig.create(), rig.create()
    assert rig.refused(f"{first.partition('.')[0]}.{second.partition('.')[2]}")


def test_an_expired_key_is_refused_even_if_it_is_remembered(rig: Rig) -> None:
    key = rig.create(lifetime=30)
    assert not rig.refused(key)
    rig.clock.time += 30
    assert rig.refused(key)


def test_a_caller_is_remembered_for_a_minute(rig: Rig) -> None:
    key = rig.create()
    for _ in range(3):
        assert not rig.refused(key)
    assert rig.store.reads == 1

    revoke_key(key.partition(".")[0], keys=rig.store)
    rig.clock.time += 59
    assert not rig.refused(key)
    rig.clock.time += 1
    assert rig.refused(key)


def test_a_refusal_is_not_remembered(rig: Rig) -> None:
    key = rig.create()
    stored = rig.store.items.pop(key.partition(".")[0])
    assert rig.refused(key)
    rig.store.replace(stored)
    assert not rig.refused(key)


def test_without_the_table_a_key_is_neither_good_nor_bad(rig: Rig) -> None:
    key = rig.create()
    rig.store.away = True
    with pytest.raises(Unavailable):
        rig.authenticator.caller(f"Bearer {key}")
    assert rig.authenticator.caller(None) is ANONYMOUS


def test_a_rotated_key_works_on_for_a_while(rig: Rig) -> None:
    old = rig.create(groups=(GROUP,))
    new = rotate_key(old.partition(".")[0], grace=600, keys=rig.store, clock=rig.clock)
    assert not rig.refused(old)
    assert rig.authenticator.caller(f"Bearer {new}").groups == {GROUP.lower()}
    rig.clock.time += 600
    assert rig.refused(old)
    assert not rig.refused(new)


def test_an_unknown_key_can_not_be_revoked(rig: Rig) -> None:
    with pytest.raises(NotFound):
        revoke_key("g000000000000", keys=rig.store)


def test_a_key_for_nobody_is_refused(rig: Rig) -> None:
    with pytest.raises(ValidationFailed) as caught:
        rig.create(identity="public", groups=("staff",), scopes=("root",), controller_role="king")
    assert caught.value.details is not None
    assert caught.value.details["messages"]["json"].keys() == {
        "identity",
        "groups",
        "scopes",
        "controller_role",
    }
