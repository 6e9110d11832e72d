"""Whatever is typed: parsers raise only what is documented, the engine takes every clause, and
simple queries find what a matcher of a few lines finds."""

from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from garner import limits
from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.domain.query.text import advanced, compile_text, parse_text, plain
from garner.errors import BadRequest
from garner.storage.opensearch.client import EngineClient
from garner.storage.opensearch.indexes import OpenSearchIndexes
from local import engine as engines
from local.processes import free_port

SCHEMA = Schema(
    {
        "rock": FieldType.STRING,
        "site": FieldType.STRING,
        "n": FieldType.INTEGER,
        "x": FieldType.FLOAT,
        "d": FieldType.DATE,
        "ok": FieldType.BOOLEAN,
        "p": FieldType.GEO_POINT,
        "o.s": FieldType.STRING,
    }
)
VOCABULARY = ("basalt", "gabbro", "lava", "flow", "chert")

any_text = st.text(st.characters(codec=None, categories=None), max_size=60)
pieces = st.sampled_from(
    [*"ab\"'()[]{}*?~^:\\/+-!&|<>=.,;#@$% \té日😀0_\ud800\x00", "AND ", "OR ", "NOT ", " TO ",
     "rock:", "n:", "x:", "d:", "ok:", "p:", "o:", "o.s:", "nope:", "2020-01-01", "1e5", "basalt",
     "lava ", "~2", "^3", ">=", "a*", "/a.b/", "[1 TO 5]", "(a OR b)", '"a b"'],
)  # fmt: skip
soups = st.lists(pieces, max_size=25).map("".join)
patterns = st.lists(
    st.sampled_from([*"ab.*+?|()[]^-é😀1,", "{2}", "{1,3}", "[^a]", r"\d", r"\W", ".*", "(a|b)"]),
    max_size=20,
).map(lambda parts: f"/{''.join(parts)}/")
long_texts = st.builds(lambda piece, times: piece * times, pieces, st.integers(1, 3_000))
queries = st.one_of(any_text, soups, patterns, soups.map("rock:{}".format), long_texts)
modes = st.sampled_from(["query_string", "advanced_query_string", "text_match"])
operators = st.sampled_from(["or", "and"])
boosts = st.dictionaries(st.sampled_from([*SCHEMA.fields, "nope"]), st.floats(0, 10), max_size=3)


class Index:
    """One index on osmem, searched with bare clauses."""

    def __init__(self, engine, contents):
        self._engine, self._id = engine, str(uuid4())
        indexes = OpenSearchIndexes(engine)
        indexes.create(self._id, 1, SCHEMA)
        for number, content in enumerate(contents):
            entry = {"visible_to": ["public"], "content": content}
            body = {"subject": str(number), "live": True, "slot": 1, "entries": [entry]}
            assert engine.request("PUT", f"/{doc.write_alias(self._id)}/_doc/{number}", body).ok
        indexes.refresh(self._id)

    def search(self, clause):
        nested = {"nested": {"path": doc.ENTRIES, "query": clause}}
        body = {"query": nested, "size": 100}
        return self._engine.request("POST", f"/{doc.read_alias(self._id)}/_search", body)

    def find(self, clause):
        hits = self.search(clause).json()["hits"]["hits"]
        return {int(hit["_source"]["subject"]) for hit in hits}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    running = engines.start("osmem", free_port(), tmp_path_factory.mktemp("osmem"))
    client = EngineClient(running.url)
    yield client
    client.close()
    running.stop()


@pytest.fixture(scope="module")
def index(engine):
    return Index(engine, [{"rock": "basalt", "n": 1, "d": "2020-01-01", "ok": True}])


@given(queries, operators)
def test_plain_mode_never_raises(q, operator):
    plain.parse(q, operator)


@given(queries, operators)
@example("(" * 20_000, "or")
@example("NOT " * 5_000, "or")
@example("/" + "(" * 250 + "/", "or")
@example("a:" * 9_999, "or")
def test_advanced_mode_raises_only_bad_requests_with_a_column_inside_of_the_query(q, operator):
    try:
        advanced.parse(q, operator)
    except BadRequest as error:
        column = (error.details or {}).get("column", 1)
        assert 1 <= column <= len(q) + 1


@settings(deadline=None, max_examples=300)
@given(st.tuples(queries, modes, operators, st.integers(0, limits.MAX_FUZZINESS)), boosts)
@example(("001", "text_match", "or", 2), {"rock": 0.0})
def test_the_engine_takes_every_clause(index, asked, boosts):
    try:
        clause = compile_text(parse_text(*asked), SCHEMA, boosts)
    except BadRequest:
        return
    answer = index.search(clause)
    assert answer.status == 200, answer.body


@settings(deadline=None)
@given(queries, modes, boosts)
def test_boosts_never_change_what_is_found(index, q, mode, boosts):
    try:
        tree = parse_text(q, mode)
        clause, boosted = (compile_text(tree, SCHEMA, factors) for factors in ({}, boosts))
    except BadRequest:
        return
    assert index.find(clause) == index.find(boosted)


# --- a reference ---------------------------------------------------------------------------------

CONTENTS = [
    {"rock": " ".join(w for i, w in enumerate(VOCABULARY) if number >> i & 1), "site": "x"}
    for number in range(1 << len(VOCABULARY))
]


@pytest.fixture(scope="module")
def every_mix(engine):
    """One subject for each subset of the vocabulary; its number has a bit for each word."""
    return Index(engine, CONTENTS)


def holds(tree, words):
    """Whether a text of these words satisfies a tree of `(operator, *members)` and words."""
    if isinstance(tree, str):
        return tree in words
    operator, *members = tree
    found = [holds(member, words) for member in members]
    return {"and": all(found), "or": any(found), "not": not found[0]}[operator]


def expected(tree):
    return {i for i, content in enumerate(CONTENTS) if holds(tree, content["rock"].split())}


def written(tree, syntax):
    if isinstance(tree, str):
        return tree
    operator, *members = tree
    inner = [written(member, syntax) for member in members]
    if operator == "not":
        return f"{syntax['not']}{inner[0]}"
    return "(" + syntax[operator].join(inner) + ")"


words = st.sampled_from(VOCABULARY)
trees = st.recursive(
    words,
    lambda inner: st.one_of(
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner, inner),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=8,
)
# In plain mode a minus excludes from its list, so it stands beside a required word only.
plain_trees = st.recursive(
    words,
    lambda inner: st.one_of(
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
        st.tuples(st.just("and"), inner, st.tuples(st.just("not"), inner)),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(trees)
def test_boolean_queries_find_what_logic_says(every_mix, tree):
    for syntax in (
        {"and": " AND ", "or": " OR ", "not": "NOT "},
        {"and": " && ", "or": " || ", "not": "!"},
    ):
        q = written(tree, syntax)
        for field in ("", "rock:"):
            clause = compile_text(advanced.parse(f"{field}({q})"), SCHEMA, {})
            assert every_mix.find(clause) == expected(tree), q


@settings(deadline=None)
@given(plain_trees)
def test_plain_operators_find_what_logic_says(every_mix, tree):
    q = written(tree, {"and": " + ", "or": " | ", "not": "-"})
    assert every_mix.find(compile_text(plain.parse(q), SCHEMA, {})) == expected(tree), q


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=6), operators, modes)
def test_plain_words_are_joined_by_the_operator(every_mix, chosen, operator, mode):
    clause = compile_text(parse_text(" ".join(chosen), mode, operator), SCHEMA, {})
    assert every_mix.find(clause) == expected((operator, *chosen))
