"""Keys, default ids and the hash that records are compared by."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garner.domain.harvest.records import (
    HASH_BYTES,
    Place,
    Unusable,
    as_text,
    checked_document_id,
    checked_record,
    content_hash,
    default_document_id,
    joined_key,
    key_hash,
)
from garner.limits import MAX_DOCUMENT_ID_BYTES, MAX_RECORD_DEPTH

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(JSON)
def test_the_order_of_keys_does_not_change_the_hash(value: Any) -> None:
    assert content_hash(shuffled(value)) == content_hash(value)
    assert len(content_hash(value)) == HASH_BYTES


@given(JSON, JSON)
def test_different_records_have_different_hashes(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (content_hash(one) == content_hash(other)) == same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": None}, {}, False),
        ({"a": 0.0}, {"a": -0.0}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": 0.1}, {"a": 0.1000000001}, False),
    ],
)
def test_what_counts_as_the_same_content(one: Any, other: Any, equal: bool) -> None:
    assert (content_hash(one) == content_hash(other)) is equal


def test_keys_that_look_alike_when_joined_stay_apart() -> None:
    one, other = ("a:b", "c"), ("a", "b:c")
    assert joined_key(one) == joined_key(other) == "a:b:c"
    assert key_hash(one) != key_hash(other)
    assert default_document_id("S", one) != default_document_id("S", other)


def test_a_default_id_depends_on_source_and_key_alone() -> None:
    assert default_document_id("S", ["k"]) == "f4284c39-03e3-5056-a84f-dd8adeb8cffc"
    assert default_document_id("S", ["k"]) == default_document_id("S", ("k",))
    assert default_document_id("T", ["k"]) != default_document_id("S", ["k"])


def test_an_id_is_neither_empty_nor_too_long() -> None:
    assert checked_document_id("x" * MAX_DOCUMENT_ID_BYTES)
    for text in ("", "x" * (MAX_DOCUMENT_ID_BYTES + 1), "ä" * MAX_DOCUMENT_ID_BYTES):
        with pytest.raises(Unusable):
            checked_document_id(text)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_depth_and_characters_of_a_record_are_bounded() -> None:
    assert checked_record(nested(MAX_RECORD_DEPTH))
    for value in (nested(MAX_RECORD_DEPTH + 1), {"a": "\ud800"}, {"\udfff": 1}, [1], "x", None):
        with pytest.raises(Unusable):
            checked_record(value)


def test_integers_beyond_64_bits_become_floats() -> None:
    value = checked_record({"in": 2**63 - 1, "out": 2**63, "low": -(2**63) - 1})
    assert [type(each) for each in value.values()] == [int, float, float]
    with pytest.raises(Unusable, match="too large"):
        checked_record({"a": 10**400})


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (1, "1"), (True, "true"), (None, ""), ([1], "[1]"), (1.5, "1.5")],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_a_place_travels_as_json() -> None:
    place = Place(1, 2, 3)
    assert Place.from_json(json.loads(json.dumps(place.to_json()))) == place
