"""The mode without syntax."""

import pytest

from garner.domain.query.text.text_match import parse
from garner.domain.query.text.tree import Bool, MatchAll, MatchNone, Words


def test_every_word_must_be_found_with_one_edit():
    assert parse("lava flow") == Bool(required=(Words("lava", "and", 1), Words("flow", "and", 1)))


def test_with_or_any_word_will_do():
    assert parse("lava flow", "or") == Bool(
        optional=(Words("lava", "or", 1), Words("flow", "or", 1))
    )


@pytest.mark.parametrize(("fuzziness", "edits"), [(-1, 0), (0, 0), (1, 1), (2, 2), (5, 2)])
def test_more_edits_than_the_engine_knows_count_as_its_most(fuzziness, edits):
    assert parse("lava", "and", fuzziness) == Words("lava", "and", edits)


def test_there_is_no_syntax():
    assert parse('-"lava*') == Words('-"lava*', "and", 1)
    assert parse("*") == MatchNone()


def test_an_empty_query_is_everything():
    assert parse(" ") == MatchAll()
