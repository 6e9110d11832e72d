"""Patterns: what is one, how it is written for the engine, and which ones are too costly."""

import re

import pytest

from garner.domain.query.text.patterns import (
    PatternError,
    engine_regex,
    parse_regex,
    parse_wildcard,
    starts_open,
)
from garner.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("b.salt", "b.salt"),
        ("a|b", "(a|b)"),
        ("(a|)b?", "(a|())b?"),
        ("", "()"),
        ("a{2}b{2,}c{2,5}", "a{2}b{2,}c{2,5}"),
        ("(ab)*", "(ab)*"),
        ("[a-c]", "[A-Ca-c]"),
        ("[^a]", "[^Aa]"),
        ("[]a]", r"[A\]a]"),
        ("[a-]", r"[\-Aa]"),
        (r"\d\.", r"[0-9]\."),
        (r"\S", "[^\\\t-\\\r\\ ]"),
        ("é", "[Éé]"),
        ("a-b=1", r"a\-b\=1"),
        ("^a$", r"\^a\$"),
        ("a]}", r"a\]\}"),
    ],
)
def test_how_a_regular_expression_is_written_for_the_engine(text, written):
    assert engine_regex(parse_regex(text)) == written


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("*a", 0), ("a|+", 2), ("a**", 2), ("(a", 0), ("a)", 1), ("[a", 0), ("[b-a]", 0),
        ("a{x}", 1), ("a{2,1}", 1), ("a{", 1), ("\\", 0), (r"\b", 0), (r"[\n]", 0), ("a~b", 1),
        ("a@", 1), ("<1-9>", 0), ('"a"', 0), ("(" * 30, 21),
    ],
)  # fmt: skip
def test_what_is_no_regular_expression(text, offset):
    with pytest.raises(PatternError) as caught:
        parse_regex(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize("text", [".*a.{30}", "a{9999}", "((a{99}){99}){99}", "(.?a){40}.*b.{9}"])
def test_a_pattern_of_too_many_states_is_refused(text):
    with pytest.raises(BadRequest, match="too costly"):
        engine_regex(parse_regex(text))


@pytest.mark.parametrize("text", ["x" * 256, ".*foo.*bar.*", ".{0,200}", "(.*a){10}", "((a*)*)*"])
def test_an_ordinary_pattern_is_not_too_costly(text):
    assert engine_regex(parse_regex(text))


def test_a_wildcard_is_too_costly_like_a_regular_expression():
    with pytest.raises(BadRequest, match="too costly"):
        engine_regex(parse_wildcard("*a" + "?" * 30))


def test_a_wildcard_in_the_engines_syntax():
    assert engine_regex(parse_wildcard(r"b?s**.x\*\\")) == r"b.s.*\.x\*\\"


@pytest.mark.parametrize("text", ["*a", "?a", "*"])
def test_wildcards_with_an_open_beginning(text):
    assert starts_open(parse_wildcard(text))


@pytest.mark.parametrize("text", [".a", "(a|.)b", "a*b", "[^a]b", "(.a)+"])
def test_regular_expressions_with_an_open_beginning(text):
    assert starts_open(parse_regex(text))


@pytest.mark.parametrize("text", ["a.*", "[a-c]x", "(ab|c).", "a+"])
def test_regular_expressions_with_a_closed_beginning(text):
    assert not starts_open(parse_regex(text))


@pytest.mark.parametrize("text", ["[a-f]+(x|yz){2,3}", r"\w+\.\d{3}", "[^b]at", "a?b*c+"])
def test_what_is_written_means_what_was_read(text):
    written = re.compile(engine_regex(parse_regex(text)), re.IGNORECASE)
    meant = re.compile(text, re.IGNORECASE)
    for term in ("abcdefxyzx", "axx", "cat", "BAT", "run.017", "run-017", "bbc", "c", ""):
        assert bool(written.fullmatch(term)) == bool(meant.fullmatch(term)), term
