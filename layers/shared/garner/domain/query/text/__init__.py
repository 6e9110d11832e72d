"""Query text (contract 3.2 to 3.4): `parse_text` reads it, `compile_text` writes the engine clause.

The engine's own `query_string` never sees what a caller wrote (docs/adr).
"""

from typing import Literal

from garner.domain.query.text import advanced, plain, text_match
from garner.domain.query.text.compiler import compile_text
from garner.domain.query.text.tree import Node, Operator
from garner.domain.query.text.words import check_length, check_words, count_words

__all__ = ["Mode", "Node", "Operator", "compile_text", "parse_text"]

Mode = Literal["query_string", "advanced_query_string", "text_match"]


def parse_text(
    q: str,
    mode: Mode = "query_string",
    default_operator: Operator | None = None,
    fuzziness: int = 1,
) -> Node:
    """What `q` means in `mode`, named as in `q_settings`; the operator's default is the mode's.

    Raises `BadRequest` where `q` exceeds a limit, and `QuerySyntaxError` in advanced mode only.
    """
    if mode == "advanced_query_string":
        return advanced.parse(q, default_operator or "or")
    check_length(q)
    check_words(count_words(q))
    if mode == "text_match":
        return text_match.parse(q, default_operator or "and", fuzziness)
    return plain.parse(q, default_operator or "or")
