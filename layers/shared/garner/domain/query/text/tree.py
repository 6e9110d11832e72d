"""What a query string means, whichever syntax it was written in.

Parsers build these nodes, `compiler` turns them into an engine clause. A leaf outside of `InField`
is about any field of the content.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from garner.domain.fields import FieldParts
from garner.domain.query.text.patterns import Pattern

Operator = Literal["or", "and"]
Edits = int | Literal["AUTO"]
"""At most how many letters of a word may be wrong, missing, too many or swapped: up to 2. `AUTO`
leaves it to the engine, by the length of the word; shorter words always have fewer."""


@dataclass(frozen=True, slots=True)
class MatchAll:
    """Everything."""


@dataclass(frozen=True, slots=True)
class MatchNone:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Words:
    """Text whose words are joined by `operator`, each with up to `edits` edits."""

    text: str
    operator: Operator
    edits: Edits = 0


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words side by side and in order; `slop` is how many positions they may be off in all."""

    text: str
    slop: int = 0


@dataclass(frozen=True, slots=True)
class Prefix:
    """A phrase whose last word is only the beginning of one."""

    text: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*` stands for any run of characters, `?` for one; a backslash makes the next literal."""

    text: str


@dataclass(frozen=True, slots=True)
class Regexp:
    """A pattern for one word or, in a field, the whole value."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Range:
    """Between two bounds; `None` is open."""

    lower: str | None
    upper: str | None
    include_lower: bool = True
    include_upper: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value. Only inside of `InField`."""


@dataclass(frozen=True, slots=True)
class Bool:
    """All of `required` and none of `excluded`; one of `optional` if nothing is required."""

    required: tuple["Node", ...] = ()
    optional: tuple["Node", ...] = ()
    excluded: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class InField:
    """`node` is about the field; the innermost one counts."""

    path: FieldParts
    node: "Node"


@dataclass(frozen=True, slots=True)
class Boost:
    """The score of `node`, multiplied."""

    node: "Node"
    factor: float


Leaf = MatchAll | MatchNone | Words | Phrase | Prefix | Wildcard | Regexp | Range | Exists
Node = Leaf | Bool | InField | Boost


Sign = Literal["", "+", "-"]
"""What stands before a member of a list: `+` required, `-` excluded."""


class ClauseList:
    """Members joined by AND and OR, as a parser meets them; AND binds tighter.

    Signs hold within the list that the member is in: `a OR -b` is a without b.
    """

    def __init__(self) -> None:
        self._alternatives: list[list[tuple[Node, Sign]]] = []

    def add(self, node: Node, operator: Operator, sign: Sign = "") -> None:
        """`operator` joins the node with the one before."""
        if operator == "or" or not self._alternatives:
            self._alternatives.append([])
        self._alternatives[-1].append((node, sign))

    def node(self) -> Node | None:
        """What the list says; `None` if it is empty."""
        if not self._alternatives:
            return None
        members = [
            chain[0] if len(chain) == 1 else (_all_of(chain), "") for chain in self._alternatives
        ]
        return _grouped(
            required=[node for node, sign in members if sign == "+"],
            optional=[node for node, sign in members if not sign],
            excluded=[node for node, sign in members if sign == "-"],
        )


def _all_of(chain: Sequence[tuple[Node, Sign]]) -> Node:
    return _grouped(
        required=[node for node, sign in chain if sign != "-"],
        excluded=[node for node, sign in chain if sign == "-"],
    )


def _grouped(
    required: Sequence[Node] = (), optional: Sequence[Node] = (), excluded: Sequence[Node] = ()
) -> Node:
    """A `Bool`, or its only member where that says the same."""
    if not excluded and len(required) + len(optional) == 1:
        return (*required, *optional)[0]
    return Bool(tuple(required), tuple(optional), tuple(excluded))
