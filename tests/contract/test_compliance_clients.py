"""What clients of the original do first: the flow of the Python SDK, and a browser's preflight."""

import time

import globus_sdk
import pytest
import urllib3

SECONDS = 60
SUBJECTS = 250


@pytest.fixture
def client(stack, monkeypatch):
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_SEARCH", stack.url + "/")
    key = stack.keys["owner"]["key"]
    with globus_sdk.SearchClient(authorizer=globus_sdk.AccessTokenAuthorizer(key)) as client:
        yield client


def succeed(client: globus_sdk.SearchClient, task_id: str) -> None:
    """Polls as the SDK's documentation does: until the state is final."""
    deadline = time.monotonic() + SECONDS
    while (task := client.get_task(task_id))["state"] not in ("SUCCESS", "FAILED"):
        assert task["state"] in ("PENDING", "PROGRESS"), task.data
        assert time.monotonic() < deadline, task.data
        time.sleep(0.1)
    assert task["state"] == "SUCCESS", task.data


@pytest.mark.compliance(90, 72, 74)
def test_the_sdk_creates_ingests_polls_searches_pages_scrolls_and_deletes(client) -> None:
    index_id = client.create_index("Flow", "made by a test")["id"]
    entries = [
        {"subject": f"s:{n}", "visible_to": ["public"], "content": {"number": n}}
        for n in range(SUBJECTS)
    ]
    document = {"ingest_type": "GMetaList", "ingest_data": {"gmeta": entries}}
    succeed(client, client.ingest(index_id, document)["task_id"])

    assert client.search(index_id, "*")["total"] == SUBJECTS
    expected = sorted(entry["subject"] for entry in entries)
    searched = [
        result["subject"]
        for page in client.paginated.search(index_id, "*")
        for result in page["gmeta"]
    ]
    scrolled = [
        result["subject"]
        for page in client.paginated.scroll(index_id, {"q": "*", "limit": 100})
        for result in page["gmeta"]
    ]
    assert sorted(searched) == sorted(scrolled) == expected

    succeed(client, client.delete_subject(index_id, "s:0")["task_id"])
    with pytest.raises(globus_sdk.SearchAPIError) as gone:
        client.get_subject(index_id, "s:0")
    assert gone.value.http_status == 404
    assert client.search(index_id, "*")["total"] == SUBJECTS - 1

    assert client.delete_index(index_id)["acknowledged"] is True
    assert client.get_index(index_id)["status"] == "delete-pending"
    with pytest.raises(globus_sdk.SearchAPIError) as refused:
        client.search(index_id, "*")
    assert refused.value.code == "Conflict.IncompatibleIndexStatus"


@pytest.mark.compliance(12)
def test_a_browser_may_call_from_anywhere(stack) -> None:
    url, origin = f"{stack.url}/v1/index/{stack.index_id}/search", "https://portal.example"
    preflight = urllib3.request(
        "OPTIONS",
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-globus-client-info",
        },
        retries=False,
    )
    assert preflight.status in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] in ("*", origin)
    allowed = preflight.headers["Access-Control-Allow-Headers"].replace(" ", "").lower().split(",")
    assert {"authorization", "content-type", "x-globus-client-info"} <= set(allowed)
    methods = preflight.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(methods)

    for person in ({}, {"Authorization": "Bearer nonsense"}):
        answer = urllib3.request("GET", f"{url}?q=a", headers={"Origin": origin, **person})
        assert answer.status == (401 if person else 200)
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", origin)
