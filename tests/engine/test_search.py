"""Filters, facets, sort, paging and visibility, asked of an engine (contract 3)."""

import pytest

from garner.errors import ValidationFailed
from tests.fakes.query import Collection, caller, entry, group, identity, subjects_of


def filter_of(kind, field, *values):
    return {"type": kind, "field_name": field, "values": list(values)}


def one(**content):
    return [entry(content)]


@pytest.fixture(scope="module")
def rocks(engine):
    return Collection(
        engine,
        "00000000-0000-4000-8000-00000000000a",
        {
            "core:1": one(rock="basalt", depth=100, wet=True, year=2019, tags=["a", "b"]),
            "core:2": one(rock="Basalt", depth=200, ratio=1.5, day="2020-05-01", site={"x": "s"}),
            "core:3": one(rock="gabbro", depth=[300, 20], wet=False, tags=["b"]),
            "core:4": one(note="nothing else", **{"a.b": "dotted"}, a={"b": "nested"}),
        },
    )


@pytest.mark.compliance(75)
def test_match_any_finds_whole_values_and_coerces_them(rocks):
    assert rocks.found(filter_of("match_any", "rock", "basalt", "gabbro")) == ["core:1", "core:3"]
    assert rocks.found(filter_of("match_any", "rock", "bas")) == []
    assert rocks.found(filter_of("match_any", "year", "2019")) == ["core:1"]
    assert rocks.found(filter_of("match_any", "wet", True)) == ["core:1"]
    assert rocks.found(filter_of("match_any", "wet", "false")) == ["core:3"]
