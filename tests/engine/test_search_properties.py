"""Random entries, callers and queries: the engine's answers are those of a reference in Python."""

from contextlib import contextmanager
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.domain.principals import ALL_AUTHENTICATED, ANONYMOUS, PUBLIC
from tests.fakes.query import Collection, caller, entry, group, identity, subjects_of
from tests.fakes.reference import Reference

CALLERS = (ANONYMOUS, caller(1), caller(2, 7), caller(3, 8, linked=[1]))
READERS = (PUBLIC, ALL_AUTHENTICATED, identity(1), identity(2), group(7), group(8))

SETS = ("curator", "co curator")
VALUES = {
    "text": st.sampled_from(("alpha", "Alpha", "beta", "alpha beta", "gamma")),
    "whole": st.integers(-3, 3),
    "real": st.sampled_from((-1.5, 0.25, 1.0, 2.5)),
    "flag": st.booleans(),
    "day": st.sampled_from(("2019-12-31", "2020-01-01", "2020-01-15", "2020-02-01")),
}
FIELDS = st.sampled_from(tuple(VALUES))
SEED = {"text": "seed", "whole": 1, "real": 0.5, "flag": True, "day": "2000-01-01"}
"""Binds the fields; nobody sees it."""

contents = st.fixed_dictionaries(
    {field: st.lists(value, max_size=2) | value | st.none() for field, value in VALUES.items()}
)
sets = st.dictionaries(
    st.sampled_from(SETS), st.lists(st.sampled_from(READERS[2:]), max_size=2, unique=True)
)
readers = st.lists(st.sampled_from(READERS), min_size=1, max_size=2, unique=True)
entries = st.builds(entry, contents, visible_to=readers, principal_sets=sets)


def subjects(most):
    """Subjects with up to so many entries each: the first has the null id."""

    def with_ids(found):
        return [{**said, "id": f"id{n}" if n else None} for n, said in enumerate(found)]

    some = st.lists(entries, min_size=1, max_size=most).map(with_ids)
    return st.fixed_dictionaries(dict.fromkeys("abcdeZ", some))


@st.composite
def match_filters(draw):
    field = draw(FIELDS)
    kind = draw(st.sampled_from(("match_any", "match_all")))
    values = draw(st.lists(VALUES[field], min_size=1, max_size=2))
    return {"type": kind, "field_name": field, "values": values}


@st.composite
def ranges(draw):
    field = draw(FIELDS.filter(lambda name: name != "flag"))
    lower = st.dictionaries(st.sampled_from(("gt", "gte")), VALUES[field], max_size=1)
    upper = st.dictionaries(st.sampled_from(("lt", "lte")), VALUES[field], max_size=1)
    span = st.tuples(lower, upper).map(lambda pair: {**pair[0], **pair[1]}).filter(bool)
    return {"type": "range", "field_name": field, "values": draw(st.lists(span, max_size=2))}


existences = FIELDS.map(lambda field: {"type": "exists", "field_name": field})
filters = st.recursive(
    match_filters() | ranges() | existences,
    lambda inner: (
        inner.map(lambda document: {"type": "not", "filter": document})
        | st.tuples(st.sampled_from(("and", "or")), st.lists(inner, max_size=2)).map(
            lambda pair: {"type": pair[0], "filters": pair[1]}
        )
    ),
    max_leaves=4,
)
keys = st.fixed_dictionaries({"field_name": FIELDS, "order": st.sampled_from(("asc", "desc"))})
queries = st.fixed_dictionaries(
    {
        "q": st.sampled_from(("*", "*", "alpha", "beta")),
        "filters": st.lists(filters, max_size=1),
        "post_facet_filters": st.lists(filters, max_size=1),
        "sort": st.lists(keys, max_size=2, unique_by=lambda key: key["field_name"]),
    }
)


asked = st.lists(st.tuples(st.sampled_from(CALLERS), queries), min_size=8, max_size=8)


@contextmanager
def collection(engine, found):
    hidden = {"hidden": [entry(SEED, visible_to=[identity(99)])]}
    made = Collection(engine, str(uuid4()), hidden | found)
    yield made
    made.indexes.drop(made.index_id)


def check_results(searched, found, by, body):
    expected = Reference(found, by, body)
    answer = searched.search(body, by)
    order = list if body["sort"] else sorted
    assert order(subjects_of(answer)) == order(expected.found)
    assert answer["total"] == len(expected.found)
    for result in answer["gmeta"]:
        shown = {e["entry_id"]: e["content"] for e in result["entries"]}
        assert shown == {e["id"]: e["content"] for e in expected.seen[result["subject"]]}
    scrolled = searched.scroll(
        {**body, "filters": body["filters"] + body["post_facet_filters"]}, by
    )
    assert subjects_of(scrolled) == sorted(expected.found)


def check_facets(searched, found, by, body):
    expected = Reference(found, by, body)
    facets = [{"field_name": field} for field in VALUES]
    spans = {"type": "numeric_histogram", "field_name": "whole", "size": 4, "name": "spans"}
    facets.append({**spans, "histogram_range": {"low": -2, "high": 2}})
    months = {"type": "date_histogram", "field_name": "day", "name": "months"}
    limited = {"low": "2020-01-01", "high": "2020-02-01"}
    facets.append({**months, "date_interval": "month", "histogram_range": limited})
    answer = searched.search({**body, "facets": facets}, by)
    assert answer["total"] == len(expected.found)
    assert sorted(subjects_of(answer)) == sorted(expected.found)
    results = {
        result["name"]: [(bucket["value"], bucket["count"]) for bucket in result["buckets"]]
        for result in answer["facet_results"]
    }
    for field in VALUES:
        counts = {as_bucket(value): n for value, n in expected.terms(field).items()}
        assert results[field] == sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])), field
    assert results["spans"] == [
        ({"from": float(low), "to": low + 1.0}, expected.terms("whole")[low])
        for low in range(-2, 2)
    ]
    assert results["months"] == expected_months(expected)


def as_bucket(value):
    if isinstance(value, bool):
        return str(value).lower()
    is_day = isinstance(value, str) and value[0] == "2"
    return f"{value} 00:00:00" if is_day else value


def expected_months(expected):
    months = {"2020-01": 0, "2020-02": 0}
    for entries in expected.counted.values():
        days = {day for e in entries for day in as_list(e["content"].get("day")) if day}
        for month in {day[:7] for day in days if "2020-01-01" <= day <= "2020-02-01"}:
            months[month] += 1
    return [pair for pair in months.items() if pair[1]]


def as_list(value):
    return value if isinstance(value, list) else [value]


few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(subjects(3), asked)
def test_results_order_and_shown_entries_are_those_of_the_reference(engine, found, asked):
    with collection(engine, found) as searched:
        for by, body in asked:
            check_results(searched, found, by, body)


@few
@given(subjects(3), asked, st.sampled_from(SETS))
def test_principal_sets_narrow_as_in_the_reference(engine, found, asked, name):
    with collection(engine, found) as searched:
        for by, body in asked:
            if by is not ANONYMOUS:
                check_results(searched, found, by, {**body, "filter_principal_sets": [name]})


@few
@given(subjects(3), asked)
def test_facets_count_subjects_as_in_the_reference(engine, found, asked):
    with collection(engine, found) as searched:
        for by, body in asked:
            check_facets(searched, found, by, body)


@few
@given(subjects(1), asked)
def test_facets_of_single_entries_are_those_of_the_reference(engine, found, asked):
    with collection(engine, found) as searched:
        for by, body in asked:
            check_facets(searched, found, by, body)
