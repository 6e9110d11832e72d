"""A delete by query as it is kept in the log, before and after its fields are bound."""

import pytest

from garner.contracts.query import delete_request_from_body
from garner.domain.fields import FieldType, Schema
from garner.errors import ValidationFailed
from garner.services.delete_by_query import compile_stored, stored_query
from tests.fakes.query import caller

BEFORE = Schema({"rock": FieldType.STRING})
AFTER = Schema({"rock": FieldType.STRING, "place": FieldType.STRING})
BOX = {
    "type": "geo_bounding_box",
    "field_name": "place",
    "top_left": {"lat": 2, "lon": 0},
    "bottom_right": {"lat": 0, "lon": 2},
}
ROCK = {"type": "match_any", "field_name": "rock", "values": ["chert"]}
HEADER = stored_query(
    delete_request_from_body({"filters": [{"type": "or", "filters": [ROCK, BOX]}]}), caller(1)
)


def test_a_field_that_cannot_take_the_query_refuses_it() -> None:
    with pytest.raises(ValidationFailed, match="input validation"):
        compile_stored(HEADER, AFTER)


def test_a_decided_query_means_what_it_meant_whatever_was_bound_since() -> None:
    assert compile_stored(HEADER, AFTER, decided=True) == compile_stored(HEADER, BEFORE)
