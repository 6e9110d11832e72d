"""From the meaning of a query to a clause of the engine, to stand inside `nested: {path: entries}`.

Text that names no field is sought in `entries.text`, which the engine fills with every value of the
content, 100 positions apart: no phrase spans two values. Numbers and dates are in there as they
were written, so a word that is one is also sought in its other spellings.
"""

from collections.abc import Iterator, Mapping

from garner.domain.documents import ENTRIES_CONTENT, ENTRIES_TEXT
from garner.domain.fields import FieldParts, FieldType, Schema, engine_path
from garner.domain.query.dates import parse_period
from garner.domain.query.text.leaves import Scoring, best_of, boosted, in_field, in_period, in_text
from garner.domain.query.text.tree import (
    Bool,
    Boost,
    Exists,
    InField,
    Leaf,
    MatchAll,
    MatchNone,
    Node,
    Phrase,
    Range,
    Words,
)
from garner.domain.query.text.values import number_spellings
from garner.domain.query.text.words import count_words
from garner.errors import BadRequest, JsonObject
from garner.limits import (
    MAX_FIELDS_OF_ANY_VALUE,
    MAX_FUZZY_CLAUSES,
    MAX_FUZZY_EXPANSIONS,
    MAX_QUERY_BOOST,
    MAX_QUERY_CLAUSES,
)

MATCH_NONE: JsonObject = {"match_none": {}}
_ORDERED = frozenset((FieldType.INTEGER, FieldType.FLOAT, FieldType.DATE))


def compile_text(tree: Node, schema: Schema, boosts: Mapping[str, float]) -> JsonObject:
    """The clause that finds and scores what `tree` means; the engine accepts it, whatever it is.

    `boosts` maps engine path → factor (contract 3.8): it changes scores, never what matches.
    Raises `BadRequest` when the query needs more clauses than `MAX_QUERY_CLAUSES`.
    """
    known = {path: factor for path, factor in boosts.items() if path in schema.fields}
    fuzzy_words = sum(_fuzzy_words(tree)) * (1 + len(known))
    return _Compiler(schema, known, fuzzy_words).clause(tree, None) or MATCH_NONE


class _Compiler:
    def __init__(self, schema: Schema, boosts: Mapping[str, float], fuzzy_words: int) -> None:
        self._schema = schema
        self._boosts = boosts
        self._budget = MAX_QUERY_CLAUSES
        share = MAX_FUZZY_CLAUSES // max(1, fuzzy_words)
        self._expansions = max(1, min(MAX_FUZZY_EXPANSIONS, share))

    def clause(
        self, node: Node, path: FieldParts | None, weight: float = 1.0, needed: bool = False
    ) -> JsonObject | None:
        """`None` if the node has no word, and so no say in the list that it is in."""
        match node:
            case Bool():
                return self._bool(node, path, weight)
            case InField(inner_path, inner):
                return self.clause(inner, inner_path, weight, needed)
            case Boost(inner, factor):
                return self.clause(inner, path, min(weight * factor, MAX_QUERY_BOOST), needed)
            case MatchAll():
                return boosted("match_all", {}, weight)
            case MatchNone():
                return MATCH_NONE
        scoring = Scoring(weight, self._expansions, needed)
        return self._anywhere(node, scoring) if path is None else self._in(path, node, scoring)

    def _bool(self, node: Bool, path: FieldParts | None, weight: float) -> JsonObject | None:
        body: JsonObject = {
            "must": [self.clause(member, path, weight, needed=True) for member in node.required],
            "should": [self.clause(member, path, weight) for member in node.optional],
            "must_not": [self.clause(member, path) for member in node.excluded],
        }
        body = {key: said for key, members in body.items() if (said := list(filter(None, members)))}
        if "should" in body and "must" not in body:
            body["minimum_should_match"] = 1
        return {"bool": body} if body else None

    # --- in a field ---------------------------------------------------------------------------

    def _in(self, path: FieldParts, leaf: Leaf, scoring: Scoring) -> JsonObject | None:
        """In the field of that name. What it can't hold matches nothing (contract 3.4)."""
        if isinstance(leaf, Words | Phrase) and not count_words(leaf.text):
            return None
        name = engine_path(path)
        kind = self._schema.fields.get(name)
        if kind is None:
            return self._in_object(name, leaf, scoring)
        self._spend(leaf)
        weight = scoring.weight * self._boosts.get(name, 1.0)
        scoring = Scoring(weight, scoring.expansions, scoring.needed)
        return in_field(name, kind, leaf, scoring) or MATCH_NONE

    def _in_object(self, name: str, leaf: Leaf, scoring: Scoring) -> JsonObject:
        """An object has a value if one of its fields has."""
        members = [path for path in self._schema.fields if path.startswith(f"{name}.")]
        if not members or not isinstance(leaf, Exists):
            return MATCH_NONE
        self._budget -= len(members)
        self._check_budget()
        exists = [{"exists": {"field": f"{ENTRIES_CONTENT}.{path}"}} for path in members]
        return boosted("constant_score", {"filter": {"bool": {"should": exists}}}, scoring.weight)

    # --- anywhere -----------------------------------------------------------------------------

    def _anywhere(self, leaf: Leaf, scoring: Scoring) -> JsonObject | None:
        if isinstance(leaf, Range):
            return self._range_anywhere(leaf, scoring)
        found = in_text(ENTRIES_TEXT, leaf, scoring)
        if found is None:
            return None
        self._spend(leaf)
        return self._with_boosts(leaf, best_of([found, *self._as_value(leaf, scoring)]))

    def _as_value(self, leaf: Leaf, scoring: Scoring) -> list[JsonObject]:
        """The leaf as a number in another spelling, or as a date. These are extras: they stop
        where the budget of clauses does."""
        if not (isinstance(leaf, Phrase) or (isinstance(leaf, Words) and not leaf.edits)):
            return []
        text = leaf.text.strip()
        found: list[JsonObject] = []
        if spellings := number_spellings(text):
            found.append(boosted("terms", {ENTRIES_TEXT: spellings}, scoring.weight))
        if period := parse_period(text):
            found += [
                in_period(f"{ENTRIES_CONTENT}.{path}", period, scoring)
                for path in self._fields_of(frozenset((FieldType.DATE,)))
            ]
        found = found[: max(0, self._budget)]
        self._budget -= len(found)
        return found

    def _range_anywhere(self, leaf: Range, scoring: Scoring) -> JsonObject:
        found = []
        for path in self._fields_of(_ORDERED):
            if clause := in_field(path, self._schema.fields[path], leaf, scoring):
                self._spend(leaf)
                found.append(clause)
        return best_of(found) if found else MATCH_NONE

    def _fields_of(self, kinds: frozenset[FieldType]) -> list[str]:
        """The first fields of these types, in the order of their names."""
        paths = sorted(path for path, kind in self._schema.fields.items() if kind in kinds)
        return paths[:MAX_FIELDS_OF_ANY_VALUE]

    def _with_boosts(self, leaf: Leaf, clause: JsonObject) -> JsonObject:
        """Multiplies the score by the factor of the field that the leaf matches in; of several
        such fields by the largest."""
        functions = []
        for path, factor in self._boosts.items():
            scoring = Scoring(expansions=self._expansions)
            if there := in_field(path, self._schema.fields[path], leaf, scoring):
                self._spend(leaf)
                functions.append({"filter": there, "weight": factor})
        if not functions:
            return clause
        body = {"query": clause, "functions": functions, "score_mode": "max"}
        return {"function_score": {**body, "boost_mode": "multiply"}}

    # --- the budget ---------------------------------------------------------------------------

    def _spend(self, leaf: Leaf) -> None:
        """The engine counts every word; what words with edits expand to has its own budget."""
        self._budget -= count_words(leaf.text) if isinstance(leaf, Words) else 1
        self._check_budget()

    def _check_budget(self) -> None:
        if self._budget < 0:
            raise BadRequest(
                "The query has too many words and clauses",
                {
                    "cause": f"It needs more than {MAX_QUERY_CLAUSES} clauses; "
                    "with boosts, each word needs one for each boosted field",
                    "recommended_resolution": "Send fewer words, or fewer boosts",
                },
            )


def _fuzzy_words(node: Node) -> Iterator[int]:
    match node:
        case Bool(required, optional, excluded):
            for member in (*required, *optional, *excluded):
                yield from _fuzzy_words(member)
        case InField(_, inner) | Boost(inner, _):
            yield from _fuzzy_words(inner)
        case Words(text, _, edits) if edits:
            yield count_words(text)
