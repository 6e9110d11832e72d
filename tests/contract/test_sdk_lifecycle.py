"""The unmodified Python SDK through the life of an index, with nothing but an address and a key."""

import time
from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest

SECONDS = 60


@pytest.fixture
def client(stack, monkeypatch) -> Iterator[globus_sdk.SearchClient]:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_SEARCH", stack.url + "/")
    key = stack.keys["owner"]["key"]
    with globus_sdk.SearchClient(authorizer=globus_sdk.AccessTokenAuthorizer(key)) as client:
        yield client


@pytest.fixture
def index_id(client) -> str:
    created: str = client.create_index("A thousand", "made by a test").data["id"]
    return created


def entry(number: int, **content: Any) -> dict[str, Any]:
    return {
        "subject": f"https://example.org/{number}",
        "visible_to": ["public"],
        "content": {"title": f"sample number {number}", "number": number, **content},
    }


def gmeta_list(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ingest_type": "GMetaList", "ingest_data": {"gmeta": entries}}


def ingest(client: globus_sdk.SearchClient, index_id: str, document: dict[str, Any]) -> None:
    """Submits and polls `get_task` until it says SUCCESS."""
    task_id = client.ingest(index_id, document)["task_id"]
    deadline = time.monotonic() + SECONDS
    while (task := client.get_task(task_id))["state"] != "SUCCESS":
        assert task["state"] in ("PENDING", "PROGRESS"), task.data
        assert time.monotonic() < deadline, task.data
        time.sleep(0.1)


def test_a_thousand_entries_are_all_found_by_the_very_next_search(client, index_id) -> None:
    ingest(client, index_id, gmeta_list([entry(number) for number in range(1000)]))
    found = client.search(index_id, "sample", limit=1000)
    assert found["total"] == found["count"] == 1000
    numbers = {result["entries"][0]["content"]["number"] for result in found["gmeta"]}
    assert numbers == set(range(1000))


def test_a_second_ingest_replaces_an_entry_and_get_subject_shows_it(client, index_id) -> None:
    ingest(client, index_id, gmeta_list([entry(1, colour="red"), entry(2)]))
    ingest(client, index_id, gmeta_list([entry(1, grain=3)]))
    subject = client.get_subject(index_id, "https://example.org/1")
    (shown,) = subject["entries"]
    assert shown["content"] == {"title": "sample number 1", "number": 1, "grain": 3}
    assert client.search(index_id, "sample")["total"] == 2


def test_filters_facets_and_sort_work_through_the_query_classes(client, index_id) -> None:
    entries = [entry(n, colour="red" if n % 3 else "blue") for n in range(30)]
    ingest(client, index_id, gmeta_list(entries))
    query = globus_sdk.SearchQueryV1(
        q="*",
        limit=5,
        filters=[{"type": "match_any", "field_name": "colour", "values": ["blue"]}],
        facets=[{"name": "c", "type": "terms", "field_name": "colour", "size": 5}],
        sort=[{"field_name": "number", "order": "desc"}],
    )
    found = client.post_search(index_id, query)
    assert found["total"] == 10
    numbers = [result["entries"][0]["content"]["number"] for result in found["gmeta"]]
    assert numbers == [27, 24, 21, 18, 15]
    assert found["facet_results"][0]["buckets"] == [
        {"@datatype": "GBucket", "@version": "2017-09-01", "value": "blue", "count": 10}
    ]


def test_errors_reach_the_sdk_with_code_and_message(client) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(globus_sdk.SearchAPIError) as raised:
        client.get_index(missing)
    assert raised.value.http_status == 404
    assert raised.value.code == "NotFound.NoSuchIndex"
    assert missing in raised.value.message


def test_a_wrong_key_is_refused_and_none_is_anonymous(stack, new_index, monkeypatch) -> None:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_SEARCH", stack.url + "/")
    hidden = entry(2) | {"visible_to": [stack.keys["owner"]["identity"]]}
    index_id = new_index([entry(1), hidden])
    with globus_sdk.SearchClient() as anonymous:
        assert anonymous.search(index_id, "sample")["total"] == 1
    wrong = globus_sdk.AccessTokenAuthorizer("g000000000000." + "x" * 43)
    with (
        globus_sdk.SearchClient(authorizer=wrong) as stranger,
        pytest.raises(globus_sdk.SearchAPIError) as raised,
    ):
        stranger.search(index_id, "sample")
    assert raised.value.http_status == 401
