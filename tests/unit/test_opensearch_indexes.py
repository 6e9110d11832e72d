"""What `OpenSearchIndexes` makes of an engine that does not do what it is told."""

import orjson
import pytest

from garner.domain.fields import FieldType, Schema
from garner.errors import GarnerError, NoSuchIndex, QueryTimeout, Unavailable
from garner.ports.engine_indexes import MappingRefused
from garner.storage.opensearch.client import EngineAnswer
from garner.storage.opensearch.indexes import OpenSearchIndexes

SCHEMA = Schema({"rock": FieldType.STRING})
USES = {
    "create": lambda indexes: indexes.create("i", 1, SCHEMA),
    "remove_aliases": lambda indexes: indexes.remove_aliases("i"),
    "restore_aliases": lambda indexes: indexes.restore_aliases("i", 1),
    "drop": lambda indexes: indexes.drop("i"),
    "put_fields": lambda indexes: indexes.put_fields("i", SCHEMA.fields, SCHEMA),
    "schema": lambda indexes: indexes.schema("i"),
    "stats": lambda indexes: indexes.stats("i"),
    "refresh": lambda indexes: indexes.refresh("i"),
    "write_cursor": lambda indexes: indexes.write_cursor("i", 1),
    "highest_version": lambda indexes: indexes.highest_version("i"),
    "cursor": lambda indexes: indexes.cursor("i"),
    "rebuild": lambda indexes: indexes.rebuild("i", 2, SCHEMA),
}
use = pytest.mark.parametrize("use", USES.values(), ids=USES)


class Engine:
    """Answers every request the same, or not at all."""

    def __init__(self, answer):
        self.answer = answer

    def request(self, *_args, **_options):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def against(status, body):
    return OpenSearchIndexes(Engine(EngineAnswer(status, orjson.dumps(body))))


@use
@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503, 504])
def test_a_refusal_that_may_pass_is_unavailable_and_tells_nothing_of_the_engine(use, status):
    body = {"error": {"type": "cluster_block_exception", "reason": "secret"}, "status": status}
    with pytest.raises(Unavailable) as caught:
        use(against(status, body))
    assert "secret" not in caught.value.message
    assert caught.value.details is None


@use
@pytest.mark.parametrize("error", [QueryTimeout("late"), Unavailable("no connection")])
def test_an_engine_that_does_not_answer_is_unavailable(use, error):
    with pytest.raises(Unavailable):
        use(OpenSearchIndexes(Engine(error)))


@use
def test_a_missing_name_is_no_such_index(use):
    with pytest.raises(NoSuchIndex):
        use(against(404, {"error": {"type": "index_not_found_exception"}, "status": 404}))


def test_a_refused_mapping_is_not_an_error_for_callers():
    with pytest.raises(MappingRefused) as caught:
        USES["put_fields"](against(400, {"error": {"reason": "secret"}}))
    assert "secret" not in str(caught.value)
    assert not isinstance(caught.value, GarnerError)


@pytest.mark.parametrize("name", ["create", "restore_aliases", "put_fields"])
def test_a_change_that_is_not_acknowledged_is_unavailable(name):
    with pytest.raises(Unavailable):
        USES[name](against(200, {"acknowledged": False}))


def test_a_refresh_that_failed_on_a_shard_is_unavailable():
    with pytest.raises(Unavailable):
        USES["refresh"](against(200, {"_shards": {"total": 1, "successful": 0, "failed": 1}}))


def test_another_400_on_create_is_not_taken_for_an_index_that_exists():
    with pytest.raises(Unavailable):
        USES["create"](against(400, {"error": {"type": "validation_exception"}}))
