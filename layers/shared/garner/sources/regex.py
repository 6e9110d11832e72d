"""Regular expressions that curators write: google-re2, linear in time whatever the pattern."""

from functools import lru_cache
from typing import Any

import re2

from garner.limits import MAX_REGEX_CHARACTERS

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # its log goes to stderr and quotes the pattern


@lru_cache(maxsize=1_000)
def compiled(pattern: str) -> Any:
    """The compiled pattern; raises `ValueError` with the reason."""
    if len(pattern) > MAX_REGEX_CHARACTERS:
        raise ValueError(f"the pattern is longer than {MAX_REGEX_CHARACTERS} characters")
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else "not understood"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"not a regular expression that RE2 knows: {text}") from None


def matches(pattern: str, text: str) -> bool:
    """Unanchored."""
    return compiled(pattern).search(text) is not None
