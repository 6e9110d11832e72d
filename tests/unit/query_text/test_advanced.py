"""Advanced query strings: the grammar, precedence, errors with their column, and limits."""

import pytest

from garner import limits
from garner.domain.query.text.advanced import parse
from garner.domain.query.text.patterns import ANY, Sequence, literal
from garner.domain.query.text.tree import (
    Bool,
    Boost,
    Exists,
    InField,
    MatchAll,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Wildcard,
    Words,
)
from garner.errors import BadRequest, QuerySyntaxError

A, B, C = Phrase("a"), Phrase("b"), Phrase("c")


def all_of(*members):
    return Bool(required=members)


def any_of(*members):
    return Bool(optional=members)


def without(*members):
    return Bool(excluded=members)


def in_rock(node):
    return InField(("rock",), node)


@pytest.mark.parametrize(
    ("q", "meaning"),
    [
        ("", MatchAll()),
        (" \t", MatchAll()),
        ("*", MatchAll()),
        ("*:*", MatchAll()),
        ("a", A),
        ('"a b"', Phrase("a b")),
        (r'"a \" b"', Phrase('a " b')),
        ('"a b"~3', Phrase("a b", 3)),
        ('"a b"~5000', Phrase("a b", limits.MAX_PHRASE_SLOP)),
        ("a~", Words("a", "and", "AUTO")),
        ("a~0.8", Words("a", "and", "AUTO")),
        ("a~0", A),
        ("a~1", Words("a", "and", 1)),
        ("a~4", Words("a", "and", 2)),
        ("a^2.5", Boost(A, 2.5)),
        ("a~1^2", Boost(Words("a", "and", 1), 2)),
        ("(a b)^.5", Boost(any_of(A, B), 0.5)),
        ("bas*", Prefix("bas")),
        ("b?s*", Wildcard("b?s*")),
        ("*salt", Wildcard("*salt")),
        (r"bas\*", Phrase("bas*")),
        (r"bas\\*", Prefix("bas\\")),
        (r"b\?s*", Prefix("b?s")),
        ("/b.s/", Regexp(Sequence((literal("b"), ANY, literal("s"))))),
        (r"/\//", Regexp(literal("/"))),
        ("10.1234/abc", Phrase("10.1234/abc")),
        ("AT&T rock!", any_of(Phrase("AT&T"), Phrase("rock!"))),
        (r"X-RAY\ DIFFRACTION", Phrase("X-RAY DIFFRACTION")),
        (r"\AND", Phrase("AND")),
        ("ANDES", Phrase("ANDES")),
        ("TO", Phrase("TO")),
        (">5", Phrase(">5")),
    ],
)
def test_the_meaning_of_a_value(q, meaning):
    assert parse(q) == meaning


@pytest.mark.parametrize(
    ("q", "meaning"),
    [
        ("rock:a", in_rock(A)),
        ("rock: a", in_rock(A)),
        ("rock:*", in_rock(Exists())),
        ("rock:(* a)", in_rock(any_of(Exists(), A))),
        ("rock:(a OR b)", in_rock(any_of(A, B))),
        ("rock:(a dc:b)", in_rock(any_of(A, InField(("dc",), B)))),
        ("rock:a^2", in_rock(Boost(A, 2))),
        ("rock:a b", any_of(in_rock(A), B)),
        ("dc.title:a", InField(("dc", "title"), A)),
        (r"dc\.title:a", InField(("dc.title",), A)),
        (r"http\:\/\/x\.org:a", InField(("http://x.org",), A)),
        (r"\_exists_:a", InField(("_exists_",), A)),
        (r"a\*:a", InField(("a*",), A)),
        ("rock:-5", in_rock(Phrase("-5"))),
        ("rock:[1 TO 5]", in_rock(Range("1", "5"))),
        ("rock:{1 TO 5}", in_rock(Range("1", "5", False, False))),
        ("rock:[ 1 TO 5 }", in_rock(Range("1", "5", True, False))),
        ("rock:{* TO 5]", in_rock(Range(None, "5", False, True))),
        ('rock:["a b" TO *]', in_rock(Range("a b", None))),
        ("rock:[2020-01-01T10:00:00Z TO *]", in_rock(Range("2020-01-01T10:00:00Z", None))),
        ("rock:>=-5", in_rock(Range("-5", None, True))),
        ("rock:> 5", in_rock(Range("5", None, False))),
        ("rock:<5", in_rock(Range(None, "5", True, False))),
        ('rock:<="a b"', in_rock(Range(None, "a b"))),
        ("rock:>=10:30", in_rock(Range("10:30", None))),
        (
            "rock:(>=1 AND <5)",
            in_rock(all_of(Range("1", None), Range(None, "5", True, False))),
        ),
        ("[1 TO 5]", Range("1", "5")),
    ],
)
def test_the_meaning_of_a_field(q, meaning):
    assert parse(q) == meaning


@pytest.mark.parametrize(
    ("q", "meaning"),
    [
        ("a AND b", all_of(A, B)),
        ("a && b", all_of(A, B)),
        ("a OR b", any_of(A, B)),
        ("a || b", any_of(A, B)),
        ("a b", any_of(A, B)),
        ("a OR b AND c", any_of(A, all_of(B, C))),
        ("a AND b OR c", any_of(all_of(A, B), C)),
        ("a AND b c", any_of(all_of(A, B), C)),
        ("a AND (b OR c)", all_of(A, any_of(B, C))),
        ("NOT a", without(A)),
        ("!a", without(A)),
        ("NOT NOT a", A),
        ("NOT(a)", without(A)),
        ("a AND NOT b", Bool(required=(A,), excluded=(B,))),
        ("a AND -b", Bool(required=(A,), excluded=(B,))),
        ("a NOT b", Bool(optional=(A,), excluded=(B,))),
        ("a -b", Bool(optional=(A,), excluded=(B,))),
        ("a OR -b", Bool(optional=(A,), excluded=(B,))),
        ("a OR NOT b", any_of(A, without(B))),
        ("NOT a OR b", any_of(without(A), B)),
        ("+a b -c", Bool(required=(A,), optional=(B,), excluded=(C,))),
        ("-(a b)", without(any_of(A, B))),
        ("((a))", A),
    ],
)
def test_the_meaning_of_operators(q, meaning):
    assert parse(q) == meaning


def test_with_and_as_default_clauses_side_by_side_must_all_match():
    assert parse("a b OR c", "and") == any_of(all_of(A, B), C)
    assert parse("a -b", "and") == Bool(required=(A,), excluded=(B,))


@pytest.mark.parametrize(
    ("q", "column", "hint"),
    [
        ("rock:(", 6, "never closed"),
        ("rock:", 6, "missing at the end"),
        ("(a", 1, "never closed"),
        ("a)", 2, "never opened"),
        ("()", 2, "missing before"),
        ("AND a", 1, "operator"),
        ("a AND", 3, "nothing follows"),
        ("a  OR OR b", 7, "operator"),
        ("a NOT", 6, "missing"),
        ("(a OR)", 4, "nothing follows"),
        ('a "b', 3, "quote is never closed"),
        ("/ab", 1, "never closed"),
        ("a /b(/", 5, "parenthesis is never closed"),
        ("/*a/", 2, "nothing to repeat"),
        ("a:b:c", 4, "colon"),
        (":a", 1, "can't stand here"),
        ("ro*:x", 1, "wildcards"),
        ("book.*:x", 1, "wildcards"),
        ("a *:x", 3, "wildcards"),
        ("_exists_:rock", 1, "name:*"),
        ("a _missing_:rock", 3, "name:*"),
        ("a^", 2, "number"),
        ("a^1001", 2, "1000"),
        ("^2", 1, "can't stand here"),
        ("a b~ ~", 6, "can't stand here"),
        ("bas*~1", 5, "edits"),
        ("a\\", 2, "backslash"),
        ("a:[1 5]", 6, "[1 TO 5]"),
        ("a:[1 TO ]", 3, "bound is missing"),
        ("a:[1 TO 5", 10, "ends with"),
        ("a:[1 TO 5 6]", 11, "ends with"),
        ("a:>", 3, "bound is missing"),
        ("a]", 2, "backslash before it"),
    ],
)
def test_an_error_names_its_column_and_cause(q, column, hint):
    with pytest.raises(QuerySyntaxError) as caught:
        parse(q)
    assert caught.value.details["column"] == column
    assert hint in caught.value.details["cause"]


@pytest.mark.parametrize(
    ("q", "what"),
    [
        ("a" * 20_001, "characters"),
        ("a " * 257, "words"),
        ('"' + "a " * 257 + '"', "words"),
        ("(" * 21 + "a" + ")" * 21, "parentheses"),
        ("a? " * 21, "patterns"),
        ("*a " * 5, "open beginning"),
        ("/.a/ " * 5, "open beginning"),
        ("a" * 256 + "?", "characters"),
        ("/" + "a" * 257 + "/", "characters"),
        ("n:[1 TO 2] " * 513, "clauses"),
    ],
)
def test_a_limit_is_a_bad_request_that_names_it(q, what):
    with pytest.raises(BadRequest) as caught:
        parse(q)
    assert not isinstance(caught.value, QuerySyntaxError)
    assert what in caught.value.details["cause"]


def test_operators_and_names_of_fields_are_no_words():
    assert len(parse(" OR ".join(f"site:s{i}" for i in range(256))).optional) == 256
