"""Index Create, Show, List, Update, Delete and Reopen."""

import re
from uuid import uuid4

import pytest

from garner.domain.slots import index_key
from garner.storage.dynamodb.indexes import DynamoIndexStore
from garner.storage.dynamodb.table import Put, Table, Update
from garner.storage.opensearch.client import EngineClient
from tests.fakes.api import Service
from tests.functions.conftest import GROUP, Bell, Keys, identity

TEXTS = {"display_name": "Cores", "description": "Drill cores"}
UNKNOWN = "00000000-0000-4000-8000-0123456789ab"


def create(service: Service, key: str) -> str:
    index_id: str = service.send("POST", "/v1/index", TEXTS, key=key).json["id"]
    return index_id


@pytest.mark.compliance(1, 15)
def test_create_answers_the_new_index(service: Service, keys: Keys) -> None:
    answer = service.send("POST", "/v1/index", TEXTS, key=keys.owner)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", document.pop("creation_date"))
    assert len(document.pop("id")) == 36
    assert document == {
        "@datatype": "GSearchIndex",
        "@version": "2017-09-01",
        **TEXTS,
        "is_trial": True,
        "subscription_id": None,
        "max_size_in_mb": 1,
        "size_in_mb": 0,
        "num_subjects": 0,
        "num_entries": 0,
        "status": "open",
        "available": True,
        "content_last_modified_date": None,
    }


@pytest.mark.compliance(16)
def test_the_creator_is_the_owner(service: Service, keys: Keys) -> None:
    index_id = create(service, keys.owner)

    roles = service.send("GET", f"/v1/index/{index_id}/role_list", key=keys.owner).json["role_list"]
    assert [(role["role_name"], role["principal"]) for role in roles] == [("owner", identity(1))]
    (listed,) = service.send("GET", "/v1/index_list", key=keys.owner).json["index_list"]
    assert listed["id"] == index_id
    assert listed["permissions"] == ["owner"]


def test_create_needs_a_token_and_the_scope_all(service: Service, keys: Keys) -> None:
    assert service.send("POST", "/v1/index", TEXTS).status == 401
    refused = service.send("POST", "/v1/index", TEXTS, key=keys.searcher)
    assert (refused.status, refused.code) == (403, "Forbidden.Generic")


def test_create_names_every_missing_field(service: Service, keys: Keys) -> None:
    answer = service.send("POST", "/v1/index", {}, key=keys.owner)

    assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")
    missing = ["Missing data for required field."]
    messages = answer.json["error_data"]["messages"]
    assert messages == {"json": {"display_name": missing, "description": missing}}


@pytest.mark.compliance(17)
def test_the_fourth_trial_index_is_refused(service: Service, keys: Keys) -> None:
    for _ in range(3):
        create(service, keys.owner)

    answer = service.send("POST", "/v1/index", TEXTS, key=keys.owner)
    assert (answer.status, answer.code) == (409, "Conflict.LimitExceeded")
    assert answer.json["message"] == "Role limit exceeded"
    assert {"cause", "constraint"} == answer.json["error_data"].keys()
    assert all(isinstance(text, str) for text in answer.json["error_data"].values())


def test_a_deleted_index_makes_room_for_another(service: Service, keys: Keys) -> None:
    first, *_ = [create(service, keys.owner) for _ in range(3)]
    service.send("DELETE", f"/v1/index/{first}", key=keys.owner)

    assert service.send("POST", "/v1/index", TEXTS, key=keys.owner).status == 200


def test_an_index_that_the_engine_could_not_make_leaves_nothing_behind(
    service: Service, keys: Keys, table: Table
) -> None:
    service.parts["engine"] = EngineClient("http://127.0.0.1:9")

    answer = service.send("POST", "/v1/index", TEXTS, key=keys.owner)

    assert (answer.status, answer.code) == (503, "ServiceUnavailable.Generic")
    assert answer.headers["retry-after"] == "5"
    assert service.send("GET", "/v1/index_list", key=keys.owner).json == {"index_list": []}
    assert DynamoIndexStore(table).needing_attention(9e9) == []


@pytest.mark.compliance(18)
def test_show_is_public_and_tells_a_stranger_of_no_roles(service: Service, index_id: str) -> None:
    answer = service.send("GET", f"/v1/index/{index_id}")

    assert answer.status == 200
    assert answer.json["permissions"] == []


@pytest.mark.compliance(19)
def test_show_tells_a_writer_its_role(service: Service, index_id: str, keys: Keys) -> None:
    answer = service.send("GET", f"/v1/index/{index_id}", key=keys.writer)

    assert answer.json["permissions"] == ["writer"]


def test_show_takes_an_id_in_capitals(service: Service, index_id: str) -> None:
    assert service.send("GET", f"/v1/index/{index_id.upper()}").json["id"] == index_id


@pytest.mark.parametrize(
    "segment", [UNKNOWN, "cores", "{" + UNKNOWN + "}", UNKNOWN.replace("-", "")]
)
@pytest.mark.compliance(4, 5)
def test_an_unknown_index_is_named_in_the_404(service: Service, segment: str) -> None:
    answer = service.send("GET", f"/v1/index/{segment}")

    assert (answer.status, answer.code) == (404, "NotFound.NoSuchIndex")
    assert answer.json["message"] == f'There is no search index named "{segment}"'


@pytest.mark.compliance(6)
def test_a_wrong_token_is_refused_even_where_none_is_needed(
    service: Service, index_id: str, keys: Keys
) -> None:
    forged = keys.owner[:-1] + ("A" if keys.owner[-1] != "A" else "B")
    for token in (forged, "nonsense", "g000000000000." + "x" * 43):
        answer = service.send("GET", f"/v1/index/{index_id}", key=token)
        assert (answer.status, answer.code) == (401, "Unauthorized.Generic")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.compliance(28)
def test_a_list_with_filter_shows_all_roles_of_what_passes(
    service: Service, index_id: str, keys: Keys
) -> None:
    def listed(**query: str) -> list[list[str]]:
        found = service.send("GET", "/v1/index_list", key=keys.admin, **query).json["index_list"]
        return [each["permissions"] for each in found]

    assert listed(filter_roles="admin,admin") == [["admin"]]
    assert listed(filter_roles="owner,writer") == []
    assert service.send("GET", "/v1/index_list", key=keys.admin, filter_roles="boss").status == 400


def test_a_list_shows_what_a_group_may_do(service: Service, index_id: str, keys: Keys) -> None:
    body = {"role_name": "writer", "principal": GROUP}
    service.send("POST", f"/v1/index/{index_id}/role", body, key=keys.owner)

    (listed,) = service.send("GET", "/v1/index_list", key=keys.member).json["index_list"]
    assert (listed["id"], listed["permissions"]) == (index_id, ["writer"])


@pytest.mark.compliance(20)
def test_an_update_leaves_alone_what_it_does_not_name(
    service: Service, index_id: str, keys: Keys
) -> None:
    path = f"/v1/index/{index_id}"
    changed = service.send("PATCH", path, {"display_name": "New"}, key=keys.admin)
    assert (changed.json["display_name"], changed.json["description"]) == ("New", "Drill")
    assert "permissions" not in changed.json

    same = service.send("PATCH", path, {}, key=keys.admin)
    assert (same.status, same.json) == (200, changed.json)
    shown = service.send("GET", path).json
    assert (shown["display_name"], shown["description"]) == ("New", "Drill")


@pytest.mark.compliance(2, 21)
def test_an_update_by_a_writer_is_refused_before_its_input_is_read(
    service: Service, index_id: str, keys: Keys
) -> None:
    answer = service.send("PATCH", f"/v1/index/{index_id}", "not json", key=keys.writer)

    assert (answer.status, answer.code) == (403, "Forbidden.Generic")
    assert answer.json["message"] == "index_update request denied by service"
    assert {"cause", "recommended_resolution"} == answer.json["error_data"].keys()


@pytest.mark.compliance(22, 23, 26)
def test_delete_and_reopen(service: Service, index_id: str, keys: Keys) -> None:
    path = f"/v1/index/{index_id}"
    assert service.send("DELETE", path, key=keys.admin).status == 403

    deleted = service.send("DELETE", path, key=keys.owner)
    assert deleted.json == {"index_id": index_id, "acknowledged": True}
    shown = service.send("GET", path).json
    assert (shown["status"], shown["available"]) == ("delete-pending", False)

    again = service.send("DELETE", path, key=keys.owner)
    assert (again.status, again.code) == (409, "Conflict.IncompatibleIndexStatus")
    assert again.json["message"] == (
        "Index status (delete_pending) did not match required status for this operation: open"
    )
    assert service.send("PATCH", path, {}, key=keys.owner).status == 409

    reopened = service.send("POST", f"{path}/reopen", key=keys.owner)
    assert reopened.json == {"index_id": index_id, "acknowledged": True}
    shown = service.send("GET", path).json
    assert (shown["status"], shown["available"]) == ("open", True)

    once_more = service.send("POST", f"{path}/reopen", key=keys.owner)
    assert (once_more.status, once_more.code) == (409, "Conflict.IncompatibleIndexStatus")
    assert once_more.json["message"] == (
        "Index status (open) did not match required status for this operation: delete_pending"
    )


@pytest.mark.compliance(24)
def test_a_deleted_index_is_neither_searched_nor_written_nor_updated(
    service: Service, index_id: str, keys: Keys
) -> None:
    path = f"/v1/index/{index_id}"
    entry = {"subject": "a", "visible_to": [], "content": {}}
    document = {"ingest_type": "GMetaEntry", "ingest_data": entry}
    service.send("DELETE", path, key=keys.owner)

    for answer in (
        service.send("GET", f"{path}/search", q="*"),
        service.send("POST", f"{path}/search", {"q": "*"}, key=keys.owner),
        service.send("POST", f"{path}/ingest", document, key=keys.owner),
        service.send("PATCH", path, {"display_name": "New"}, key=keys.owner),
    ):
        assert (answer.status, answer.code) == (409, "Conflict.IncompatibleIndexStatus")


@pytest.mark.compliance(29)
def test_a_list_has_the_oldest_hundred_of_101_indexes(
    service: Service, keys: Keys, table: Table
) -> None:
    made = [create(service, keys.owner)]
    made += [copy_of(made[0], number, table) for number in range(1, 101)]

    answer = service.send("GET", "/v1/index_list", key=keys.owner).json
    assert answer.keys() == {"index_list"}
    assert [index["id"] for index in answer["index_list"]] == made[:100]


def copy_of(index_id: str, number: int, table: Table) -> str:
    """Another index of the same owner, younger by `number` seconds, as far as the table goes."""
    copy = str(uuid4())
    key, new_key = index_key(index_id), index_key(copy)
    head = table.get((f"H#{key}", "-"))
    assert head
    head |= {"index_id": copy, "created_at": head["created_at"] + number}
    table.put(Put(head | {"pk": f"H#{new_key}"}))
    (role,) = [item for item in table.query(f"R#{key}") if item["sk"] != "-"]
    role |= {"index_id": copy}
    table.put(Put(role | {"pk": f"R#{new_key}"}))
    table.put(Put(role | {"pk": f"U#{identity(1)}", "sk": f"{copy}#{role['sk']}"}))
    return copy


def test_reopen_waits_for_tasks_that_are_being_cancelled(
    service: Service, index_id: str, keys: Keys, bell: Bell, table: Table
) -> None:
    key = index_id.replace("-", "")[:12]
    table.update(Update((f"H#{key}", "-"), "SET head = :n", values={"n": 3}))
    service.send("DELETE", f"/v1/index/{index_id}", key=keys.owner)
    assert bell.rung == [index_id]

    class Worker:
        """A clock during whose sleep the worker gets on."""

        now, seconds = service.parts["clock"].now, service.parts["clock"].seconds

        def sleep(self, seconds: float) -> None:
            table.update(Update((f"C#{key}", "-"), "SET applied = :n", values={"n": 3}))

    service.apis.clear()
    service.parts["clock"] = Worker()
    assert service.send("POST", f"/v1/index/{index_id}/reopen", key=keys.owner).status == 200
    assert table.get((f"C#{key}", "-")) is not None


def test_a_client_of_the_engine_finds_no_alias_of_a_deleted_index(
    service: Service, index_id: str, keys: Keys, engine: EngineClient
) -> None:
    alias = f"/garner-{index_id}/_search"
    assert engine.request("GET", alias).status == 200
    service.send("DELETE", f"/v1/index/{index_id}", key=keys.owner)
    assert engine.request("GET", alias).status == 404
    service.send("POST", f"/v1/index/{index_id}/reopen", key=keys.owner)
    assert engine.request("GET", alias).status == 200
