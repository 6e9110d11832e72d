"""Random entries, callers and queries: the engine's answers are those of a reference in Python."""

from contextlib import contextmanager
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.domain.principals import ALL_AUTHENTICATED, ANONYMOUS, PUBLIC
from tests.fakes.query import Collection, caller, entry, group, identity, subjects_of
from tests.fakes.reference import Reference

CALLERS = (ANONYMOUS, caller(1), caller(2, 7), caller(3, 8, linked=[1]))
READERS = (PUBLIC, PUBLIC, ALL_AUTHENTICATED, identity(1), identity(2), group(7), group(8))
SETS = ("curator", "co curator")
LONG = ("beta " * 51 + "x", "alpha beta " * 24 + "x")
"""The longest value that is a term, and one that is none."""

VALUES = {
    "text": ("alpha", "Alpha", "beta", "alpha beta", "gamma", "Zeta", *LONG),
    "whole": tuple(range(-3, 4)),
    "real": (-1.5, 0.25, 1.0, 2.5),
    "flag": (True, False),
    "day": ("2019-12-31", "2020-01-01", "2020-01-15", "2020-02-01", "2020-02-02"),
}
FIELDS = tuple(VALUES)
SEED = {"text": "seed", "whole": 1, "real": 0.5, "flag": True, "day": "2000-01-01"}
"""Binds the fields; nobody sees it."""


class Dice:
    """Entries and queries from a random number generator that hypothesis seeds: its own strategies
    prefer what is simple, and simple collections tell few mistakes apart."""

    def __init__(self, random):
        self.random = random
        self.choice = random.choice

    def some(self, choices, most):
        return self.random.sample(choices, self.random.randint(0, min(most, len(choices))))

    def content(self):
        found = {field: self.some(VALUES[field], 2) for field in FIELDS}
        lone = {field: values[0] for field, values in found.items() if len(values) == 1}
        return found | (lone if self.choice((True, False)) else {})

    def entry(self):
        sets = {name: self.some(READERS[3:], 2) for name in self.some(SETS, 2)}
        readers = self.some(READERS[1:], 2) or [PUBLIC]
        return entry(self.content(), visible_to=readers, principal_sets=sets)

    def subjects(self, most):
        """Subjects with up to so many entries each; the first has the null id."""
        return {
            name: [
                {**self.entry(), "id": f"id{number}" if number else None}
                for number in range(self.random.randint(1, most))
            ]
            for name in "abcdeZ"
        }

    def filter(self, depth=2):
        kind = self.choice(("match_any", "match_all", "range", "range", "exists", "logic"))
        if kind == "logic" and depth:
            return self.logic(depth - 1)
        field = self.choice(FIELDS)
        document = {"type": kind, "field_name": field}
        if kind == "range" and field != "flag":
            return {
                **document,
                "values": [self.span(field), self.span(field)][: self.choice((1, 2))],
            }
        if kind.startswith("match"):
            return {**document, "values": self.some(VALUES[field], 3)}
        return {**document, "type": "exists"}

    def logic(self, depth):
        kind = self.choice(("not", "and", "or"))
        if kind == "not":
            return {"type": "not", "filter": self.filter(depth)}
        return {"type": kind, "filters": [self.filter(depth) for _ in range(self.choice((1, 2)))]}

    def span(self, field):
        lower, upper = sorted((self.choice(VALUES[field]), self.choice(VALUES[field])))
        ends = [(self.choice(("gt", "gte")), lower), (self.choice(("lt", "lte")), upper)]
        return dict(self.some(ends, 2) or ends)

    def query(self):
        keys = [
            {"field_name": field, "order": self.choice(("asc", "desc"))}
            for field in self.some(FIELDS, 2)
        ]
        return {
            "q": self.choice(("*", "*", "alpha", "beta")),
            "filters": [self.filter() for _ in range(self.choice((0, 0, 1)))],
            "post_facet_filters": [self.filter() for _ in range(self.choice((0, 0, 1)))],
            "sort": keys,
        }

    def asked(self):
        return [(self.choice(CALLERS), self.query()) for _ in range(12)]


dice = st.randoms(use_true_random=True).map(Dice)


@contextmanager
def collection(engine, found):
    hidden = {"hidden": [entry(SEED, visible_to=[identity(99)])]}
    made = Collection(engine, str(uuid4()), hidden | found)
    try:
        yield made
    finally:
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


few = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(dice)
def test_results_order_and_shown_entries_are_those_of_the_reference(engine, dice):
    found = dice.subjects(3)
    with collection(engine, found) as searched:
        for by, body in dice.asked():
            check_results(searched, found, by, body)


@few
@given(dice)
def test_principal_sets_narrow_as_in_the_reference(engine, dice):
    found = dice.subjects(3)
    with collection(engine, found) as searched:
        for by, body in dice.asked():
            if by is not ANONYMOUS:
                narrowed = {**body, "filter_principal_sets": [dice.choice(SETS)]}
                check_results(searched, found, by, narrowed)


@few
@given(dice)
def test_facets_count_subjects_as_in_the_reference(engine, dice):
    found = dice.subjects(3)
    with collection(engine, found) as searched:
        for by, body in dice.asked():
            check_facets(searched, found, by, body)


@few
@given(dice)
def test_facets_of_single_entries_are_those_of_the_reference(engine, dice):
    found = dice.subjects(1)
    with collection(engine, found) as searched:
        for by, body in dice.asked():
            check_facets(searched, found, by, body)
