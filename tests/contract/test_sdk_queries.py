"""Everything else that the unmodified Python SDK offers: query types, scroll, roles, deletes."""

import time
from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest

SECONDS = 120
MANY = 10_500  # more than paging by offset reaches
PART = 3_500


@pytest.fixture
def client(stack, monkeypatch) -> Iterator[globus_sdk.SearchClient]:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_SEARCH", stack.url + "/")
    key = stack.keys["owner"]["key"]
    with globus_sdk.SearchClient(authorizer=globus_sdk.AccessTokenAuthorizer(key)) as client:
        yield client


def done(client: globus_sdk.SearchClient, submitted: globus_sdk.GlobusHTTPResponse) -> None:
    deadline = time.monotonic() + SECONDS
    while (task := client.get_task(submitted["task_id"]))["state"] != "SUCCESS":
        assert task["state"] in ("PENDING", "PROGRESS"), task.data
        assert time.monotonic() < deadline, task.data
        time.sleep(0.1)


def core(number: int, **more: Any) -> dict[str, Any]:
    content = {
        "rock": ("basalt", "granite", "chert")[number % 3],
        "depth": number * 10,
        "porosity": number / 4,
        "drilled": f"2020-{number % 12 + 1:02d}-01",
        "wet": number % 2 == 0,
        "tags": [f"t{number % 2}", f"t{number % 5}"],
        "site": f"{number}.5, {-number}.5",
        "note": f"core number {number} from the north field",
    }
    return {
        "subject": f"core:{number:05d}",
        "visible_to": ["public"],
        "content": content | more,
    }


@pytest.fixture
def cores(client) -> str:
    """An index of twenty cores; number 7 has a field of its own."""
    index_id: str = client.create_index("Cores", "made by a test").data["id"]
    entries = [core(n, **({"lab": {"SiO2": 48.2}} if n == 7 else {})) for n in range(20)]
    document = {
        "ingest_type": "GMetaList",
        "ingest_data": {"gmeta": entries},
        "field_mapping": {"site": "geo_point"},
    }
    done(client, client.ingest(index_id, document))
    return index_id


def numbers(found: globus_sdk.GlobusHTTPResponse) -> set[int]:
    return {int(result["subject"].removeprefix("core:")) for result in found["gmeta"]}


FILTERS = [
    (
        {"type": "match_any", "field_name": "rock", "values": ["chert", "slate"]},
        {2, 5, 8, 11, 14, 17},
    ),
    ({"type": "match_all", "field_name": "tags", "values": ["t0", "t3"]}, {8, 18}),
    ({"type": "match_any", "field_name": "wet", "values": ["false"]}, set(range(1, 20, 2))),
    ({"type": "range", "field_name": "depth", "values": [{"from": 40, "to": 60}]}, {4, 5, 6}),
    ({"type": "range", "field_name": "porosity", "values": [{"gt": 4.5, "lte": "*"}]}, {19}),
    (
        {"type": "range", "field_name": "drilled", "values": [{"gte": "2020-12", "lt": "2021"}]},
        {11},
    ),
    ({"type": "exists", "field_name": "lab.SiO2"}, {7}),
    ({"type": "like", "field_name": "rock", "value": "gr?n*"}, {1, 4, 7, 10, 13, 16, 19}),
    (
        {
            "type": "geo_bounding_box",
            "field_name": "site",
            "top_left": {"lat": 5, "lon": -5},
            "bottom_right": {"lat": 2, "lon": -1},
        },
        {2, 3, 4},
    ),
    (
        {
            "type": "and",
            "filters": [
                {"type": "range", "field_name": "depth", "values": [{"from": "*", "to": 50}]},
                {
                    "type": "not",
                    "filter": {"type": "match_any", "field_name": "rock", "values": ["basalt"]},
                },
                {
                    "type": "or",
                    "filters": [
                        {"type": "match_any", "field_name": "wet", "values": [True]},
                        {"type": "match_any", "field_name": "depth", "values": [10]},
                    ],
                },
            ],
        },
        {1, 2, 4},
    ),
]


@pytest.mark.compliance(90)
def test_every_filter_type_selects(client, cores) -> None:
    for document, expected in FILTERS:
        found = client.post_search(cores, {"filters": [document], "limit": 100})
        assert numbers(found) == expected, document


def test_every_query_mode_selects(client, cores) -> None:
    assert client.search(cores, "NORTH -- field (", limit=100)["total"] == 20
    assert numbers(client.search(cores, "rock:basalt AND depth:[30 TO 90]", advanced=True)) == {
        3,
        6,
        9,
    }
    fuzzy = {
        "q": "basalr",
        "q_settings": {"mode": "text_match", "fuzziness": 1},
        "limit": 100,
    }
    assert numbers(client.post_search(cores, fuzzy)) == set(range(0, 20, 3))
    with pytest.raises(globus_sdk.SearchAPIError) as raised:
        client.search(cores, "rock:(", advanced=True)
    assert (raised.value.http_status, raised.value.code) == (400, "BadRequest.Generic")


def test_every_facet_type_counts(client, cores) -> None:
    facets = [
        {"name": "terms", "type": "terms", "field_name": "rock"},
        {"name": "sum", "type": "sum", "field_name": "depth"},
        {"name": "avg", "type": "avg", "field_name": "lab.SiO2", "missing": 0},
        {"name": "distinct", "type": "distinct_count", "field_name": "rock"},
        {
            "name": "dates",
            "type": "date_histogram",
            "field_name": "drilled",
            "date_interval": "quarter",
        },
        {
            "name": "numbers",
            "type": "numeric_histogram",
            "field_name": "depth",
            "size": 2,
            "histogram_range": {"low": 0, "high": 200},
        },
    ]
    query = {
        "q": "*",
        "limit": 0,
        "facets": facets,
        "post_facet_filters": [{"type": "match_any", "field_name": "wet", "values": [True]}],
    }
    found = client.post_search(cores, query)
    results = {facet["name"]: facet for facet in found["facet_results"]}
    assert found["total"] == 10
    assert [(b["value"], b["count"]) for b in results["terms"]["buckets"]] == [
        ("basalt", 7),
        ("granite", 7),
        ("chert", 6),
    ]
    assert results["sum"]["value"] == 1900
    assert results["avg"]["value"] == pytest.approx(48.2 / 20)
    assert results["distinct"]["approximate_value"] == 3
    assert [(b["value"], b["count"]) for b in results["dates"]["buckets"]] == [
        ("2020-01", 6),
        ("2020-04", 6),
        ("2020-07", 5),
        ("2020-10", 3),
    ]
    assert [b["count"] for b in results["numbers"]["buckets"]] == [10, 10]


def test_paginators_and_scroll_deliver_every_subject_once(client) -> None:
    index_id = client.create_index("Many", "made by a test").data["id"]
    for start in range(0, MANY, PART):
        gmeta = [
            {"subject": f"s:{n}", "visible_to": ["public"], "content": {"n": n}}
            for n in range(start, start + PART)
        ]
        submitted = client.ingest(
            index_id, {"ingest_type": "GMetaList", "ingest_data": {"gmeta": gmeta}}
        )
    done(client, submitted)
    scrolled = [
        result["subject"]
        for page in client.paginated.scroll(index_id, {"q": "*", "limit": 2_000})
        for result in page["gmeta"]
    ]
    assert len(scrolled) == len(set(scrolled)) == MANY
    query = {"q": "*", "sort": [{"field_name": "n", "order": "asc"}]}
    pages = iter(client.paginated.post_search(index_id, query))
    two = [next(pages), next(pages)]
    first = [int(result["subject"][2:]) for page in two for result in page["gmeta"]]
    assert first == list(range(len(first)))


def test_roles_deletes_and_reopen(client, stack, cores, monkeypatch) -> None:
    role = client.create_role(
        cores, {"role_name": "writer", "principal": stack.keys["writer"]["identity"]}
    )
    held = {each["role_name"] for each in client.get_role_list(cores)["role_list"]}
    assert held == {"owner", "writer"}
    key = globus_sdk.AccessTokenAuthorizer(stack.keys["writer"]["key"])
    with globus_sdk.SearchClient(authorizer=key) as writer:
        assert cores in {each["id"] for each in writer.index_list(filter_roles="writer")}
        done(writer, writer.delete_subject(cores, "core:00000"))
        done(writer, writer.delete_entry(cores, "core:00001"))
        done(writer, writer.batch_delete_by_subject(cores, ["core:00002", "core:00003"]))
        with pytest.raises(globus_sdk.SearchAPIError) as raised:
            writer.delete_by_query(cores, {"q": "*"})
        assert raised.value.http_status == 403
    done(client, client.delete_by_query(cores, {"q": "rock:chert", "advanced": True}))
    left = numbers(client.search(cores, "*", limit=100))
    assert left == {n for n in range(4, 20) if n % 3 != 2}
    assert client.delete_role(cores, role["id"])["success"] is True
    assert client.update_index(cores, display_name="Renamed")["display_name"] == "Renamed"
    assert client.delete_index(cores)["acknowledged"] is True
    with pytest.raises(globus_sdk.SearchAPIError) as raised:
        client.search(cores, "*")
    assert raised.value.code == "Conflict.IncompatibleIndexStatus"
    assert client.reopen_index(cores)["acknowledged"] is True
    assert numbers(client.search(cores, "*", limit=100)) == left
    assert client.get_entry(cores, "core:00007")["entries"][0]["content"]["lab"] == {"SiO2": 48.2}
    assert len(client.get_task_list(cores)["tasks"]) == 5
