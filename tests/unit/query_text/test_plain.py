"""Plain query strings: what each operator means, and what is ignored."""

import pytest

from garner.domain.query.text.plain import parse
from garner.domain.query.text.tree import Bool, MatchAll, MatchNone, Phrase, Prefix, Words


def word(text, edits=0):
    return Words(text, "or", edits)


def any_of(*members):
    return Bool(optional=members)


@pytest.mark.parametrize("q", ["", "  \n", "*", " * ", "**", '""', "()", "- + | ~", '"', "((", "-"])
def test_nothing_but_operators_is_everything(q):
    assert parse(q) == MatchAll()


@pytest.mark.parametrize("q", ["!!!", "?", "…", '"?!"', "(!)", "__", "-#"])
def test_text_without_a_word_is_nothing(q):
    assert parse(q) == MatchNone()


@pytest.mark.parametrize(
    ("q", "meaning"),
    [
        ("lava", word("lava")),
        ("lava flow", any_of(word("lava"), word("flow"))),
        ("lava *", word("lava")),
        ('"lava flow"', Phrase("lava flow")),
        ('"lava flow"~3', Phrase("lava flow", 3)),
        ('"lava flow"~ x', any_of(Phrase("lava flow"), word("x"))),
        ("bas*", Prefix("bas")),
        ("bas**", Prefix("bas")),
        ("b*s", word("b*s")),
        ("*salt", word("*salt")),
        ("basalt~", word("basalt", "AUTO")),
        ("basalt~1", word("basalt", 1)),
        ("basalt~5", word("basalt", 2)),
        ("2019~2020", word("2019~2020")),
        ("-lava", Bool(excluded=(word("lava"),))),
        ("--lava", Bool(excluded=(word("lava"),))),
        ("flow -lava", Bool(optional=(word("flow"),), excluded=(word("lava"),))),
        ("x-ray", word("x-ray")),
        ("flow - lava", any_of(word("flow"), word("lava"))),
        ("lava + flow", Bool(required=(word("lava"), word("flow")))),
        ("lava+flow", Bool(required=(word("lava"), word("flow")))),
        ("c++", word("c")),
        ("lava | flow", any_of(word("lava"), word("flow"))),
        ("a b + c", any_of(word("a"), Bool(required=(word("b"), word("c"))))),
        ("(a b) + c", Bool(required=(any_of(word("a"), word("b")), word("c")))),
        ('-"a b"', Bool(excluded=(Phrase("a b"),))),
        ("-(a b)", Bool(excluded=(any_of(word("a"), word("b")),))),
        ("(a", word("a")),
        ("a)", word("a")),
        (")a(", word("a")),
        ('"a', word("a")),
        ('a"b', any_of(word("a"), word("b"))),
        ("a & b", any_of(word("a"), word("b"))),
        (r"\-lava", word("-lava")),
        (r"lava\*", word("lava*")),
        (r"\"lava", word('"lava')),
        ("lava\\", word("lava\\")),
        ("http://x.org/a?b=c", word("http://x.org/a?b=c")),
        ("\ud800lava", word("\ufffdlava")),
    ],
)
def test_the_meaning_of_a_query(q, meaning):
    assert parse(q) == meaning


def test_the_default_operator_joins_words_and_the_words_in_them():
    both = Bool(required=(Words("x-ray", "and"), Words("lava", "and")))
    assert parse("x-ray lava", "and") == both


def test_a_minus_excludes_under_either_operator():
    assert parse("a -b", "and") == Bool(
        required=(Words("a", "and"),), excluded=(Words("b", "and"),)
    )


def test_parentheses_beyond_the_limit_of_depth_are_ignored():
    assert parse("(" * 5000 + "a b" + ")" * 5000) == any_of(word("a"), word("b"))
