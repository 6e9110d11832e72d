"""Words of a text, close to how the engine's standard analyser finds them.

The engine does the real analysis. This is for what has to be known before: how many words a query
has (never fewer than the engine finds), whether a text has any, and how terms are spelt.
"""

import re
import unicodedata

from garner.errors import BadRequest
from garner.limits import MAX_QUERY_CHARACTERS, MAX_QUERY_WORDS

MAX_TOKEN_CHARACTERS = 255  # the standard tokeniser cuts longer words

# One match per word: each ideograph and each Hiragana letter is a word of its own, and so is a
# symbol outside of ASCII, since it may be an emoji.
_WORD = re.compile(
    r"[\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    rf"|[^\W_](?:(?![\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    rf"\U00020000-\U0003ffff])\w){{0,{MAX_TOKEN_CHARACTERS - 1}}}"
    r"|[^\w\s\x00-\xa8]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NEVER_A_WORD = frozenset("CPZ")  # general categories: control, punctuation, separator
_EMOJI_AMONG_PUNCTUATION = frozenset("\u203c\u2049\u3030")


def count_words(text: str) -> int:
    """How many words the engine finds in `text`, or a few more."""
    return sum(map(_may_be_word, _WORD.findall(text)))


def has_words(text: str) -> bool:
    return any(map(_may_be_word, _WORD.findall(text)))


def is_one_term(text: str) -> bool:
    """A single word that the analyser leaves whole."""
    match = _WORD.fullmatch(text)
    return bool(match) and (len(text) > 1 or text.isalnum())


def lower(text: str) -> str:
    """Character by character, as the analyser does it: `str.lower` may change the length, and
    treats a final sigma in its own way."""
    return "".join(character.lower()[0] for character in text)


def without_surrogates(text: str) -> str:
    """`text` as it can be sent: half surrogate pairs, which no encoding has, become U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def _may_be_word(found: str) -> bool:
    if len(found) > 1 or found.isalnum():
        return True
    return found in _EMOJI_AMONG_PUNCTUATION or (
        unicodedata.category(found)[0] not in _NEVER_A_WORD
    )


def check_length(q: str) -> None:
    """Raises `BadRequest` for a query that is too long to be read at all."""
    if len(q) > MAX_QUERY_CHARACTERS:
        raise _too_long(f"q has {len(q)} characters; the limit is {MAX_QUERY_CHARACTERS}")


def check_words(count: int) -> None:
    """Raises `BadRequest` for more words than a query may seek (contract 5 and 7.6)."""
    if count > MAX_QUERY_WORDS:
        raise _too_long(f"q has {count} words; the limit is {MAX_QUERY_WORDS}")


def _too_long(cause: str) -> BadRequest:
    return BadRequest("The query is too long", {"cause": cause})
