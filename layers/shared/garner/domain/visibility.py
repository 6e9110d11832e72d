"""Who sees which entry (contract 1, 3.10 to 3.12).

`visible_entries` is the only way from a stored document to an answer: whatever the engine gave, it
lets through what the caller may see. The same rules as engine clauses are in
`garner.domain.query.clauses`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from garner.domain import documents
from garner.domain.documents import split_principal_set_term
from garner.domain.principals import Caller
from garner.errors import JsonObject


@dataclass(frozen=True, slots=True)
class Visibility:
    """What one request may see.

    `visible_to` is None where the caller bypasses it. `principals` is the identity set, matched
    against principal sets; `principal_sets` are the names that entries are narrowed to, if any.
    """

    visible_to: frozenset[str] | None
    principals: frozenset[str]
    principal_sets: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, caller: Caller, *, bypass: bool = False, principal_sets: Iterable[str] = ()
    ) -> "Visibility":
        return cls(
            visible_to=None if bypass else frozenset(caller.visibility),
            principals=caller.principals,
            principal_sets=frozenset(principal_sets),
        )

    def to_json(self) -> JsonObject:
        return {
            "visible_to": None if self.visible_to is None else sorted(self.visible_to),
            "principals": sorted(self.principals),
            "principal_sets": sorted(self.principal_sets),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Visibility":
        visible_to = document["visible_to"]
        return cls(
            visible_to=None if visible_to is None else frozenset(visible_to),
            principals=frozenset(document["principals"]),
            principal_sets=frozenset(document["principal_sets"]),
        )


class VisibleEntry(NamedTuple):  # made for each entry of each answer
    """One entry as its caller may see it; `principal_sets` are the names of all its sets."""

    entry_id: str | None
    content: JsonObject
    matched_principal_sets: list[str]
    visible_to: list[str]
    principal_sets: list[str]


def visible_entries(document: Mapping[str, Any], visibility: Visibility) -> list[VisibleEntry]:
    """The entries of a stored document that the caller may see: the null id first, then by id
    (contract 2.1). Empty for a tombstone."""
    if not document.get(documents.LIVE):
        return []
    entries = []
    for stored in document[documents.ENTRIES]:
        entry = _visible_entry(stored, visibility)
        if entry is not None:
            entries.append(entry)
    if len(entries) > 1:
        entries.sort(key=lambda entry: (entry.entry_id is not None, entry.entry_id or ""))
    return entries


def _visible_entry(stored: Mapping[str, Any], visibility: Visibility) -> VisibleEntry | None:
    readers = stored[documents.VISIBLE_TO]
    if visibility.visible_to is not None and visibility.visible_to.isdisjoint(readers):
        return None
    names, matched = _principal_sets(stored.get(documents.PRINCIPAL_SETS), visibility)
    if visibility.principal_sets and visibility.principal_sets.isdisjoint(matched):
        return None
    content = stored.get(documents.ORIGINAL)
    return VisibleEntry(
        entry_id=stored.get(documents.ENTRY_ID),
        content=stored.get(documents.CONTENT, {}) if content is None else content,
        matched_principal_sets=matched,
        visible_to=readers,
        principal_sets=names,
    )


def _principal_sets(
    terms: Sequence[str] | None, visibility: Visibility
) -> tuple[list[str], list[str]]:
    """The names of an entry's sets, and of those that the caller is in."""
    if not terms:
        return [], []
    sets = [split_principal_set_term(term) for term in terms]
    matched = {name for name, principal in sets if principal in visibility.principals}
    return sorted({name for name, _ in sets}), sorted(matched)
