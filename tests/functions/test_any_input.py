"""No input gives a 500: documents of every route with some of their parts replaced, at random.

Each answer is also held against the OpenAPI document, as all answers of this folder are.
"""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.api import Answered
from tests.fakes.index_client import IndexClient, entry
from tests.fakes.odd import ODD, SHAPE, changed

FILTERS = [
    {"type": "match_all", "field_name": "rock", "values": ["basalt", 7]},
    {"type": "match_any", "field_name": "depth", "values": [1, 2.5, "3"], "post_filter": False},
    {"type": "range", "field_name": "day", "values": [{"from": "2020", "to": "*"}, {"gt": 1}]},
    {"type": "exists", "field_name": "deep.er"},
    {"type": "like", "field_name": "rock", "value": "b?s*"},
    {"type": "not", "filter": {"type": "exists", "field_name": "rock"}},
    {"type": "and", "filters": [{"type": "exists", "field_name": "ratio"}]},
    {
        "type": "geo_bounding_box",
        "field_name": "place",
        "top_left": {"lat": 9, "lon": -9},
        "bottom_right": {"lat": -9, "lon": 9},
    },
    {"type": "geo_shape", "field_name": "place", "shape": SHAPE, "relation": "within"},
]
RANGE = {"low": 0, "high": 10}
FACETS = [
    {"name": "a", "type": "terms", "field_name": "rock", "size": 3, "missing": "none"},
    {
        "name": "b",
        "type": "numeric_histogram",
        "field_name": "depth",
        "size": 5,
        "histogram_range": RANGE,
    },
    {
        "name": "c",
        "type": "date_histogram",
        "field_name": "day",
        "date_interval": "month",
        "histogram_range": {"low": "2020-01", "high": "2021-01-01"},
    },
    {"name": "d", "type": "avg", "field_name": "ratio", "missing": 0},
    {"name": "e", "type": "sum", "field_name": "depth", "additional_filters": FILTERS[:2]},
    {"name": "f", "type": "distinct_count", "field_name": "deep.er"},
]
SEARCH = {
    "@version": "query#1.0.0",
    "q": 'rock:(basalt OR "lava flow"~2)^2 -depth:[1 TO 3} /la.a/ l?v* x~1',
    "advanced": True,
    "filters": FILTERS,
    "post_facet_filters": FILTERS[:3],
    "facets": FACETS,
    "boosts": [{"field_name": "rock", "factor": 2}],
    "sort": [{"field_name": "depth", "order": "asc"}, {"field_name": "rock"}],
    "limit": 10,
    "offset": 0,
    "bypass_visible_to": False,
    "filter_principal_sets": ["curator"],
    "fields": ["content", "visible_to"],
    "result_format_version": "2019-08-27",
}
SETTINGS = {"mode": "text_match", "default_operator": "or", "fuzziness": 2}
CONTENT = {
    "rock": ["basalt", "lava flow"],
    "depth": 3,
    "ratio": 0.5,
    "day": "2020-05-01",
    "open": True,
    "place": "1, 2",
    "deep": {"er": {"est": [{"a": 1}, {"b": None}]}},
}
ENTRY = {
    "subject": "s1",
    "id": "part",
    "visible_to": ["public"],
    "principal_sets": {"curator": ["urn:globus:groups:id:00000000-0000-4000-8000-00000000000a"]},
    "content": CONTENT,
}
INGEST = {
    "ingest_type": "GMetaList",
    "field_mapping": {"place": "geo_point"},
    "ingest_data": {"gmeta": [ENTRY, ENTRY | {"id": None}]},
}
URN = "urn:globus:auth:identity:46bd0f56-e24f-11e5-a510-131bef46955c"

READS = [
    ("POST", "/search", SEARCH),
    ("POST", "/search", {"q": "basalt lava", "q_settings": SETTINGS, "facets": FACETS[:1]}),
    ("POST", "/search", {"@version": "2017-09-01", "q": "*", "filters": FILTERS[:4]}),
    ("POST", "/scroll", {"q": "*", "limit": 2, "filters": FILTERS[:1], "marker": "x"}),
]
WRITES = [
    ("POST", "/ingest", INGEST),
    ("POST", "/ingest", {"ingest_type": "GMetaEntry", "ingest_data": ENTRY}),
    ("POST", "/entry", ENTRY),
    ("PUT", "/entry", ENTRY),
    ("POST", "/batch_delete_by_subject", {"subjects": ["s1", "s2"]}),
    ("POST", "/delete_by_query", {"q": "nothing", "filters": FILTERS}),
    ("POST", "/field_mapping", {"fields": {"version": "string", "deep.er.date": "date"}}),
    ("POST", "/role", {"role_name": "writer", "principal": URN}),
    ("POST", "/webhook", {"url": "https://example.org/hook"}),
    ("PATCH", "", {"display_name": "n", "description": "d"}),
]
QUERIES = [
    ("GET", "/search", {"q": "basalt", "limit": "3", "offset": "1", "advanced": "True"}),
    ("GET", "/search", {"q": "a", "fields": "content", "filter_principal_sets": "curator"}),
    ("GET", "/subject", {"subject": "s1", "bypass_visible_to": "true"}),
    ("GET", "/entry", {"subject": "s1", "entry_id": "part", "result_format_version": "x"}),
    ("DELETE", "/entry", {"subject": "s1", "entry_id": "part"}),
    ("DELETE", "/subject", {"subject": "s1"}),
    ("POST", "/ingest", {"dry_run": "true", "on_error": "skip"}),
]


def check(answer: Answered, *asked: object) -> None:
    assert answer.status < 500, (answer.status, answer.json, asked)


EXAMPLES = 12  # of each test; more of them find what is rarer
any_random = st.randoms(use_true_random=True)
many = settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def seeded(cores: IndexClient) -> None:
    """What is here to be found, and binds the fields."""
    cores.write(
        entry("s1", **CONTENT), entry("s2", rock="gabbro"), field_mapping={"place": "geo_point"}
    )


@many
@given(any_random)
def test_no_read_fails(cores: IndexClient, random: Any) -> None:
    if not cores.mapping():
        seeded(cores)
    for method, route, body in READS:
        sent = changed(random, body, [*FILTERS, *FACETS])
        by = random.choice(("owner", "reader", "member", None))
        check(cores.send(method, route, json.dumps(sent), by=by), route, sent)


@many
@given(any_random)
def test_no_write_fails_and_every_task_ends(cores: IndexClient, random: Any) -> None:
    for method, route, body in WRITES:
        sent = changed(random, body, [*FILTERS, *FACETS])
        answer = cores.send(method, route, json.dumps(sent))
        check(answer, route, sent)
        if answer.status == 200 and "task_id" in answer.json:
            cores.drain(cores.index_id)
            task = cores.task(answer.json["task_id"])
            assert task["state"] in ("SUCCESS", "FAILED"), (task, sent)
            check(cores.send("POST", "/ingest", json.dumps(sent), dry_run="true"), sent)


def in_query(random: Any, value: str) -> bytes:
    """A parameter as it is or as it should not be, in an encoding that may be none."""
    odd = random.choice(ODD)
    text = random.choice((value, odd if isinstance(odd, str) else json.dumps(odd)))
    return text.encode(errors=random.choice(("replace", "surrogatepass")))


@many
@given(any_random)
def test_no_query_string_fails(cores: IndexClient, random: Any) -> None:
    for method, route, query in QUERIES:
        sent = {name: in_query(random, value) for name, value in query.items()}
        sent[random.choice(list(QUERIES[0][2]))] = in_query(random, "1")
        body = json.dumps(changed(random, INGEST)) if method == "POST" else None
        check(cores.send(method, route, body, **sent), route, sent)


@many
@given(st.binary(max_size=60), any_random)
def test_no_bytes_fail(cores: IndexClient, body: bytes, random: Any) -> None:
    whole = json.dumps(random.choice([*READS, *WRITES])[2]).encode()
    cut = random.randrange(len(whole))
    for method, route, _ in (*READS, *WRITES):
        for sent in (body, whole[:cut] + body + whole[cut:]):
            headers = {"Content-Encoding": "gzip"} if random.random() < 0.3 else {}
            check(cores.send(method, route, sent, headers=headers), route, sent)
