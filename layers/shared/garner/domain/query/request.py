"""What a caller asks for, once the dialects are out of the way.

Filters, facets, boosts and sort keys stay the documents of the wire (contract 3.5 to 3.8), checked
and complete: the compiler's cases are pairs of JSON, and a request can be stored as it is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from garner import limits
from garner.domain.query.text import Mode, Operator
from garner.errors import JsonObject

Part = Literal["content", "visible_to", "principal_sets"]
ResultFormat = Literal["2019-08-27", "2017-09-01"]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search, a scroll or a delete by query; what one of them does not use has its default.

    `q` is None where there is none, which finds everything that the filters allow; the default
    operator is its mode's. `filters` hold for results and facets, `post_filters` for results alone
    (contract 3.6).
    """

    q: str | None = None
    mode: Mode = "query_string"
    default_operator: Operator | None = None
    fuzziness: int = 1
    filters: list[JsonObject] = field(default_factory=list)
    post_filters: list[JsonObject] = field(default_factory=list)
    facets: list[JsonObject] = field(default_factory=list)
    boosts: list[JsonObject] = field(default_factory=list)
    sort: list[JsonObject] = field(default_factory=list)
    limit: int = limits.DEFAULT_LIMIT
    offset: int = 0
    marker: str | None = None
    bypass_visible_to: bool = False
    filter_principal_sets: list[str] = field(default_factory=list)
    fields: list[Part] = field(default_factory=lambda: ["content"])
    result_format_version: ResultFormat = "2019-08-27"

    def to_json(self) -> JsonObject:
        """Plain JSON, for the task log and for hashes."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "SearchRequest":
        return cls(**document)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A subject, or one entry of it (None is the null entry), to be shown as it is."""

    subject: str
    entry_id: str | None = None
    bypass_visible_to: bool = False
    result_format_version: ResultFormat = "2019-08-27"
