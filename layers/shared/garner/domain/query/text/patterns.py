"""Patterns for terms: regular expressions in a subset of Lucene's syntax, and wildcards.

They are parsed here and written anew for the engine, so that it never sees what it could refuse.
A pattern covers the whole term and ignores case. It is determinised once here, with a tenth of the
effort that the engine grants, because `.*a.{30}` is short and has 2^30 states.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from garner.errors import BadRequest
from garner.limits import MAX_ENGINE_REGEX_CHARACTERS, MAX_PATTERN_EFFORT, MAX_QUERY_DEPTH

Interval = tuple[int, int]
_LAST_CHARACTER = 0x10FFFF
_CLASSES = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((0x09, 0x0D), (0x20, 0x20)),
}
_UNSUPPORTED = frozenset('~&@#<>"')  # operators of Lucene that are rare, or costly
_COUNT = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}")
_CASELESS_INTERVAL = 256  # longer intervals than this get the variants of A to Z only


class PatternError(Exception):
    """Not a regular expression; `offset` is 0-based."""

    def __init__(self, cause: str, offset: int) -> None:
        super().__init__(cause)
        self.cause = cause
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Chars:
    """One character, out of the intervals or, if `negated`, of all others."""

    intervals: tuple[Interval, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """At least `low` and at most `high` times; `None` is without end."""

    body: "Pattern"
    low: int
    high: int | None


Pattern = Chars | Sequence | Choice | Repeat

ANY = Chars(((0, _LAST_CHARACTER),))
ANY_RUN = Repeat(ANY, 0, None)


def literal(character: str) -> Chars:
    return Chars(((ord(character), ord(character)),))


def parse_wildcard(text: str) -> Pattern:
    """`*` any run, `?` one character; a backslash makes the next character literal."""
    parts: list[Pattern] = []
    characters = iter(text)
    for character in characters:
        if character == "*":
            if parts[-1:] != [ANY_RUN]:
                parts.append(ANY_RUN)
        elif character == "?":
            parts.append(ANY)
        else:
            parts.append(literal(next(characters, "\\") if character == "\\" else character))
    return Sequence(tuple(parts))


def parse_regex(text: str) -> Pattern:
    r"""`. ? + * {n} {n,} {n,m} | ( ) [a-z] [^a-z] \d \w \s \D \W \S` and `\` before a sign.

    Raises `PatternError`."""
    reader = _RegexReader(text)
    pattern = reader.choice(depth=0)
    if reader.at < len(text):
        raise PatternError("a parenthesis is closed that was never opened", reader.at)
    return pattern


class _RegexReader:
    """Recursive descent; each level of parentheses is one level of it, up to a limit."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def choice(self, depth: int) -> Pattern:
        if depth > MAX_QUERY_DEPTH:
            raise PatternError(f"more than {MAX_QUERY_DEPTH} nested parentheses", self.at)
        options = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            options.append(self.sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, depth: int) -> Pattern:
        parts = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated(self.atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def atom(self, depth: int) -> Pattern:
        start, character = self.at, self.peek()
        self.at += 1
        if character == "(":
            body = self.choice(depth + 1)
            if self.peek() != ")":
                raise PatternError("a parenthesis is never closed", start)
            self.at += 1
            return body
        if character == "[":
            return self.character_class(start)
        if character == "\\":
            return self.escaped(start)
        if character == ".":
            return ANY
        if character in "?+*{":
            raise PatternError(f"there is nothing to repeat before {character}", start)
        if character in _UNSUPPORTED:
            raise PatternError(f"put a backslash before {character}", start)
        return literal(character)

    def repeated(self, body: Pattern) -> Pattern:
        sign = self.peek()
        if not sign or sign not in "?+*{":
            return body
        if sign == "{":
            low, high = self.count()
        else:
            self.at += 1
            low, high = {"?": (0, 1), "+": (1, None), "*": (0, None)}[sign]
        if self.peek() and self.peek() in "?+*{":
            raise PatternError("to repeat a repetition, put it in parentheses", self.at)
        return Repeat(body, low, high)

    def count(self) -> tuple[int, int | None]:
        match = _COUNT.match(self.text, self.at)
        if not match:
            raise PatternError("a count looks like {2}, {2,} or {2,5}", self.at)
        low = int(match[1])
        high = int(match[3]) if match[3] else None if match[2] else low
        if high is not None and high < low:
            raise PatternError("the second number of a count is the larger one", self.at)
        self.at = match.end()
        return low, high

    def escaped(self, start: int) -> Chars:
        character = self.peek()
        self.at += 1
        if not character:
            raise PatternError("a backslash needs a character after it", start)
        if character.lower() in _CLASSES:
            return Chars(_CLASSES[character.lower()], negated=character.isupper())
        if character.isascii() and character.isalnum():
            raise PatternError(f"\\{character} has no meaning", start)
        return literal(character)

    def character_class(self, start: int) -> Chars:
        negated = self.peek() == "^"
        self.at += negated
        intervals: list[Interval] = []
        while (character := self.peek()) != "]" or not intervals:
            if not character:
                raise PatternError("a [ is never closed", start)
            if character == "\\" and self.text[self.at + 1 : self.at + 2] in (*"dws",):
                intervals += _CLASSES[self.text[self.at + 1]]
                self.at += 2
                continue
            low = high = self.member(start)
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("", "]"):
                self.at += 1
                high = self.member(start)
            if high < low:
                raise PatternError("an interval starts with the smaller character", start)
            intervals.append((low, high))
        self.at += 1
        return Chars(tuple(intervals), negated)

    def member(self, start: int) -> int:
        """One character inside of brackets."""
        character = self.peek()
        self.at += 1
        if character != "\\":
            return ord(character)
        character = self.peek()
        self.at += 1
        if not character or (character.isascii() and character.isalnum()):
            raise PatternError("a backslash in brackets stands before a sign", start)
        return ord(character)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]


def starts_open(pattern: Pattern) -> bool:
    """Whether a term can begin with anything: the engine then has to look at every term."""
    while isinstance(pattern, Sequence) and pattern.parts:
        pattern = pattern.parts[0]
    if isinstance(pattern, Choice):
        return any(map(starts_open, pattern.options))
    if isinstance(pattern, Repeat):
        return pattern.low == 0 or starts_open(pattern.body)
    return isinstance(pattern, Chars) and (pattern.negated or pattern == ANY)


# --- for the engine -----------------------------------------------------------------------------


def engine_regex(pattern: Pattern) -> str:
    """The pattern in the syntax that both Lucene and its clones read, to be sent with
    `case_insensitive` and without optional operators. Raises `BadRequest` if it asks too much."""
    text = _write(pattern)
    if len(text) > MAX_ENGINE_REGEX_CHARACTERS:
        raise BadRequest("A pattern in the query is too long")
    _check_effort(pattern)
    return text


def _write(pattern: Pattern) -> str:
    match pattern:
        case Chars():
            return _write_chars(pattern)
        case Sequence(parts):
            return "".join(map(_write, parts)) or "()"
        case Choice(options):
            return "(" + "|".join(_write(option) for option in options) + ")"
        case Repeat(body, low, high):
            count = f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"
            signs = {(0, None): "*", (1, None): "+", (0, 1): "?"}
            written = _write(body)
            atom = written if isinstance(body, Chars) else f"({written})"
            return atom + signs.get((low, high), count)


def _write_chars(chars: Chars) -> str:
    if chars == ANY:
        return "."
    low, high = chars.intervals[0]
    if low == high < 0x80 and len(chars.intervals) == 1 and not chars.negated:
        return _escape(low)
    intervals = _caseless(chars.intervals)
    inside = "".join(
        _escape(low) if low == high else f"{_escape(low)}-{_escape(high)}"
        for low, high in intervals
    )
    return f"[{'^' if chars.negated else ''}{inside}]"


def _caseless(intervals: tuple[Interval, ...]) -> list[Interval]:
    """With the other case of every letter, in order and without overlaps."""
    found = list(intervals)
    for low, high in intervals:
        if high - low <= _CASELESS_INTERVAL:
            variants = {v for c in range(low, high + 1) for v in _cases(chr(c))}
            found += [(ord(v), ord(v)) for v in variants]
        else:
            found += [(0x41, 0x5A), (0x61, 0x7A)]
    merged: list[Interval] = []
    for low, high in sorted(found):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _cases(character: str) -> Iterator[str]:
    for variant in (character.lower(), character.upper()):
        if len(variant) == 1:
            yield variant


def _escape(code: int) -> str:
    character = chr(code)
    return character if character.isalnum() or code >= 0x80 else "\\" + character


# --- effort -------------------------------------------------------------------------------------


class _Automaton:
    """Thompson's construction: states are numbers, `arrows` read a character, `jumps` nothing."""

    def __init__(self, pattern: Pattern) -> None:
        self.jumps: list[list[int]] = []
        self.arrows: list[tuple[tuple[Interval, ...], int] | None] = []
        self.start = self._state()
        self._build(pattern, self.start)

    def _state(self) -> int:
        if len(self.jumps) >= MAX_PATTERN_EFFORT:
            raise _too_costly()
        self.jumps.append([])
        self.arrows.append(None)
        return len(self.jumps) - 1

    def _build(self, pattern: Pattern, start: int) -> int:
        """Adds `pattern` behind `start`; gives the state where it ends."""
        match pattern:
            case Chars():
                end = self._state()
                self.arrows[start] = (_positive(pattern), end)
            case Sequence(parts):
                end = start
                for part in parts:
                    end = self._build(part, self._after(end))
            case Choice(options):
                end = self._state()
                for option in options:
                    self.jumps[self._build(option, self._after(start))].append(end)
            case Repeat(body, low, high):
                end = self._repeat(body, low, high, start)
        return end

    def _repeat(self, body: Pattern, low: int, high: int | None, start: int) -> int:
        at = start
        for _ in range(low):
            at = self._build(body, self._after(at))
        end = self._state()
        self.jumps[at].append(end)
        if high is None:
            loop = self._after(at)
            self.jumps[self._build(body, loop)].append(loop)
            self.jumps[loop].append(end)
        else:
            for _ in range(high - low):
                at = self._build(body, self._after(at))
                self.jumps[at].append(end)
        return end

    def _after(self, state: int) -> int:
        fresh = self._state()
        self.jumps[state].append(fresh)
        return fresh

    def closure(self, states: set[int]) -> frozenset[int]:
        """`states` with all that is reached without reading; only those that read matter."""
        waiting, found = list(states), set(states)
        while waiting:
            for target in self.jumps[waiting.pop()]:
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(state for state in found if self.arrows[state])


def _check_effort(pattern: Pattern) -> None:
    """The subset construction, given up with `BadRequest` when it takes too much."""
    automaton = _Automaton(pattern)
    first = automaton.closure({automaton.start})
    waiting, known, effort = [first], {first}, 0
    while waiting:
        for target in _targets(automaton, waiting.pop()):
            effort += 1 + len(target)
            if effort > MAX_PATTERN_EFFORT:
                raise _too_costly()
            if target not in known:
                known.add(target)
                waiting.append(target)


def _targets(automaton: _Automaton, states: frozenset[int]) -> Iterator[frozenset[int]]:
    """Where one character leads from `states`, for each interval that makes a difference."""
    arrows = [arrow for state in states if (arrow := automaton.arrows[state])]
    borders = sorted({b for ends, _ in arrows for low, high in ends for b in (low, high + 1)})
    for border in borders[:-1]:
        reached = {to for ends, to in arrows if any(low <= border <= high for low, high in ends)}
        if reached:
            yield automaton.closure(reached)


def _positive(chars: Chars) -> tuple[Interval, ...]:
    if not chars.negated:
        return chars.intervals
    gaps, at = [], 0
    for low, high in sorted(chars.intervals):
        if low > at:
            gaps.append((at, low - 1))
        at = max(at, high + 1)
    return (*gaps, (at, _LAST_CHARACTER)) if at <= _LAST_CHARACTER else tuple(gaps)


def _too_costly() -> BadRequest:
    return BadRequest(
        "A pattern in the query is too costly",
        {
            "cause": "It can match in too many ways",
            "recommended_resolution": "Use fewer wildcards and repetitions in one pattern",
        },
    )
