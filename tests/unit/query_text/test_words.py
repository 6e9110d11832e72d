"""Words as the engine's analyser finds them, as far as that has to be known before."""

import pytest

from garner.domain.query.text.words import (
    count_words,
    has_words,
    is_one_term,
    lower,
    without_surrogates,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0), ("lava flow", 2), ("x-ray", 2), ("a_b", 1), ("__", 0), ("!?…—", 0), ("日本語", 3),
        ("ひらがな", 4), ("カタカナ", 1), ("한국어", 1), ("😀😀", 2), ("a" * 255, 1),
        ("a" * 256, 2), ("lava日flow", 3), ("‼", 1),
    ],
)  # fmt: skip
def test_how_many_words_a_text_has(text, count):
    assert count_words(text) == count
    assert has_words(text) is bool(count)


def test_one_term_is_a_word_that_stays_whole():
    candidates = ("lava", "a1", "日", "日本", "a.b", "x-y", "", "→", "_")
    assert list(filter(is_one_term, candidates)) == ["lava", "a1", "日"]


def test_lower_case_goes_character_by_character():
    assert lower("İ\u03a3 É") == "i\u03c3 é"


def test_half_surrogate_pairs_become_the_replacement_character():
    assert without_surrogates("a\ud800b\udfff") == "a\ufffdb\ufffd"
