"""JSONata by jsonata-python, with regular expressions by RE2 and no way to more code."""

from collections.abc import Mapping
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.regex_engine import RegexFlags

from garner.errors import JsonObject
from garner.limits import MAX_TRANSFORM_CHARACTERS
from garner.sources.regex import compiled
from garner.sources.transform.functions import FUNCTIONS
from garner.sources.transform.program import Transforming


def evaluator(script: str) -> Transforming:
    """Raises `ValueError` for a script that does not compile."""
    if len(script) > MAX_TRANSFORM_CHARACTERS:
        raise ValueError(f"the script is longer than {MAX_TRANSFORM_CHARACTERS} characters")
    try:
        expression = Jsonata(script, regex_engine=_regex)
    except JException as error:
        raise ValueError(f"not a JSONata expression: {error}") from None
    except RecursionError:
        raise ValueError("the script is nested too deeply") from None
    for name, function in FUNCTIONS.items():
        expression.register_lambda(name, function)

    def transforming(record: JsonObject, variables: Mapping[str, str]) -> object:
        # With bindings, even none, each record gets a frame of its own: no value of `:=` survives.
        return expression.evaluate(record, dict(variables))

    return transforming


def _regex(pattern: str, flags: RegexFlags) -> Any:
    letters = "i" * flags.case_insensitive + "m" * flags.multiline
    return compiled(f"(?{letters}){pattern}" if letters else pattern)
