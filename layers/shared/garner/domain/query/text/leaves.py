"""One leaf of a query in one field, as a clause of the engine; by the type of the field."""

import re
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isinf

from garner.domain.documents import ENTRIES_CONTENT, KEYWORD
from garner.domain.fields import FieldType
from garner.domain.query.dates import Period, parse_period
from garner.domain.query.text import values
from garner.domain.query.text.patterns import Pattern, engine_regex, parse_wildcard
from garner.domain.query.text.tree import (
    Edits,
    Exists,
    Leaf,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Wildcard,
    Words,
)
from garner.domain.query.text.words import MAX_TOKEN_CHARACTERS, has_words, is_one_term, lower
from garner.errors import JsonObject
from garner.limits import INT64_MAX, INT64_MIN, MAX_PREFIX_EXPANSIONS

# Characters that the analyser keeps inside of a word between letters or digits, and a pattern's.
_WORD_OF_PATTERN = re.compile(r"(?:\\[\w.:,;'\u2019\u00b7]|[\w.:,;'\u2019\u00b7*?])+")

# None for words of up to 2 letters and one for those of 3 and 4: with more, any word would do, and
# a clone of the engine gives such matches negative scores. 256 is longer than any word.
_FUZZINESS: dict[Edits, str] = {1: "AUTO:3,256", 2: "AUTO:3,5", "AUTO": "AUTO"}


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a leaf is to be weighed.

    `expansions` bounds what a word with edits may stand for. `needed` tells that the leaf is one of
    several that all must match: should the engine find no word in it, it then has no say.
    """

    weight: float = 1.0
    expansions: int = 1
    needed: bool = False


def boosted(kind: str, body: JsonObject, weight: float) -> JsonObject:
    return {kind: body if weight == 1.0 else {**body, "boost": weight}}


def best_of(clauses: list[JsonObject]) -> JsonObject:
    """One of `clauses`, of which there is at least one; the best counts."""
    return clauses[0] if len(clauses) == 1 else {"dis_max": {"queries": clauses}}


def in_text(field: str, leaf: Leaf, scoring: Scoring) -> JsonObject | None:
    """In a text field of the engine, word by word; `None` where the leaf has no words."""
    match leaf:
        case Words() | Phrase() | Prefix():
            return _analysed(field, leaf, scoring) if has_words(leaf.text) else None
        case Wildcard(text):
            pieces = [piece for piece in _WORD_OF_PATTERN.findall(text) if piece.strip("*")]
            found = [_regexp(field, parse_wildcard(lower(p)), scoring) for p in pieces]
            return {"bool": {"must": found}} if len(found) > 1 else found[0] if found else None
        case Regexp(pattern):
            return _regexp(field, pattern, scoring)
        case _:
            return None


def in_field(path: str, kind: FieldType, leaf: Leaf, scoring: Scoring) -> JsonObject | None:
    """In a field of the content. `None` where the leaf has no words or is no value of the type."""
    field = f"{ENTRIES_CONTENT}.{path}"
    match leaf:
        case Exists():
            return boosted("exists", {"field": field}, scoring.weight)
        case Range():
            return _range(field, kind, leaf, scoring)
        case Words(text) | Phrase(text) if kind is not FieldType.STRING:
            return _value(field, kind, text.strip(), scoring)
    return _in_string(field, leaf, scoring) if kind is FieldType.STRING else None


def in_period(field: str, period: Period, scoring: Scoring) -> JsonObject:
    bounds = {"gte": period.first, "lte": period.last}
    return _date_range(field, bounds, scoring)


def _in_string(field: str, leaf: Leaf, scoring: Scoring) -> JsonObject | None:
    """Word by word; a pattern is for one word or for the whole value, which may have spaces."""
    found = in_text(field, leaf, scoring)
    whole = f"{field}.{KEYWORD}"
    match leaf:
        case Prefix(text) if not is_one_term(text):
            body = {"value": text, "case_insensitive": True}
            also: JsonObject = {"prefix": {whole: _weighed(body, scoring)}}
        case Wildcard(text):
            also = _regexp(whole, parse_wildcard(text), scoring)
            found = found if _WORD_OF_PATTERN.fullmatch(text) else None
        case Regexp(pattern):
            also = _regexp(whole, pattern, scoring)
        case _:
            return found
    return best_of([found, also]) if found else also


def _analysed(field: str, leaf: Words | Phrase | Prefix, scoring: Scoring) -> JsonObject | None:
    body: JsonObject = {"query": leaf.text}
    if scoring.needed:
        body["zero_terms_query"] = "all"
    match leaf:
        case Words(_, operator, edits):
            kind = "match"
            body["operator"] = operator
            if edits:
                body |= {"fuzziness": _FUZZINESS[edits], "max_expansions": scoring.expansions}
        case Phrase(_, slop):
            kind = "match_phrase"
            body["slop"] = slop
        case Prefix(text):
            if len(text) > MAX_TOKEN_CHARACTERS and is_one_term(text[:MAX_TOKEN_CHARACTERS]):
                return {"match_none": {}}
            if is_one_term(text):
                return {"prefix": {field: _weighed({"value": lower(text)}, scoring)}}
            kind = "match_phrase_prefix"
            body["max_expansions"] = MAX_PREFIX_EXPANSIONS
    return {kind: {field: _weighed(body, scoring)}}


def _regexp(field: str, pattern: Pattern, scoring: Scoring) -> JsonObject:
    body = {"value": engine_regex(pattern), "flags": "NONE", "case_insensitive": True}
    return {"regexp": {field: _weighed(body, scoring)}}


def _weighed(body: JsonObject, scoring: Scoring) -> JsonObject:
    return body if scoring.weight == 1.0 else {**body, "boost": scoring.weight}


# --- values that are not text -------------------------------------------------------------------


def _value(field: str, kind: FieldType, text: str, scoring: Scoring) -> JsonObject | None:
    value: bool | int | float | None = None
    if kind is FieldType.DATE:
        period = parse_period(text)
        return in_period(field, period, scoring) if period else None
    if kind is FieldType.BOOLEAN:
        value = values.parse_boolean(text)
    elif (
        kind in (FieldType.INTEGER, FieldType.FLOAT)
        and (number := values.parse_number(text)) is not None
    ):
        value = values.as_integer(number) if kind is FieldType.INTEGER else _finite(number)
    return None if value is None else {"term": {field: _weighed({"value": value}, scoring)}}


def _range(field: str, kind: FieldType, span: Range, scoring: Scoring) -> JsonObject | None:
    match kind:
        case FieldType.STRING:
            lower_key, upper_key = _keys(span)
            bounds = {
                key: text
                for key, text in ((lower_key, span.lower), (upper_key, span.upper))
                if text is not None
            }
            return _bounded(f"{field}.{KEYWORD}", bounds, scoring)
        case FieldType.DATE:
            return _period_range(field, span, scoring)
        case FieldType.INTEGER | FieldType.FLOAT:
            return _number_range(field, kind, span, scoring)
    return None


def _number_range(field: str, kind: FieldType, span: Range, scoring: Scoring) -> JsonObject | None:
    lower_bound = None if span.lower is None else values.parse_number(span.lower.strip())
    upper_bound = None if span.upper is None else values.parse_number(span.upper.strip())
    if (span.lower is not None and lower_bound is None) or (
        span.upper is not None and upper_bound is None
    ):
        return None
    if kind is FieldType.INTEGER:
        ends = values.integer_bounds(
            lower_bound, upper_bound, span.include_lower, span.include_upper
        )
        if ends is None:
            return None
        first, last = ends
        bounds: JsonObject = {}
        if first > INT64_MIN:
            bounds["gte"] = first
        if last < INT64_MAX:
            bounds["lte"] = last
        return _bounded(field, bounds, scoring)
    low = -inf if lower_bound is None else float(lower_bound)
    high = inf if upper_bound is None else float(upper_bound)
    if low == inf or high == -inf:
        return None
    lower_key, upper_key = _keys(span)
    bounds = {key: end for key, end in ((lower_key, low), (upper_key, high)) if not isinf(end)}
    return _bounded(field, bounds, scoring)


def _period_range(field: str, span: Range, scoring: Scoring) -> JsonObject | None:
    """A date without a time is a whole day: inclusive means with it, exclusive without it."""
    bounds: JsonObject = {}
    if span.lower is not None:
        if not (start := parse_period(span.lower.strip())):
            return None
        bounds |= {"gte": start.first} if span.include_lower else {"gt": start.last}
    if span.upper is not None:
        if not (end := parse_period(span.upper.strip())):
            return None
        bounds |= {"lte": end.last} if span.include_upper else {"lt": end.first}
    return _date_range(field, bounds, scoring) if bounds else _bounded(field, bounds, scoring)


def _bounded(field: str, bounds: JsonObject, scoring: Scoring) -> JsonObject:
    if not bounds:
        return boosted("exists", {"field": field}, scoring.weight)
    return {"range": {field: _weighed(bounds, scoring)}}


def _date_range(field: str, bounds: JsonObject, scoring: Scoring) -> JsonObject:
    return _bounded(field, {**bounds, "format": "epoch_millis"}, scoring)


def _keys(span: Range) -> tuple[str, str]:
    return ("gte" if span.include_lower else "gt", "lte" if span.include_upper else "lt")


def _finite(number: Decimal) -> float | None:
    value = float(number)
    return None if isinf(value) else value
