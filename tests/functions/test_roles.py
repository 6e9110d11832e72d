"""Role Create, List and Delete."""

import re

import pytest

from tests.fakes.api import Answered, Service
from tests.functions.conftest import GROUP, Keys, identity


def grant(service: Service, index_id: str, key: str, role: str, principal: str) -> Answered:
    body = {"role_name": role, "principal": principal}
    return service.send("POST", f"/v1/index/{index_id}/role", body, key=key)


@pytest.mark.compliance(30)
def test_an_admin_makes_a_writer(service: Service, index_id: str, keys: Keys) -> None:
    answer = grant(service, index_id, keys.admin, "writer", identity(9))

    assert answer.status == 200
    role = answer.json
    assert role.keys() == {
        "id", "role_name", "index_id", "principal", "principal_type", "creation_date",
    }  # fmt: skip
    assert (role["role_name"], role["index_id"]) == ("writer", index_id)
    assert (role["principal"], role["principal_type"]) == (identity(9), "identity")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", role["creation_date"])
    assert isinstance(role["id"], str)


@pytest.mark.compliance(30, 35)
def test_a_group_with_a_role_is_a_group(service: Service, index_id: str, keys: Keys) -> None:
    answer = grant(service, index_id, keys.admin, "admin", GROUP.upper().replace("URN", "urn"))
    assert answer.status == 400  # only the UUID may be in capitals

    assert grant(service, index_id, keys.admin, "admin", GROUP).json["principal_type"] == "group"
    assert service.send("GET", f"/v1/index/{index_id}/role_list", key=keys.member).status == 200


@pytest.mark.compliance(35)
def test_a_role_of_a_group_is_for_its_members(service: Service, index_id: str, keys: Keys) -> None:
    path, entry = f"/v1/index/{index_id}/entry", {"subject": "a", "visible_to": [], "content": {}}
    assert service.send("PUT", path, entry, key=keys.member).code == "Forbidden.Generic"

    grant(service, index_id, keys.owner, "writer", GROUP)
    assert service.send("PUT", path, entry, key=keys.member).status == 200
    assert service.send("PUT", path, entry, key=keys.reader).code == "Forbidden.Generic"


@pytest.mark.compliance(31)
def test_only_an_owner_makes_an_owner(service: Service, index_id: str, keys: Keys) -> None:
    assert grant(service, index_id, keys.admin, "owner", identity(9)).code == "Forbidden.Generic"
    assert grant(service, index_id, keys.owner, "owner", identity(9)).status == 200


@pytest.mark.compliance(32)
def test_a_writer_may_not_see_roles(service: Service, index_id: str, keys: Keys) -> None:
    answer = service.send("GET", f"/v1/index/{index_id}/role_list", key=keys.writer)
    assert (answer.status, answer.code) == (403, "Forbidden.Generic")


def test_special_principals_hold_no_roles(service: Service, index_id: str, keys: Keys) -> None:
    for principal in ("public", "all_authenticated_users", "somebody"):
        answer = grant(service, index_id, keys.owner, "writer", principal)
        assert (answer.status, answer.code) == (400, "BadRequest.ValidationError")


def test_the_same_role_twice_is_a_conflict(service: Service, index_id: str, keys: Keys) -> None:
    answer = grant(service, index_id, keys.owner, "writer", identity(3))
    assert (answer.status, answer.code) == (409, "Conflict.Generic")
    assert grant(service, index_id, keys.owner, "admin", identity(3)).status == 200


@pytest.mark.compliance(33, 34)
def test_the_last_owner_stays(service: Service, index_id: str, keys: Keys) -> None:
    second = grant(service, index_id, keys.owner, "owner", identity(9)).json
    path = f"/v1/index/{index_id}/role/"

    deleted = service.send("DELETE", path + second["id"], key=keys.admin)
    assert deleted.json == {"deleted": second, "success": True}
    roles = service.send("GET", f"/v1/index/{index_id}/role_list", key=keys.owner).json["role_list"]
    (last,) = [role["id"] for role in roles if role["role_name"] == "owner"]
    refused = service.send("DELETE", path + last, key=keys.admin)
    assert (refused.status, refused.code) == (409, "Conflict.Generic")


def test_an_unknown_role_is_not_found(service: Service, index_id: str, keys: Keys) -> None:
    answer = service.send("DELETE", f"/v1/index/{index_id}/role/none", key=keys.owner)
    assert (answer.status, answer.code) == (404, "NotFound.Generic")


def test_the_fifty_first_role_is_refused(service: Service, index_id: str, keys: Keys) -> None:
    for number in range(47):  # the index has three
        assert grant(service, index_id, keys.owner, "writer", identity(100 + number)).status == 200

    answer = grant(service, index_id, keys.owner, "writer", identity(99))
    assert (answer.status, answer.code) == (409, "Conflict.LimitExceeded")


def test_nobody_is_made_owner_of_a_fourth_trial_index(
    service: Service, index_id: str, keys: Keys
) -> None:
    for _ in range(3):
        body = {"display_name": "a", "description": ""}
        assert service.send("POST", "/v1/index", body, key=keys.reader).status == 200

    answer = grant(service, index_id, keys.owner, "owner", identity(4))
    assert (answer.status, answer.code) == (409, "Conflict.LimitExceeded")


def test_a_role_that_is_taken_away_ends_at_once(
    service: Service, index_id: str, keys: Keys
) -> None:
    role = grant(service, index_id, keys.owner, "admin", identity(4)).json["id"]
    assert service.send("GET", f"/v1/index/{index_id}/role_list", key=keys.reader).status == 200
    service.send("DELETE", f"/v1/index/{index_id}/role/{role}", key=keys.owner)

    assert service.send("GET", f"/v1/index/{index_id}/role_list", key=keys.reader).status == 403
    assert service.send("GET", "/v1/index_list", key=keys.reader).json == {"index_list": []}
