"""JSONPath in Foundry's dialect: plain paths are walked, all others go to jsonpath-ng.

jsonpath-ng belongs in the transform process: nested descents over a deep record take for ever.
What reaches Python's own regular expressions (`=~`, `sub()`) is refused.
"""

from collections.abc import Callable
from functools import lru_cache, partial

from garner.domain.harvest.paths import plain_steps, walk, with_root
from garner.limits import MAX_PATH_CHARACTERS

Finder = Callable[[object], list[object]]

_MAX_DESCENTS = 2


def is_plain(path: str) -> bool:
    return plain_steps(path) is not None


@lru_cache(maxsize=1_000)
def finder(path: str) -> Finder:
    """A function that gives the values at `path`. Raises `ValueError` with the reason."""
    if not path.strip() or len(path) > MAX_PATH_CHARACTERS:
        raise ValueError(f"a JSONPath has 1 to {MAX_PATH_CHARACTERS} characters")
    steps = plain_steps(path)
    return partial(walk, steps) if steps is not None else _library_finder(with_root(path))


def _library_finder(path: str) -> Finder:
    if "`" in path or "=~" in path:
        raise ValueError("functions and =~ are not supported in a JSONPath")
    if path.count("..") > _MAX_DESCENTS:
        raise ValueError(f"a JSONPath has at most {_MAX_DESCENTS} `..`")
    from jsonpath_ng.exceptions import JSONPathError  # noqa: PLC0415 - only where one is needed
    from jsonpath_ng.ext.parser import parse  # noqa: PLC0415

    try:
        compiled = parse(path)
    except (JSONPathError, ValueError, TypeError, IndexError, AttributeError, RecursionError):
        raise ValueError(f"not a JSONPath: {path!r}") from None
    return lambda value: [match.value for match in compiled.find(value)]
