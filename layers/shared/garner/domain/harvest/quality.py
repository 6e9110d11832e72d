"""Quality control of a transformed record (controller contract 5.4)."""

from collections.abc import Callable, Sequence

from garner.domain.harvest.records import as_text
from garner.domain.harvest.source import QcRule
from garner.errors import JsonObject

Find = Callable[[str, JsonObject], Sequence[object]]
"""The values that a JSONPath finds in a document."""

Matches = Callable[[str, str], bool]
"""Whether an unanchored regular expression matches somewhere in a text."""


def broken_rules(
    rules: Sequence[QcRule], document: JsonObject, find: Find, matches: Matches
) -> tuple[str, ...]:
    """One message per rule that the document breaks; none: it passes."""
    return tuple(_message(rule) for rule in rules if not _holds(rule, document, find, matches))


def _holds(rule: QcRule, document: JsonObject, find: Find, matches: Matches) -> bool:
    if rule.cond_path is not None and not _texts(rule.cond_path, document, find):
        return True
    texts = _texts(rule.path, document, find)
    if rule.value is not None:
        return rule.value in texts
    if rule.value_regex is not None:
        return any(matches(rule.value_regex, text) for text in texts)
    return bool(texts)


def _texts(path: str, document: JsonObject, find: Find) -> list[str]:
    """Values compare as text, and an empty string is as good as nothing."""
    return [text for text in map(as_text, find(path, document)) if text]


def _message(rule: QcRule) -> str:
    if rule.value is not None:
        wanted = f"has no value equal to {rule.value!r}"
    elif rule.value_regex is not None:
        wanted = f"has no value that matches {rule.value_regex!r}"
    else:
        wanted = "is missing or empty"
    condition = f", though {rule.cond_path} is there" if rule.cond_path else ""
    return f"Quality control: {rule.path} {wanted}{condition}."
