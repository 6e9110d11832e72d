"""JSON whose meaning is not in doubt."""

import json

import pytest

from garner.contracts.strict_json import InvalidJson, parse_json


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": 1, "b": {"c": 1, "c": 1}}',
        '[{"a": [{"x": null, "x": null}]}]',
        r'{"a": 1, "\u0061": 2}',
        r'{"a": "\u003a", "b": 1, "b": 2}',
        r'{"a": ":\u003A:", "b": ":", "b": 2}',
        '{"a" :1,"a"\n:2}',
        '{"": 1, "": 2}',
    ],
)
def test_a_key_that_appears_twice_in_an_object_is_refused(text):
    with pytest.raises(InvalidJson, match="appears twice"):
        parse_json(text.encode())


def test_the_refusal_names_the_key_that_appears_twice():
    with pytest.raises(InvalidJson, match='"site\\.name"'):
        parse_json(b'{"other": 1, "site.name": 1, "site.name": 2}')


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ":", "b": "\\":", "c": {"a": ":::"}}',
        '[{"a": 1}, {"a": 2}]',
        r'{"a:": "\u003a\u003A", "b": {"a:": 1}}',
        '{"a": 0.12345678901234567890123456789, "b": 12345678901234567}',
        '{"a": "12345678901234567890123"}',
        '{"a": 18446744073709551615, "b": -9223372036854775808, "c": 1e300}',
        '"text"',
    ],
)
def test_what_only_looks_suspicious_is_read_as_it_stands(text):
    assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("number", [str(2**64), str(-(2**63) - 1), "1" + "0" * 30])
def test_an_integer_that_would_be_rounded_is_refused(number):
    with pytest.raises(InvalidJson, match="64 bits"):
        parse_json(b'{"a": [%s]}' % number.encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b'"\\ud800"', b"\xff", b"1" + b"0" * 400]
)
def test_what_is_not_json_is_refused(data):
    with pytest.raises(InvalidJson, match="not JSON"):
        parse_json(data)


def test_very_deep_json_is_refused():
    with pytest.raises(InvalidJson, match="too deep"):
        parse_json(b"[" * 1000 + b"]" * 1000)
