"""What becomes of writes, through functions and index worker (contract 2.12, 4.1 to 4.4)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from garner.domain.slots import TaskIds, index_key
from garner.ports.clock import Clock
from garner.services.drain import DrainEnd, DrainPorts, drain
from garner.storage.dynamodb.table import Table, Update
from garner.storage.dynamodb.task_log import DynamoTaskLog
from tests.fakes.api import ENVIRONMENT
from tests.fakes.index_client import IndexClient, entry, gmeta_list
from tests.functions.conftest import GROUP, identity

TOKEN_HOLDERS = "all_authenticated_users"


class Watched:
    """A port that calls `looks[method]` before each call of that method."""

    def __init__(self, port: object, **looks: Callable[[], None]) -> None:
        self._port, self._looks = port, looks

    def __getattr__(self, name: str) -> Any:
        if name in self._looks:
            self._looks[name]()
        return getattr(self._port, name)


@pytest.mark.compliance(36)
def test_an_ingest_of_an_entry_is_answered_with_its_task(cores: IndexClient) -> None:
    document = {"ingest_type": "GMetaEntry", "ingest_data": entry("a", rock="basalt")}
    answer = cores.send("POST", "/ingest", document, by="writer")
    assert (answer.status, answer.json) == (
        200,
        {
            "acknowledged": True,
            "task_id": answer.json["task_id"],
            "as_identity": identity(3),
            "success": True,
            "num_documents_ingested": 0,
        },
    )
    cores.drain(cores.index_id)
    assert cores.task(answer.json["task_id"])["state"] == "SUCCESS"
    assert cores.entries("a") == {None: {"rock": "basalt"}}
    assert cores.send("POST", "/ingest", document, by="reader").code == "Forbidden.Generic"
    assert cores.send("POST", "/ingest", document, by=None).code == "Unauthorized.Generic"


@pytest.mark.compliance(39)
def test_a_task_waits_then_is_in_progress_then_succeeds(
    cores: IndexClient, draining: DrainPorts
) -> None:
    task_id = cores.submit("PUT", "/entry", entry("a", rock="basalt"))
    seen = [cores.task(task_id)["state"]]
    writer = Watched(draining.writer, bulk=lambda: seen.append(cores.task(task_id)["state"]))
    ports = replace(draining, writer=writer)
    assert drain(cores.index_id, ports=ports) is DrainEnd.DONE

    assert seen == ["PENDING", "PROGRESS"]
    done = cores.task(task_id)
    assert (done["state"], done["state_description"]) == ("SUCCESS", "Task succeeded")
    assert done["message"] is None
    assert done["completion_date"] > done["creation_date"]


@pytest.mark.compliance(40)
def test_data_is_searchable_before_its_task_is_said_to_have_succeeded(
    cores: IndexClient, draining: DrainPorts
) -> None:
    steps: list[object] = []
    watched = replace(
        draining,
        writer=Watched(
            draining.writer,
            bulk=lambda: steps.append("bulk"),
            refresh=lambda: steps.append("refresh"),
        ),
        log=Watched(draining.log, finish=lambda: steps.append(cores.subjects("granite"))),
    )
    for subject in ("a", "b"):
        cores.submit("PUT", "/entry", entry(subject, rock="granite"))
        assert drain(cores.index_id, ports=watched) is DrainEnd.DONE
    assert steps == ["bulk", "refresh", ["a"], "bulk", "refresh", ["a", "b"]]


@pytest.mark.compliance(41)
def test_of_ingests_of_one_subject_back_to_back_the_last_stays(cores: IndexClient) -> None:
    for turn in range(3):
        for number in range(4):
            cores.submit("POST", "/ingest", gmeta_list(entry("a", turn=turn, number=number)))
        cores.drain(cores.index_id)
        assert cores.entries("a") == {None: {"turn": turn, "number": 3}}


@pytest.mark.compliance(42, 43)
def test_an_ingest_replaces_its_entry_wholly_and_no_other(cores: IndexClient) -> None:
    curated = {"principal_sets": {"curator": [identity(1)]}}
    cores.write(
        entry("a", rock="basalt", depth=3) | curated,
        entry("a", "lab", grain="fine") | curated,
    )
    cores.write(entry("a", rock="gabbro") | {"visible_to": [identity(1)]})

    (result,) = cores.search(fields=["content", "visible_to", "principal_sets"])["gmeta"]
    replaced, other = result["entries"]
    assert replaced == {
        "entry_id": None,
        "matched_principal_sets": [],
        "content": {"rock": "gabbro"},
        "visible_to": [identity(1)],
        "principal_sets": [],
    }
    assert other == {
        "entry_id": "lab",
        "matched_principal_sets": ["curator"],
        "content": {"grain": "fine"},
        "visible_to": ["public"],
        "principal_sets": ["curator"],
    }
    assert cores.subjects("basalt") == []
    assert cores.subjects("gabbro", by=None) == []


@pytest.mark.compliance(44)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_entry_is_made_and_replaced(cores: IndexClient, method: str) -> None:
    for rock in ("basalt", "gabbro"):
        task = cores.outcome(method, "/entry", entry("a", rock=rock), by="writer")
        assert task["state"] == "SUCCESS"
        assert cores.entries("a") == {None: {"rock": rock}}


@pytest.mark.compliance(54)
def test_of_1001_tasks_the_list_has_the_latest_thousand_newest_first(
    cores: IndexClient, table: Table, clock: Clock
) -> None:
    first = cores.submit("POST", "/ingest", gmeta_list())
    log = DynamoTaskLog(table, clock)
    (task,) = log.tasks(cores.index_id, [1]).values()
    for n in range(2, 1_001):
        log.put(cores.index_id, replace(task, n=n))
    head = (f"H#{index_key(cores.index_id)}", "-")
    table.update(Update(head, "SET head = :n", values={"n": 1_000}))
    last = cores.submit("POST", "/ingest", gmeta_list())

    path = f"/v1/task_list/{cores.index_id}"
    listed = cores.service.send("GET", path, key=cores.keys["writer"]).json
    assert listed.keys() == {"index_id", "tasks"}
    assert listed["index_id"] == cores.index_id
    ids = TaskIds(ENVIRONMENT["SIGNING_KEY"].encode())
    slots = [ids.decode(task["task_id"]) for task in listed["tasks"]]
    assert [place[1] for place in slots if place] == list(range(1_001, 1, -1))
    listed_ids = {task["task_id"] for task in listed["tasks"]}
    assert last in listed_ids
    assert first not in listed_ids


@pytest.mark.compliance(55)
def test_a_delete_of_an_entry_without_id_takes_the_null_entry_only(cores: IndexClient) -> None:
    cores.write(entry("a", x=1), entry("a", "lab", x=2), entry("b", x=3))
    cores.delete("DELETE", "/entry", subject="a", by="writer")
    assert (cores.entries("a"), cores.entries("b")) == ({"lab": {"x": 2}}, {None: {"x": 3}})
    cores.delete("DELETE", "/entry", subject="a", entry_id="lab")
    assert cores.subjects() == ["b"]


@pytest.mark.compliance(56)
def test_a_delete_of_a_subject_takes_entries_that_its_caller_can_not_see(
    cores: IndexClient,
) -> None:
    cores.write(entry("a", x=1), entry("a", "hidden", x=2) | {"visible_to": [identity(9)]})
    cores.delete("DELETE", "/subject", subject="a", by="writer")
    assert cores.search(bypass_visible_to=True)["total"] == 0
    assert cores.entries("a", bypass_visible_to=True) == {}


@pytest.mark.compliance(57)
def test_a_batch_delete_is_one_task_for_all_its_subjects(cores: IndexClient) -> None:
    cores.write(*(entry(subject, x=1) for subject in "abcd"))
    before = task_ids(cores)
    body = {"subjects": ["a", "b", "c"]}
    task = cores.outcome("POST", "/batch_delete_by_subject", body, by="writer")
    assert (task["state"], cores.subjects()) == ("SUCCESS", ["d"])
    assert task_ids(cores) == [task["task_id"], *before]


def task_ids(cores: IndexClient) -> Sequence[str]:
    path = f"/v1/task_list/{cores.index_id}"
    return [
        t["task_id"] for t in cores.service.send("GET", path, key=cores.keys["owner"]).json["tasks"]
    ]


@pytest.mark.compliance(58)
def test_a_delete_by_query_takes_whole_subjects_by_what_its_caller_sees(
    cores: IndexClient,
) -> None:
    hidden = {"visible_to": [identity(9)]}
    cores.write(
        entry("seen", rock="chert"),
        entry("seen", "other", rock="basalt"),
        entry("seen", "hidden", rock="basalt") | hidden,
        entry("unseen", rock="basalt"),
        entry("unseen", "hidden", rock="chert") | hidden,
        entry("kept", rock="basalt"),
    )
    chert = {"filters": [{"type": "match_any", "field_name": "rock", "values": ["chert"]}]}
    refused = cores.send("POST", "/delete_by_query", chert, by="writer")
    assert (refused.status, refused.code) == (403, "Forbidden.Generic")

    cores.delete("POST", "/delete_by_query", chert, by="admin")
    assert cores.subjects(bypass_visible_to=True) == ["kept", "unseen"]
    assert cores.entries("unseen", bypass_visible_to=True).keys() == {None, "hidden"}
    cores.delete("POST", "/delete_by_query", chert | {"bypass_visible_to": True}, by="admin")
    assert cores.subjects(bypass_visible_to=True) == ["kept"]


def test_a_delete_by_query_that_a_field_cannot_take_fails_and_deletes_nothing(
    cores: IndexClient,
) -> None:
    cores.write(entry("s1", rock="basalt", depth=3))
    shape = {"type": "Polygon", "coordinates": [[[0, 0], [0, 2], [2, 2], [0, 0]]]}
    odd = {"type": "geo_shape", "field_name": "rock", "shape": shape, "relation": "within"}
    task = cores.outcome("POST", "/delete_by_query", {"filters": [{"type": "not", "filter": odd}]})
    assert task["state"] == "FAILED"
    assert task["message"].startswith("'rock' is a field of type text")
    assert task["message"].endswith("; nothing was deleted")
    assert cores.subjects() == ["s1"]


@pytest.mark.compliance(25)
def test_a_reopened_index_has_its_data(cores: IndexClient) -> None:
    cores.write(entry("a", rock="basalt"))
    assert cores.send("DELETE", "").status == 200
    assert cores.send("GET", "/search", q="basalt", by=None).status == 409

    reopened = cores.send("POST", "/reopen", headers={"Content-Type": ""})
    assert (reopened.status, reopened.json) == (
        200,
        {"index_id": cores.index_id, "acknowledged": True},
    )
    assert cores.send("GET", "").json["status"] == "open"
    assert cores.subjects("basalt", by=None) == ["a"]


@pytest.mark.compliance(27)
def test_tasks_that_waited_when_their_index_was_deleted_stay_cancelled(cores: IndexClient) -> None:
    waiting = [cores.submit("PUT", "/entry", entry(subject, x=1)) for subject in "ab"]
    cores.send("DELETE", "")
    cores.drain(cores.index_id)
    assert [cores.task(each)["state"] for each in waiting] == ["CANCELLED"] * 2

    assert cores.send("POST", "/reopen").status == 200
    cores.write(entry("later", x=1))
    assert [cores.task(each)["state"] for each in waiting] == ["CANCELLED"] * 2
    assert cores.subjects() == ["later"]


@pytest.mark.compliance(59, 60)
def test_every_kind_of_principal_shows_its_entries_to_its_people(cores: IndexClient) -> None:
    cores.write(
        entry("public"),
        entry("token") | {"visible_to": [TOKEN_HOLDERS]},
        entry("group") | {"visible_to": [GROUP]},
        entry("person") | {"visible_to": [identity(4)]},
    )
    seen = {by: cores.subjects(by=by) for by in (None, "writer", "member", "reader")}
    assert seen == {
        None: ["public"],
        "writer": ["public", "token"],
        "member": ["group", "public", "token"],
        "reader": ["person", "public", "token"],
    }
    assert cores.send("GET", "/subject", by="member", subject="group").status == 200
    assert cores.send("GET", "/subject", by="writer", subject="group").code == "NotFound.Generic"


@pytest.mark.compliance(62)
def test_bypass_shows_hidden_entries_to_owners_and_admins_only(cores: IndexClient) -> None:
    cores.write(entry("public"), entry("hidden") | {"visible_to": [identity(9)]})
    for by in ("owner", "admin"):
        assert cores.subjects(by=by, bypass_visible_to=True) == ["hidden", "public"]
    for by in ("writer", "reader"):
        answer = cores.send("GET", "/search", by=by, q="*", bypass_visible_to="true")
        assert (answer.status, answer.code) == (403, "Forbidden.Generic")
    assert cores.subjects(by=None, bypass_visible_to=True) == ["public"]
