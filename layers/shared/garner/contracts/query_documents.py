"""What query documents may hold, in both dialects (contract 2.2, 2.3, 2.11, 3)."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import get_args

from garner import limits
from garner.contracts.schema import (
    Check,
    Schema,
    boolean,
    by_type,
    choices,
    document,
    integer,
    list_of,
    number,
    one_of,
    row,
    scalar,
    text,
)
from garner.domain.query.dates import Interval, parse_instant
from garner.domain.query.request import Part, ResultFormat
from garner.domain.query.text import Mode, Operator
from garner.errors import JsonObject

LEGACY_VERSION = "2017-09-01"

_FIELD_NAME = text(1, limits.MAX_FIELD_PATH_BYTES)
_ON_FIELD = {"field_name": _FIELD_NAME}
_VALUE = scalar("string", "number", "boolean", "null")
_BOUND = scalar("string", "number")


# --- filters (contract 3.5) ---------------------------------------------------------------------

_FILTERS: dict[str, Schema] = {}
_FILTER = by_type(_FILTERS)
_FILTER_LIST = list_of(_FILTER, most=limits.MAX_QUERY_CLAUSES)
_NO_FILTERS = {**_FILTER_LIST, "default": []}
_ANY_FILTER = {"post_filter": boolean()}  # means something in the 2017 dialect alone


def _one_style(values: JsonObject) -> str | None:
    """Either `from` and `to`, where "*" leaves an end open, or one of `gt` and `gte` with one of
    `lt` and `lte`, of which one may be absent."""
    inclusive = {"from", "to"} & values.keys()
    lower, upper = {"gt", "gte"} & values.keys(), {"lt", "lte"} & values.keys()
    if inclusive and (lower or upper):
        return "Use 'from' and 'to', or 'gt'/'gte' and 'lt'/'lte', not both styles."
    if len(inclusive) == 1:
        return "'from' and 'to' are both required; \"*\" leaves an end open."
    if len(lower) > 1 or len(upper) > 1:
        return "Use one of 'gt' and 'gte', and one of 'lt' and 'lte'."
    return None if values else "A range needs at least one bound."


def _northwest(box: JsonObject) -> str | None:
    """`top_left` lies northwest of `bottom_right`."""
    first, last = box["top_left"], box["bottom_right"]
    if first["lat"] > last["lat"] and first["lon"] < last["lon"]:
        return None
    return "'top_left' must lie northwest of 'bottom_right'."


def _closed(rings: list[list[list[float]]]) -> str | None:
    """The ring ends where it starts."""
    return None if rings[0][0] == rings[0][-1] else "The ring must end where it starts."


_RANGE = document(
    "RangeValues",
    {},
    dict.fromkeys(("from", "to", "gt", "gte", "lt", "lte"), _BOUND),
    _one_style,
)
_LATITUDE, _LONGITUDE = number(-90, 90), number(-180, 180)
_CORNER = document("Coordinates", {"lat": _LATITUDE, "lon": _LONGITUDE})
_RING = list_of(row(_LONGITUDE, _LATITUDE), 4, limits.MAX_POLYGON_POSITIONS)
_POLYGON = document(
    "Polygon", {"type": one_of("Polygon"), "coordinates": list_of(_RING, 1, 1, check=_closed)}
)

_FILTERS |= choices(
    document(
        "MatchFilter",
        {
            "type": one_of("match_any", "match_all"),
            **_ON_FIELD,
            "values": list_of(_VALUE, most=limits.MAX_FILTER_VALUES),
        },
        _ANY_FILTER,
    ),
    document(
        "RangeFilter",
        {
            "type": one_of("range"),
            **_ON_FIELD,
            "values": list_of(_RANGE, most=limits.MAX_QUERY_CLAUSES),
        },
        _ANY_FILTER,
    ),
    document("ExistsFilter", {"type": one_of("exists"), **_ON_FIELD}, _ANY_FILTER),
    document(
        "LikeFilter",
        {"type": one_of("like"), **_ON_FIELD, "value": text(0, limits.MAX_LIKE_CHARACTERS)},
        _ANY_FILTER,
    ),
    document(
        "BoxFilter",
        {
            "type": one_of("geo_bounding_box"),
            **_ON_FIELD,
            "top_left": _CORNER,
            "bottom_right": _CORNER,
        },
        _ANY_FILTER,
        _northwest,
    ),
    document(
        "ShapeFilter",
        {"type": one_of("geo_shape"), **_ON_FIELD, "shape": _POLYGON},
        {**_ANY_FILTER, "relation": one_of("intersects", "within", default="intersects")},
    ),
    document("NotFilter", {"type": one_of("not"), "filter": _FILTER}, _ANY_FILTER),
    document("ListFilter", {"type": one_of("and", "or"), "filters": _FILTER_LIST}, _ANY_FILTER),
)


# --- facets, boosts, sort (contract 3.7, 3.8) ---------------------------------------------------


def _ascending_dates(span: JsonObject) -> str | None:
    """Two dates, `low` before `high`."""
    low, high = parse_instant(span["low"]), parse_instant(span["high"])
    if low is None or high is None:
        return "'low' and 'high' must be dates."
    return None if low < high else "'low' must be before 'high'."


def _ascending_numbers(span: JsonObject) -> str | None:
    """`low` is less than `high`."""
    low, high = span["low"], span["high"]
    if not low < high:
        return "'low' must be less than 'high'."
    wide = not isfinite((high - low) * limits.MAX_HISTOGRAM_BUCKETS)
    return "The range is too wide." if wide else None


def _names_differ(facets: list[JsonObject]) -> str | None:
    """Facets on one field have different names; the name of the field is the default."""
    names = {(facet["field_name"], facet.get("name", facet["field_name"])) for facet in facets}
    return None if len(names) == len(facets) else "Facets on one field must have different names."


_ANY_FACET = {"name": text(), "additional_filters": _NO_FILTERS}
_DATES = document("DateRange", {"low": _BOUND, "high": _BOUND}, check=_ascending_dates)
_NUMBERS = document("NumericRange", {"low": number(), "high": number()}, check=_ascending_numbers)

_FACET = by_type(
    choices(
        document(
            "TermsFacet",
            _ON_FIELD,
            {
                "type": one_of("terms", default="terms"),
                **_ANY_FACET,
                "size": integer(1, limits.MAX_FACET_SIZE, default=10),
            },
        ),
        document(
            "MetricFacet",
            {"type": one_of("sum", "avg"), **_ON_FIELD},
            {**_ANY_FACET, "missing": number()},
        ),
        document("DistinctCountFacet", {"type": one_of("distinct_count"), **_ON_FIELD}, _ANY_FACET),
        document(
            "DateHistogramFacet",
            {
                "type": one_of("date_histogram"),
                **_ON_FIELD,
                "date_interval": one_of(*get_args(Interval)),
            },
            {**_ANY_FACET, "histogram_range": _DATES},
        ),
        document(
            "NumericHistogramFacet",
            {
                "type": one_of("numeric_histogram"),
                **_ON_FIELD,
                "size": integer(1, limits.MAX_HISTOGRAM_BUCKETS),
                "histogram_range": _NUMBERS,
            },
            _ANY_FACET,
        ),
    ),
    otherwise="terms",
)
_BOOST = document(
    "GBoost", {"field_name": _FIELD_NAME, "factor": number(0, limits.MAX_BOOST_FACTOR)}
)
_SORT = document("GSort", _ON_FIELD, {"order": one_of("asc", "desc", default="desc")})


# --- requests -----------------------------------------------------------------------------------


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _comma_list(value: object) -> object:
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


_INTEGER = re.compile(r"-?[0-9]{1,9}")


def _numeral(value: object) -> object:
    """Parameters are text, and so are some clients' limits and offsets (contract 2.2)."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def _exclusive(query: JsonObject) -> str | None:
    """`q` or `filters` is required; `advanced` and `q_settings` exclude each other."""
    if "q" not in query and not query["filters"]:
        return "Either 'q' or 'filters' is required."
    if query["advanced"] and "q_settings" in query:
        return "'advanced' and 'q_settings' exclude each other."
    return None


def _reachable(query: JsonObject) -> str | None:
    """`q` or `filters` is required; `advanced` and `q_settings` exclude each other; `offset` and
    `limit` reach at most the first 10,000 results."""
    if query["offset"] + query["limit"] <= limits.MAX_RESULT_WINDOW:
        return _exclusive(query)
    window = limits.MAX_RESULT_WINDOW
    return f"'offset' and 'limit' reach at most the first {window} results; use scroll."


_Q_SETTINGS = document(
    "QSettings",
    {"mode": one_of(*get_args(Mode))},
    {
        "default_operator": one_of(*get_args(Operator), before=_lower),
        "fuzziness": integer(0, limits.MAX_FUZZINESS, default=1),
    },
)
_LIMIT = integer(0, limits.MAX_RESULT_WINDOW, default=limits.DEFAULT_LIMIT, before=_numeral)
_OFFSET = integer(0, limits.MAX_RESULT_WINDOW, default=0, before=_numeral)
_RESULT_FORMAT = one_of(*get_args(ResultFormat), default="2019-08-27")
_SHOWN = {
    "limit": _LIMIT,
    "fields": list_of(one_of(*get_args(Part)), least=1, default=["content"]),
    "result_format_version": _RESULT_FORMAT,
}


def _query(name: str, version: str, own: Mapping[str, Schema], check: Check = _exclusive) -> Schema:
    """`own` beside what all kinds of query have: which entries match."""
    matching = {
        "@version": one_of(version, LEGACY_VERSION),
        "q": text(),
        "advanced": boolean(default=False),
        "q_settings": _Q_SETTINGS,
        "filters": _NO_FILTERS,
        "bypass_visible_to": boolean(default=False),
        "filter_principal_sets": list_of(
            text(), most=limits.MAX_PRINCIPAL_SETS, default=[], before=_comma_list
        ),
    }
    return document(name, {}, {**matching, **own}, check)


SEARCH = _query(
    "GSearchRequest",
    "query#1.0.0",
    _SHOWN
    | {
        "offset": _OFFSET,
        "post_facet_filters": _NO_FILTERS,
        "facets": list_of(
            _FACET,
            most=limits.MAX_FACETS,
            default=[],
            check=_names_differ,
        ),
        "boosts": list_of(_BOOST, most=limits.MAX_BOOSTS, default=[]),
        "sort": list_of(_SORT, most=limits.MAX_SORT_KEYS, default=[]),
    },
    _reachable,
)
SCROLL = _query("GScrollRequest", "scroll#1.0.0", _SHOWN | {"marker": text()})
DELETE_BY_QUERY = _query(
    "GDeleteByQuery", "delete_by_query#1.0.0", {"post_facet_filters": _NO_FILTERS}
)
"""Unlike the rest of a search, what would narrow the set is not ignored here: a delete must never
reach further than the search that its caller tried before."""

READ = document(
    "ReadParameters",
    {"subject": text()},
    {
        "entry_id": text(),
        "bypass_visible_to": boolean(default=False),
        "result_format_version": _RESULT_FORMAT,
    },
)
"""What `subject` and `entry` take as parameters (contract 2.6, 2.8)."""
