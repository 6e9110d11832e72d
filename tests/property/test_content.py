"""Content against a plain reference: random contents, one after another, against one registry."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from garner.domain.content import CheckedContent, Checker
from garner.domain.dates import is_date
from garner.domain.fields import FieldType, Schema, engine_path, escape_key

names = st.sampled_from(["a", "b", "a.b", "a%2Eb", "c d", "é", "*"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["x", "", "2020-05-01", "2020-05-01T10:00:00.5Z", "2019-02-29", "é" * 9]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
contents = st.dictionaries(names, values, max_size=5)


class Conflict(Exception):
    pass


def project(value):
    """The projection as the ingest protocol says it: escaped names, nothing empty, flat arrays."""
    if isinstance(value, dict):
        members = {escape_key(key): project(item) for key, item in value.items()}
        return {key: item for key, item in members.items() if item not in (None, [], {})}
    if isinstance(value, list):
        flat = []
        for item in map(project, value):
            flat += item if isinstance(item, list) else [item]
        return [item for item in flat if item not in (None, {})]
    return value


def bind(fields, value, parts=()):
    """The fields after `value`, or `Conflict`: detection and conversion of contract 4.5."""
    if isinstance(value, dict):
        if value and engine_path(parts) in fields:
            raise Conflict
        for key, item in value.items():
            bind(fields, item, (*parts, key))
    elif isinstance(value, list):
        for item in value:
            bind(fields, item, parts)
    elif value is not None:
        bind_scalar(fields, value, engine_path(parts))


def bind_scalar(fields, value, path):
    if any(field.startswith(path + ".") for field in fields):
        raise Conflict
    kind = fields.setdefault(path, detected(value))
    fits = {
        FieldType.STRING: True,
        FieldType.BOOLEAN: isinstance(value, bool),
        FieldType.INTEGER: isinstance(value, int) and not isinstance(value, bool),
        FieldType.FLOAT: isinstance(value, int | float) and not isinstance(value, bool),
        FieldType.DATE: isinstance(value, str) and is_date(value),
    }
    if not fits[kind]:
        raise Conflict


def detected(value):
    if isinstance(value, str):
        return FieldType.DATE if is_date(value) else FieldType.STRING
    return {bool: FieldType.BOOLEAN, int: FieldType.INTEGER, float: FieldType.FLOAT}[type(value)]


@given(st.lists(contents, max_size=6))
@settings(max_examples=400, deadline=None)
def test_a_checker_agrees_with_the_reference(sequence):
    checker, fields = Checker(Schema()), {}
    for content in sequence:
        before = orjson.dumps(content)
        result = checker.check(content)
        bound = dict(fields)
        try:
            bind(bound, content)
        except Conflict:
            assert not isinstance(result, CheckedContent)
            assert result.code == "TYPE_CONFLICT"
        else:
            assert isinstance(result, CheckedContent)
            fields = bound
            assert result.indexed == project(content)
            assert result.differs == (project(content) != content)
        assert checker.new_fields == fields
        assert orjson.dumps(content) == before


@given(st.lists(contents, max_size=4), contents)
@settings(max_examples=200, deadline=None)
def test_a_registry_says_the_same_as_the_contents_that_made_it(sequence, content):
    live = Checker(Schema())
    for each in sequence:
        live.check(each)
    registered = Checker(Schema(dict(live.new_fields)))
    assert registered.check(content) == live.check(content)
