"""What a crash or an absent engine leaves between table and engine is mended by tending."""

from dataclasses import dataclass
from typing import Any

import pytest

from garner import limits
from garner.contracts.index import IndexCreate
from garner.domain.documents import physical_index, read_alias
from garner.domain.fields import Schema
from garner.domain.principals import Caller
from garner.ports.indexes import Role
from garner.runtime.clock import RandomIds, SystemClock
from garner.services.create_index import create_index
from garner.services.tend_index import tend_index
from garner.storage.dynamodb.indexes import DynamoIndexStore
from garner.storage.dynamodb.roles import DynamoRoleStore
from garner.storage.dynamodb.table import Table
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from tests.fakes.api import Service
from tests.functions.conftest import Keys, identity

OWNER = Caller(identity(1), frozenset({identity(1)}), scopes=frozenset({"all"}))


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass
class Clock(SystemClock):
    ahead: float = 0.0

    def seconds(self) -> float:
        return super().seconds() + self.ahead


class Rig:
    def __init__(self, table: Table, engine: EngineClient) -> None:
        self.client = engine
        self.indexes = DynamoIndexStore(table)
        self.roles = DynamoRoleStore(table)
        self.engine = OpenSearchIndexes(engine)
        self.clock = Clock()

    def create(self, engine: Any) -> str:
        record = create_index(
            IndexCreate(display_name="a", description="b"),
            OWNER,
            max_trial_indexes=3,
            indexes=self.indexes,
            roles=self.roles,
            engine=engine,
            clock=self.clock,
            ids=RandomIds(),
        )
        return record.index_id

    def tend(self, index_id: str) -> None:
        tend_index(index_id, indexes=self.indexes, engine=self.engine, clock=self.clock)

    def due(self) -> list[str]:
        return self.indexes.needing_attention(self.clock.seconds())

    def found(self, name: str) -> bool:
        return self.client.request("GET", f"/{name}/_count").status == 200


@pytest.fixture
def rig(table: Table, engine: EngineClient) -> Rig:
    return Rig(table, engine)


@pytest.mark.parametrize("after", [False, True])
def test_a_creation_that_died_is_seen_by_nobody_and_removed(
    rig: Rig, service: Service, keys: Keys, after: bool
) -> None:
    class Dying:
        def create(self, index_id: str, build: int, schema: Schema) -> None:
            if after:
                rig.engine.create(index_id, build, schema)
            raise Killed

    with pytest.raises(Killed):
        rig.create(Dying())
    (index_id,) = rig.due()
    assert service.send("GET", f"/v1/index/{index_id}").status == 404
    assert service.send("GET", "/v1/index_list", key=keys.owner).json == {"index_list": []}

    rig.tend(index_id)  # it may still be on its way
    assert rig.indexes.get(index_id) is not None
    rig.clock.ahead = 901
    assert rig.due() == [index_id]
    rig.tend(index_id)
    assert rig.indexes.get(index_id) is None
    assert rig.roles.of_principals([identity(1)]) == []
    assert not rig.found(physical_index(index_id, 1))
    assert rig.due() == []


def test_a_delete_without_the_engine_is_finished_later(
    rig: Rig, service: Service, keys: Keys, index_id: str
) -> None:
    service.apis.clear()
    service.parts["engine"] = EngineClient("http://127.0.0.1:9")
    assert service.send("DELETE", f"/v1/index/{index_id}", key=keys.owner).status == 200
    assert rig.found(read_alias(index_id))

    assert rig.due() == [index_id]
    rig.tend(index_id)
    assert not rig.found(read_alias(index_id))
    assert rig.found(physical_index(index_id, 1))
    assert rig.due() == []


def test_a_reopening_without_the_engine_is_finished_later(
    rig: Rig, service: Service, keys: Keys, index_id: str
) -> None:
    service.send("DELETE", f"/v1/index/{index_id}", key=keys.owner)
    service.apis.clear()
    service.parts["engine"] = EngineClient("http://127.0.0.1:9")
    assert service.send("POST", f"/v1/index/{index_id}/reopen", key=keys.owner).status == 200

    assert rig.due() == [index_id]
    rig.tend(index_id)
    assert rig.found(read_alias(index_id))
    assert rig.due() == []


def test_a_deleted_index_goes_after_its_retention(
    rig: Rig, service: Service, keys: Keys, index_id: str
) -> None:
    service.send("DELETE", f"/v1/index/{index_id}", key=keys.owner)
    rig.clock.ahead = limits.RETENTION_DAYS * 86_400 - 60
    assert rig.due() == []
    rig.clock.ahead += 120
    assert rig.due() == [index_id]
    rig.tend(index_id)

    assert not rig.found(physical_index(index_id, 1))
    assert service.send("GET", f"/v1/index/{index_id}").status == 404
    assert service.send("GET", "/v1/index_list", key=keys.owner).json == {"index_list": []}


def test_a_role_based_on_what_is_no_longer_true_is_not_stored(
    rig: Rig, index_id: str, service: Service, keys: Keys
) -> None:
    stale, held = rig.roles.of_index(index_id), rig.roles.of_principal(identity(8))
    assert rig.roles.add(
        Role("r1", index_id, "writer", identity(7), 1.0), stale, rig.roles.of_principal(identity(7))
    )

    assert not rig.roles.add(Role("r2", index_id, "writer", identity(8), 1.0), stale, held)
    assert not rig.roles.delete(stale.roles[0], stale)
    principals = {role.principal for role in rig.roles.of_index(index_id).roles}
    assert identity(8) not in principals
    assert identity(7) in principals
