"""The syntax of search boxes (contract 3.2): any input is legal.

Words are joined by the default operator. `"a b"` is a phrase and `"a b"~2` a loose one, `bas*` a
beginning, `basalt~1` has up to one edit, `-a` excludes, `a + b` needs both, `a | b` one of both,
parentheses group. An operator that has nothing to work on is ignored, and so is a quote or a
parenthesis without its other half. A backslash makes the next sign an ordinary one.
"""

import re
from dataclasses import dataclass, field

from garner.domain.query.text.tree import (
    ClauseList,
    Edits,
    MatchAll,
    MatchNone,
    Node,
    Operator,
    Phrase,
    Prefix,
    Sign,
    Words,
)
from garner.domain.query.text.words import has_words, without_surrogates
from garner.limits import MAX_FUZZY_EDITS, MAX_PHRASE_SLOP, MAX_QUERY_DEPTH

_TOKEN = re.compile(
    r"""
    \s+
  | (?P<and>\+) | (?P<or>\|) | (?P<open>\() | (?P<close>\))
  | "(?P<phrase>[^"]*)" (?:~(?P<slop>[0-9]{1,9})?)?
  | "
  | (?P<minus>-+) (?=[^\s+|)-])
  | (?P<word>(?:\\.|[^\s"()+|])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ONLY_OPERATORS = re.compile(r"[-*~]+\Z")
_FUZZY = re.compile(r"(?<!\\)~([0-5]?)\Z")
_PREFIX = re.compile(r"(?<!\\)\*+\Z")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(slots=True)
class _Level:
    """One pair of parentheses, or the whole query; `operator` and `sign` wait for a clause."""

    default: Operator
    clauses: ClauseList = field(default_factory=ClauseList)
    operator: Operator | None = None
    sign: Sign = ""

    def add(self, node: Node | None) -> None:
        if node is not None:
            self.clauses.add(node, self.operator or self.default, self.sign)
        self.operator, self.sign = None, ""


def parse(q: str, default_operator: Operator = "or") -> Node:
    """The meaning of `q`; never raises. Nothing but operators, `*` and an empty `q` mean
    everything; text without a single word means nothing."""
    tokens = list(_TOKEN.finditer(without_surrogates(q)))
    parentheses = _pairs(tokens)
    levels = [_Level(default_operator)]
    has_text = False
    for number, token in enumerate(tokens):
        level, kind = levels[-1], token.lastgroup
        if kind == "open" and number in parentheses:
            levels.append(_Level(default_operator))
        elif kind == "close" and number in parentheses:
            levels.pop()
            levels[-1].add(level.clauses.node())
        elif kind == "and":
            level.operator = "and"
        elif kind == "or":
            level.operator = "or"
        elif kind == "minus":
            level.sign = "-"
        elif kind == "word":
            has_text |= not _ONLY_OPERATORS.match(token["word"])
            level.add(_word(token["word"], default_operator))
        elif kind in ("phrase", "slop"):
            has_text |= bool(token["phrase"].strip())
            level.add(_phrase(token["phrase"], int(token["slop"] or 0)))
    return levels[0].clauses.node() or (MatchNone() if has_text else MatchAll())


def _pairs(tokens: list[re.Match[str]]) -> set[int]:
    """The positions of the parentheses that have a partner and aren't nested too deeply."""
    pairs, waiting = set(), []
    for number, token in enumerate(tokens):
        if token.lastgroup == "open":
            waiting.append(number)
        elif token.lastgroup == "close" and waiting:
            pairs.add((waiting.pop(), number))
    kept: set[int] = set()
    depth_ends: list[int] = []
    for start, end in sorted(pairs):
        while depth_ends and depth_ends[-1] < start:
            depth_ends.pop()
        if len(depth_ends) < MAX_QUERY_DEPTH:
            depth_ends.append(end)
            kept.update((start, end))
    return kept


def _word(text: str, operator: Operator) -> Node | None:
    node: Words | Prefix
    if fuzzy := _FUZZY.search(text):
        edits: Edits = min(int(fuzzy[1]), MAX_FUZZY_EDITS) if fuzzy[1] else "AUTO"
        node = Words(_unescaped(text[: fuzzy.start()]), operator, edits)
    elif prefix := _PREFIX.search(text):
        node = Prefix(_unescaped(text[: prefix.start()]))
    else:
        node = Words(_unescaped(text), operator)
    return node if has_words(node.text) else None


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _phrase(text: str, slop: int) -> Node | None:
    return Phrase(text, min(slop, MAX_PHRASE_SLOP)) if has_words(text) else None
