"""What the engine answers, in our words: nothing of its own text gets out."""

import orjson
import pytest

from garner.domain.fields import FieldType, Schema
from garner.errors import BadRequest, NoSuchIndex, QueryTimeout, Unavailable
from garner.storage.opensearch.client import EngineAnswer
from garner.storage.opensearch.search import OpenSearchReader

INDEX = "00000000-0000-4000-8000-000000000001"
SCHEMA = Schema({"n": FieldType.INTEGER}, version=3)


class ScriptedClient:
    """`EngineClient` that gives one answer and keeps what it was asked."""

    def __init__(self, status, body):
        self.answer = EngineAnswer(status, orjson.dumps(body))
        self.asked = []

    def request(self, method, path, body=None, **options):
        self.asked.append((method, path, body, options))
        return self.answer


def reader(status, body):
    return OpenSearchReader(ScriptedClient(status, body))


def error(kind, reason="secret value"):
    return {"error": {"type": "search_phase_execution_exception", "root_cause": [{"type": kind}],
                      "reason": reason}}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, error("index_not_found_exception"), NoSuchIndex),
        (400, error("too_complex_to_determinize_exception"), BadRequest),
        (400, error("too_many_nested_clauses"), BadRequest),
        (413, {}, BadRequest),
        (503, error("too_many_buckets_exception"), BadRequest),
        (429, error("circuit_breaking_exception"), Unavailable),
        (429, error("cluster_block_exception"), Unavailable),
        (503, error("no_shard_available_action_exception"), Unavailable),
        (500, error("null_pointer_exception"), Unavailable),
        (500, error("task_cancelled_exception"), QueryTimeout),
        (504, error("x", "Time exceeded"), QueryTimeout),
        (
            400,
            error("task_cancelled_exception", "cancelled task with reason: timeout"),
            QueryTimeout,
        ),
        (200, {"timed_out": True, "hits": {}}, QueryTimeout),
    ],
)
def test_a_failure_has_our_name_and_none_of_the_engines_words(status, body, expected):
    with pytest.raises(expected) as raised:
        reader(status, body).search(INDEX, {})
    assert type(raised.value) is expected
    assert "secret" not in raised.value.message
    assert "exception" not in raised.value.message


def test_a_search_has_a_budget_and_is_never_partial():
    engine = reader(200, {"timed_out": False})
    engine.search(INDEX, {"size": 1})
    ((_, path, body, options),) = engine._client.asked
    assert "allow_partial_search_results=false" in path
    assert "cancel_after_time_interval=25000ms" in path
    assert body == {"size": 1, "timeout": "25000ms"}
    assert 25 < options["timeout"] < 30


def test_the_schema_is_asked_for_once_until_it_has_to_be_fresh():
    meta = {"garner-x-000001": {"mappings": {"_meta": {"garner": SCHEMA.to_json()}}}}
    engine = reader(200, meta)
    assert [engine.schema(INDEX), engine.schema(INDEX)] == [SCHEMA, SCHEMA]
    assert len(engine._client.asked) == 1
    engine.schema(INDEX, fresh=True)
    assert len(engine._client.asked) == 2


def test_a_document_that_is_not_there_is_none_and_a_missing_index_is_told():
    found = {"docs": [{"found": True, "_source": {"a": 1}}, {"found": False}]}
    assert reader(200, found).documents(INDEX, ["a", "b"]) == [{"a": 1}, None]
    missing = {"docs": [{"error": {"type": "index_not_found_exception"}}]}
    with pytest.raises(NoSuchIndex):
        reader(200, missing).documents(INDEX, ["a"])


@pytest.mark.compliance(5)
@pytest.mark.parametrize("index_id", ["*", "a/../b", "", INDEX.upper() + "x", "_all"])
def test_nothing_but_a_uuid_gets_to_the_engine(index_id):
    engine = reader(200, {})
    for call in (engine.schema, lambda i: engine.search(i, {}), lambda i: engine.documents(i, [])):
        with pytest.raises(NoSuchIndex):
            call(index_id)
    assert engine._client.asked == []
