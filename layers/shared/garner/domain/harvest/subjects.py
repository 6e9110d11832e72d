"""Which rule names the subject of a record, and when a rule may not change (harvest 1)."""

DEFAULT_RULE = ""
"""No path: a stable UUID of (source, primary key)."""


def effective_rule(*, asked: str, published: str | None, descriptor: str) -> str:
    """The path of the document id: the request's, else the one this source already published into
    this index with (None: never), else the descriptor's, else the default."""
    if asked:
        return asked
    return descriptor if published is None else published


def rule_conflict(rule: str, published: str | None) -> str | None:
    """Why `rule` can't be used on an index that holds entries named by another one."""
    if published is None or rule == published:
        return None
    return (
        f"jsonPath {rule or '(default id)'} differs from the rule"
        f" that this source is published with: {published or '(default id)'}"
    )
