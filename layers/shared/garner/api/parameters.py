"""Query parameters, read from the raw query string (contract 0.3).

The gateway's own parsing joins repeated parameters with commas, so a comma in a subject could not
be told from two subjects; therefore `rawQueryString` is parsed here.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from garner.errors import BadRequest, ValidationFailed

MAX_PARAMETERS = 1_000
_TRUE = frozenset(("true", "1", "t", "yes", "y", "on"))
_FALSE = frozenset(("false", "0", "f", "no", "n", "off"))


class Parameters:
    """Each method raises `ValidationFailed` at location `query` for what it can't read."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    @classmethod
    def parse(cls, raw: str) -> "Parameters":
        try:
            pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            raise BadRequest(f"More than {MAX_PARAMETERS} query parameters") from None
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def canonical(self) -> list[tuple[str, list[str]]]:
        """Everything that was sent, in an order that does not depend on the client."""
        return sorted((name, list(values)) for name, values in self._values.items())

    def text(self, name: str) -> str | None:
        """The value; the last one where it is repeated."""
        values = self._values.get(name)
        return values[-1] if values else None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise ValidationFailed.of("query", name, "Missing data for required field.")
        return value

    def boolean(self, name: str) -> bool:
        """Absent or empty is false. Python's `True` and JavaScript's `true` are both fine."""
        value = (self.text(name) or "false").lower()
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise ValidationFailed.of("query", name, "Not a valid boolean.")

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20):
            raise ValidationFailed.of("query", name, "Not a valid integer.")
        if not low <= int(text) <= high:
            raise ValidationFailed.of("query", name, f"Must be between {low} and {high}.")
        return int(text)

    def names(self, name: str) -> list[str] | None:
        """A comma-delimited list; repeats are joined. None where it is absent or empty."""
        values = self._values.get(name, ())
        found = [part.strip() for value in values for part in value.split(",") if part.strip()]
        return found or None
