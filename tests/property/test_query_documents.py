"""Random query documents: what the reader takes is what the OpenAPI document shows."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from garner.contracts.query import (
    delete_request_from_body,
    scroll_request_from_body,
    search_request_from_body,
)
from garner.contracts.query_documents import DELETE_BY_QUERY, SCROLL, SEARCH
from garner.contracts.schema import Schema, read
from garner.errors import BadRequest, ValidationFailed
from tools.declarations import components

PARSERS = {
    "GSearchRequest": search_request_from_body,
    "GScrollRequest": scroll_request_from_body,
    "GDeleteByQuery": delete_request_from_body,
}
REQUESTS = (SEARCH, SCROLL, DELETE_BY_QUERY)
SHOWN = {"components": {"schemas": components(*REQUESTS)}}


def documents_in(schema: Schema, found: dict[str, Schema]) -> dict[str, Schema]:
    """The schema and all that are in it, by name: smaller ones show more in fewer examples."""
    if schema.get("title") in found:
        return found
    if "title" in schema:
        found[schema["title"]] = schema
    inner = [*schema.get("properties", {}).values(), *schema.get("choices", {}).values()]
    for each in [*inner, *schema.get("prefixItems", []), *filter(None, [schema.get("items")])]:
        documents_in(each, found)
    return found


DECLARED: dict[str, Schema] = {}
for request in REQUESTS:
    documents_in(request, DECLARED)
VALIDATORS = {
    name: Draft202012Validator({"$ref": f"#/components/schemas/{name}", **SHOWN})
    for name in DECLARED
}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 11),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "7", "-1", "a,b", "AND", "terms", "not", "2020-05-01", "2017-09-01"]),
    st.text(max_size=5),
)
keys = st.sampled_from(
    ["type", "field_name", "filter", "filters", "values", "q", "facets", "limit"]
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=15,
)


@st.composite
def like(draw: st.DrawFn, schema: Schema, levels: int = 7) -> Any:
    """Mostly as declared; now and then anything at all in the place of something."""
    if levels == 0 or draw(st.integers(0, 9)) == 7:
        return draw(anything)
    if "choices" in schema:
        schema = draw(st.sampled_from(list(schema["choices"].values())))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if "properties" in schema:
        needed, named = schema["required"], list(schema["properties"].items())
        return {
            name: draw(like(inner, levels - 1))
            for name, inner in named
            if draw(st.integers(0, 19)) < (19 if name in needed else 8)
        }
    if "prefixItems" in schema:
        return [draw(like(item, levels - 1)) for item in schema["prefixItems"]]
    if "items" in schema:
        size = draw(st.integers(schema.get("minItems", 0), min(schema.get("maxItems", 4), 4)))
        return [draw(like(schema["items"], levels - 1)) for _ in range(size)]
    low, high = schema.get("minimum", -1_000), schema.get("maximum", 1_000)
    simple = {
        "string": st.text("ab", min_size=1, max_size=3),
        "boolean": st.booleans(),
        "integer": st.integers(low, high),
        "number": st.integers(low, high) | st.floats(low, high),
    }
    return draw(simple.get(str(schema["type"]), scalars))


def named(names: Collection[str]) -> st.SearchStrategy[tuple[str, Any]]:
    """The name of a declaration and a document for it."""
    return st.sampled_from(sorted(names)).flatmap(
        lambda name: st.tuples(st.just(name), like(DECLARED[name]))
    )


@given(named(PARSERS), st.sampled_from(["1.0.0", "2017-09-01"]))
@settings(max_examples=100, deadline=None)
def test_a_query_is_read_or_refused(request_, dialect):
    name, document = request_
    with suppress(ValidationFailed, BadRequest):
        PARSERS[name](document if isinstance(document, dict) else {"filters": document}, dialect)


@given(named(DECLARED))
@settings(max_examples=100, deadline=None)
def test_what_was_read_is_as_shown_and_stays_as_it_is(request_):
    name, document = request_
    with suppress(ValidationFailed):
        accepted = read(DECLARED[name], document)
        VALIDATORS[name].validate(accepted)
        assert read(DECLARED[name], accepted) == accepted


@given(named(DECLARED))
@settings(max_examples=100, deadline=None)
def test_apart_from_rules_and_leniency_the_schema_decides(request_):
    agree(*request_)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_so_it_does_at_every_bound(name):
    whole = example(DECLARED[name])
    agree(name, whole)
    for key, schema in DECLARED[name]["properties"].items():
        agree(name, {other: value for other, value in whole.items() if other != key})
        for edge in edges(schema):
            agree(name, {**whole, key: edge})


def agree(name: str, document: Any) -> None:
    document = without_nulls(document)
    try:
        read(BARE[name], document)
    except ValidationFailed:
        assert not VALIDATORS[name].is_valid(document)
    else:
        VALIDATORS[name].validate(document)


def example(schema: Schema) -> Any:
    """A value that is as declared."""
    if "choices" in schema:
        return example(next(iter(schema["choices"].values())))
    if "properties" in schema:
        return {name: example(inner) for name, inner in schema["properties"].items()}
    if "prefixItems" in schema:
        return [example(item) for item in schema["prefixItems"]]
    if "items" in schema:
        return [example(schema["items"])] * schema.get("minItems", 1)
    words = {"string": "a", "boolean": True, "number": 1.5, "integer": 1}
    return schema.get("enum", [words.get(str(schema["type"]), "a")])[0]


def edges(schema: Schema) -> list[Any]:
    """Values just within and just beyond what is declared, and of every other type."""
    found = [None, True, 0, 1.0, 1.5, "", "a", [], {}]
    for bound in ("minimum", "maximum"):
        found += [schema[bound] + step for step in (-1, 0, 1) if bound in schema]
    for bound in ("minLength", "maxLength"):
        found += ["x" * (schema[bound] + step) for step in (-1, 0, 1) if bound in schema]
    if "items" in schema:
        item, sizes = example(schema["items"]), [schema.get("minItems", 0), schema.get("maxItems")]
        found += [[item] * (size + step) for size in sizes if size for step in (-1, 0, 1)]
        found += [[edge] * max(1, sizes[0] or 0) for edge in edges(schema["items"])]
    if "prefixItems" in schema:
        whole = example(schema)
        found += [whole[1:], [*whole, whole[0]]]
        for position, item in enumerate(schema["prefixItems"]):
            found += [[*whole[:position], edge, *whole[position + 1 :]] for edge in edges(item)]
    return found


def bare(schema: Schema, known: dict[int, Schema]) -> Schema:
    """The declaration without what a JSON Schema can't say."""
    if id(schema) in known:
        return known[id(schema)]
    copy = known[id(schema)] = {
        key: value for key, value in schema.items() if key not in ("check", "before")
    }
    for key in {"properties", "choices"} & copy.keys():
        copy[key] = {name: bare(each, known) for name, each in schema[key].items()}
    if "prefixItems" in copy:
        copy["prefixItems"] = [bare(each, known) for each in schema["prefixItems"]]
    if "items" in copy:
        copy["items"] = bare(schema["items"], known)
    return copy


BARE = {name: bare(schema, {}) for name, schema in DECLARED.items()}


def without_nulls(value: Any) -> Any:
    """Keys that are as good as absent are absent; a null in a list stays."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", DECLARED)
def test_what_is_shown_is_a_schema(name):
    Draft202012Validator.check_schema(SHOWN["components"]["schemas"][name])
