"""What a search means, in plain Python over entries as they were ingested (contract 3 and 8.1).

Slow and small on purpose: results of the real thing are compared with it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from garner.domain.principals import Caller
from garner.errors import JsonObject

OPERATORS = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def values_of(entry: JsonObject, field: str) -> list[Any]:
    value = entry["content"].get(field)
    return (
        [v for v in value if v is not None]
        if isinstance(value, list)
        else [value][: value is not None]
    )


def is_seen(entry: JsonObject, by: Caller, sets: Sequence[str]) -> bool:
    mine = {name for name, urns in entry["principal_sets"].items() if by.principals & set(urns)}
    return bool(set(by.visibility) & set(entry["visible_to"])) and (
        not sets or bool(mine & set(sets))
    )


def holds(document: JsonObject, entry: JsonObject) -> bool:
    kind = document["type"]
    if kind == "not":
        return not holds(document["filter"], entry)
    if kind in ("and", "or"):
        return (all if kind == "and" else any)(holds(f, entry) for f in document["filters"])
    found = values_of(entry, document["field_name"])
    if kind == "exists":
        return bool(found)
    if kind == "range":
        return any(
            all(OPERATORS[key](value, bound) for key, bound in span.items())
            for span in document["values"]
            for value in found
        )
    return (all if kind == "match_all" else any)(value in found for value in document["values"])


def speaks_of(word: str | None, entry: JsonObject) -> bool:
    texts = [v for f in entry["content"] for v in values_of(entry, f) if isinstance(v, str)]
    return word is None or any(word in text.lower().split() for text in texts)


class Reference:
    def __init__(
        self, subjects: Mapping[str, Sequence[JsonObject]], by: Caller, body: JsonObject
    ) -> None:
        sets = body.get("filter_principal_sets", ())
        word = None if body["q"] == "*" else body["q"]
        self.seen = {s: [e for e in es if is_seen(e, by, sets)] for s, es in subjects.items()}
        self.counted = {
            subject: [e for e in entries if speaks_of(word, e) and self._all(body, "filters", e)]
            for subject, entries in self.seen.items()
        }
        found = [
            subject
            for subject, entries in sorted(self.counted.items())
            if any(self._all(body, "post_facet_filters", entry) for entry in entries)
        ]
        self.found = self._sorted(found, body.get("sort", ()))

    def _all(self, body: JsonObject, part: str, entry: JsonObject) -> bool:
        return all(holds(document, entry) for document in body.get(part, ()))

    def _sorted(self, subjects: list[str], keys: Sequence[JsonObject]) -> list[str]:
        for key in reversed(keys):
            descending = key["order"] == "desc"
            choose = max if descending else min
            best = {
                subject: choose(found)
                for subject in subjects
                if (
                    found := [
                        v for e in self.seen[subject] for v in values_of(e, key["field_name"])
                    ]
                )
            }
            have = sorted(
                (s for s in subjects if s in best), key=best.__getitem__, reverse=descending
            )
            subjects = have + [subject for subject in subjects if subject not in best]
        return subjects

    def terms(self, field: str) -> Counter[Any]:
        """Value → number of subjects that have it in an entry that counts."""
        return Counter(
            value
            for entries in self.counted.values()
            for value in {value for entry in entries for value in values_of(entry, field)}
        )
