r"""The advanced syntax (contract 3.4), after Lucene's, without its surprises.

    query    = clauses joined by AND (`&&`) and OR (`||`); AND binds tighter; two clauses side by
               side are joined by the default operator
    clause   = [`+` | `-` | `!` | NOT]* [field `:`] value [`^` boost]
    value    = word [`~` edits] | `"` phrase `"` [`~` slop] | `/` regular expression `/`
             | (`[` | `{`) bound TO bound (`]` | `}`) | (`>` | `>=` | `<` | `<=`) bound
             | `(` query `)` | `*`

`+` and `-` make a clause required or excluded in its list, as does NOT between clauses that stand
side by side; next to a written OR, NOT is a complement: `a OR NOT b`. A word may hold `*` and `?`.
A backslash makes the next character an ordinary one.
"""

import re
from typing import NoReturn

from garner.domain.fields import FieldParts, parse_contract_path
from garner.domain.query.text.patterns import PatternError, parse_regex, starts_open
from garner.domain.query.text.tree import (
    Bool,
    Boost,
    ClauseList,
    Exists,
    InField,
    MatchAll,
    Node,
    Operator,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Sign,
    Wildcard,
    Words,
)
from garner.domain.query.text.words import (
    check_length,
    check_words,
    count_words,
    without_surrogates,
)
from garner.errors import BadRequest, QuerySyntaxError
from garner.limits import (
    MAX_FUZZY_EDITS,
    MAX_LEADING_WILDCARDS,
    MAX_PHRASE_SLOP,
    MAX_QUERY_BOOST,
    MAX_QUERY_CLAUSES,
    MAX_QUERY_DEPTH,
    MAX_QUERY_PATTERNS,
    MAX_REGEX_CHARACTERS,
)

_OPERATOR = re.compile(r"(?P<and>AND(?=[\s()\"]|\Z)|&&)|(?P<or>OR(?=[\s()\"]|\Z)|\|\|)")
_SIGN = re.compile(r"[+-]|!|NOT(?=[\s(\"]|\Z)")
_WORD = re.compile(r'(?:\\.|[^\s\\()\[\]{}"^~:])+', re.DOTALL)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_REGEX = re.compile(r"/((?:\\.|[^/\\])*)/", re.DOTALL)
_COMPARISON = re.compile(r"(?P<sign>[<>])(?P<equal>=?)\s*")
_COMPARED = re.compile(r'(?:\\.|[^\s\\()\[\]{}"^~])+', re.DOTALL)
_EVERY_VALUE = re.compile(r"\*(?=[\s)]|\Z)")
_TO = re.compile(r"TO(?=\s)")
_BOUND = re.compile(r'(?:\\.|[^\s\\\]}"])+', re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_HAS_WILDCARD = re.compile(r"(?<!\\)(?:\\\\)*[*?]")
_ONLY_A_PREFIX = re.compile(r"(?:\\.|[^\\*?])+\*\Z", re.DOTALL)
_RETIRED = frozenset(("_exists_", "_missing_"))
_ESCAPE_IT = "put a backslash before it, or quotes around the text"


def parse(q: str, default_operator: Operator = "or") -> Node:
    """The meaning of `q`. Raises `QuerySyntaxError`, and `BadRequest` where a limit is exceeded."""
    check_length(q)
    return _Parser(without_surrogates(q), default_operator).whole()


class _Parser:
    """Recursive descent over the characters; only parentheses recurse, and their depth is bounded.

    `in_field` is whether a clause stands in a field: `*` and comparisons have a meaning there.
    """

    def __init__(self, q: str, default_operator: Operator) -> None:
        self._q = q
        self._at = 0
        self._default = default_operator
        self._clauses = 0
        self._words = 0
        self._patterns = 0
        self._open_patterns = 0

    def whole(self) -> Node:
        if not self._peek():
            return MatchAll()
        node = self._list(0, in_field=False)
        if self._peek():
            self._fail("this parenthesis was never opened")
        return node

    def _list(self, depth: int, *, in_field: bool) -> Node:
        """Clauses up to the end, or to a closing parenthesis, which is left in place."""
        clauses = ClauseList()
        operator, is_written = self._default, False
        while True:
            sign, is_not = self._signs()
            node = self._clause(depth, in_field=in_field)
            self._skip_space()
            start = self._at
            following, follows_written = self._operator()
            if is_not and "or" in (
                operator if is_written else "",
                following if follows_written else "",
            ):
                node, sign = Bool(excluded=(node,)), ""
            clauses.add(node, operator, sign)
            if self._peek() in ("", ")"):
                break
            operator, is_written = following, follows_written
        if follows_written:
            self._fail("nothing follows this operator", start)
        found = clauses.node()
        assert found is not None
        return found

    def _operator(self) -> tuple[Operator, bool]:
        """What joins with the next clause, and whether it was written."""
        if not (match := self._take(_OPERATOR)):
            return self._default, False
        return ("and" if match["and"] else "or"), True

    def _signs(self) -> tuple[Sign, bool]:
        """The sign of the next clause, and whether it is a NOT."""
        sign: Sign = ""
        is_not = False
        self._skip_space()
        while match := self._take(_SIGN):
            if match[0] == "+":
                sign = sign or "+"
            else:
                sign = "" if sign == "-" else "-"
                is_not = match[0] != "-"
            self._skip_space()
        return sign, is_not and sign == "-"

    def _clause(self, depth: int, *, in_field: bool) -> Node:
        self._clauses += 1
        if self._clauses > MAX_QUERY_CLAUSES:
            raise _too_many(f"more than {MAX_QUERY_CLAUSES} clauses")
        if self._looking_at(_OPERATOR):
            self._fail("an operator stands where a clause should")
        if not (in_field and self._looking_at(_COMPARISON)) and (path := self._field()) is not None:
            return InField(path, self._value(depth, in_field=True)) if path else MatchAll()
        return self._value(depth, in_field=in_field)

    def _field(self) -> FieldParts | None:
        """The field that a clause begins with, if it does; `()` stands for `*:*`."""
        match = self._looking_at(_WORD)
        if not match or self._q[match.end() : match.end() + 1] != ":" or match[0][0] == "/":
            return None
        name, start = match[0], self._at
        self._at = match.end() + 1
        if name == "*" and self._looking_at(_EVERY_VALUE):
            self._at += 1
            return ()
        if name in _RETIRED:
            self._fail(f"{name} is no field; write name:* or NOT name:*", start)
        if _HAS_WILDCARD.search(name):
            self._fail("the name of a field can't have wildcards", start)
        self._skip_space()
        return parse_contract_path(name)

    # --- values -------------------------------------------------------------------------------

    def _value(self, depth: int, *, in_field: bool) -> Node:
        match self._q[self._at : self._at + 1]:
            case "":
                self._fail("something is missing at the end")
            case "(":
                node = self._parentheses(depth, in_field=in_field)
            case '"':
                node = self._phrase()
            case "[" | "{":
                node = self._range()
            case "/":
                node = self._regex()
            case "<" | ">" if in_field:
                node = self._comparison()
            case _:
                node = self._word(in_field=in_field)
        return self._boost(node)

    def _parentheses(self, depth: int, *, in_field: bool) -> Node:
        if depth == MAX_QUERY_DEPTH:
            raise _too_many(f"more than {MAX_QUERY_DEPTH} nested parentheses")
        start = self._at
        self._at += 1
        if self._peek() == "":
            self._fail("this parenthesis is never closed", start)
        node = self._list(depth + 1, in_field=in_field)
        if self._peek() != ")":
            self._fail("this parenthesis is never closed", start)
        self._at += 1
        return node

    def _phrase(self) -> Node:
        text = self._quoted()
        self._count_words(text)
        slop = self._tilde()
        return Phrase(text, min(int(slop or 0), MAX_PHRASE_SLOP))

    def _quoted(self) -> str:
        match = self._take(_QUOTED)
        if not match:
            self._fail("this quote is never closed")
        return _unescaped(match[1])

    def _word(self, *, in_field: bool) -> Node:
        match = self._take(_WORD)
        if not match:
            self._fail(self._cause_of_no_word())
        raw = match[0]
        if self._q[self._at : self._at + 1] == ":":
            self._fail(f"a second colon: {_ESCAPE_IT}")
        if not _HAS_WILDCARD.search(raw):
            return self._plain_word(_unescaped(raw))
        if not raw.strip("*"):
            return Exists() if in_field else MatchAll()
        if self._q[self._at : self._at + 1] == "~":
            self._fail("a word with wildcards can't have edits as well")
        self._count_pattern(raw, is_open=raw[0] in "*?")
        return Prefix(_unescaped(raw[:-1])) if _ONLY_A_PREFIX.match(raw) else Wildcard(raw)

    def _plain_word(self, text: str) -> Node:
        self._count_words(text)
        edits = self._tilde()
        if edits is None or edits == 0:
            return Phrase(text)
        return Words(text, "and", "AUTO" if edits < 1 else min(int(edits), MAX_FUZZY_EDITS))

    def _cause_of_no_word(self) -> str:
        character = self._q[self._at]
        if character == ")":
            return "something is missing before this parenthesis"
        if character == "\\":
            return "a backslash needs a character after it"
        return f"{character} can't stand here: {_ESCAPE_IT}"

    def _tilde(self) -> float | None:
        """The number behind `~`; one below 1 stands for none, as the engine chooses then."""
        if self._q[self._at : self._at + 1] != "~":
            return None
        self._at += 1
        match = self._take(_NUMBER)
        return float(match[0]) if match else 0.5

    def _boost(self, node: Node) -> Node:
        if self._q[self._at : self._at + 1] != "^":
            return node
        start = self._at
        self._at += 1
        match = self._take(_NUMBER)
        if not match or float(match[0]) > MAX_QUERY_BOOST:
            self._fail(f"^ takes a number up to {MAX_QUERY_BOOST}", start)
        return Boost(node, float(match[0]))

    def _regex(self) -> Node:
        start = self._at
        match = self._take(_REGEX)
        if not match:
            self._fail("this regular expression is never closed; escape a literal / with \\", start)
        try:
            pattern = parse_regex(match[1])
        except PatternError as error:
            self._fail(f"in the regular expression, {error.cause}", start + 1 + error.offset)
        self._count_pattern(match[1], is_open=starts_open(pattern))
        return Regexp(pattern)

    def _count_pattern(self, text: str, *, is_open: bool) -> None:
        self._count_words(text)
        self._patterns += 1
        self._open_patterns += is_open
        if len(text) > MAX_REGEX_CHARACTERS:
            raise _too_many(f"a pattern of more than {MAX_REGEX_CHARACTERS} characters")
        if self._patterns > MAX_QUERY_PATTERNS:
            raise _too_many(f"more than {MAX_QUERY_PATTERNS} patterns")
        if self._open_patterns > MAX_LEADING_WILDCARDS:
            raise _too_many(f"more than {MAX_LEADING_WILDCARDS} patterns with an open beginning")

    def _count_words(self, text: str) -> None:
        """Operators and the names of fields are no words, but what is sought is."""
        self._words += count_words(text)
        check_words(self._words)

    # --- ranges -------------------------------------------------------------------------------

    def _range(self) -> Node:
        start = self._at
        include_lower = self._q[start] == "["
        self._at += 1
        lower = self._bound(_BOUND, start)
        self._skip_space()
        if not self._take(_TO):
            self._fail("a range looks like [1 TO 5]; quote a bound that has spaces")
        upper = self._bound(_BOUND, start)
        closing = self._peek()
        if closing not in ("]", "}"):
            self._fail("a range ends with ] or }; quote a bound that has spaces")
        self._at += 1
        return Range(lower, upper, include_lower, include_upper=closing == "]")

    def _comparison(self) -> Node:
        start = self._at
        match = self._take(_COMPARISON)
        assert match is not None
        bound = self._bound(_COMPARED, start)
        inclusive = bool(match["equal"])
        if match["sign"] == ">":
            return Range(bound, None, include_lower=inclusive)
        return Range(None, bound, include_upper=inclusive)

    def _bound(self, unquoted: re.Pattern[str], start: int) -> str | None:
        if self._peek() == '"':
            return self._quoted()
        match = self._take(unquoted)
        if not match:
            self._fail("a bound is missing in this range", start)
        return None if match[0] == "*" else _unescaped(match[0])

    # --- reading ------------------------------------------------------------------------------

    def _peek(self) -> str:
        """The next character that is no space, or `""`."""
        self._skip_space()
        return self._q[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while self._q[self._at : self._at + 1].isspace():
            self._at += 1

    def _looking_at(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(self._q, self._at)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = self._looking_at(pattern)
        if match:
            self._at = match.end()
        return match

    def _fail(self, cause: str, at: int | None = None) -> NoReturn:
        raise QuerySyntaxError(cause, (self._at if at is None else at) + 1)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _too_many(what: str) -> BadRequest:
    return BadRequest("The query is too complex", {"cause": f"It has {what}"})
