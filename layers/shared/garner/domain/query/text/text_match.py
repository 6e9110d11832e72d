"""The mode `text_match` (contract 3.3): no syntax, and words may differ by a few edits."""

from garner.domain.query.text.tree import ClauseList, MatchAll, MatchNone, Node, Operator, Words
from garner.domain.query.text.words import has_words, without_surrogates
from garner.limits import MAX_FUZZY_EDITS


def parse(q: str, default_operator: Operator = "and", fuzziness: int = 1) -> Node:
    """The words of `q`, each with up to `fuzziness` edits. Never raises.

    The contract allows 0 to 5, the engine knows at most 2; what more would cost: docs/adr/0010.
    """
    edits = max(0, min(fuzziness, MAX_FUZZY_EDITS))
    chunks = without_surrogates(q).split()
    clauses = ClauseList()
    for chunk in filter(has_words, chunks):
        clauses.add(Words(chunk, default_operator, edits), default_operator)
    return clauses.node() or (MatchNone() if chunks else MatchAll())
