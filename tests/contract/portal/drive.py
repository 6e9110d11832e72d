"""Runs the unmodified Django portal framework against an index of a running Garner.

It needs an older SDK than the rest of the tests, so it has an environment of its own
(locks/portal.txt). GLOBUS_SDK_SERVICE_URL_SEARCH says where Garner is; the argument is the id of
an index that holds the entries of `tests/contract/test_django_portal.py`.
"""

import sys

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "globus_portal_framework",
        "social_django",
    ],
    SEARCH_RESULTS_PER_PAGE=10,
    SEARCH_INDEXES={
        "minerals": {
            "name": "Minerals",
            "uuid": sys.argv[1],
            "fields": ["name", ("where", "found.country")],
            "facets": [
                {"name": "Country", "field_name": "found.country"},
                {
                    "name": "Year",
                    "field_name": "found.on",
                    "type": "date_histogram",
                    "date_interval": "year",
                },
                {
                    "name": "Hardness",
                    "field_name": "hardness",
                    "type": "numeric_histogram",
                    "size": 5,
                    "histogram_range": {"low": 0, "high": 10},
                },
                {"name": "Sum", "field_name": "hardness", "type": "sum"},
            ],
        }
    },
)
django.setup()

from django.test import RequestFactory  # noqa: E402 - settings come first
from globus_portal_framework import gsearch  # noqa: E402
from globus_portal_framework.checks import check_search_indexes  # noqa: E402


def found(query: str, **parameters: str) -> dict:
    request = RequestFactory().get("/minerals/", {"q": query, **parameters})
    return gsearch.post_search("minerals", query, gsearch.get_search_filters(request))


assert check_search_indexes(None) == []

everything = found("*")
assert "error" not in everything, everything
assert everything["total"] == 25, everything["total"]
assert len(everything["search_results"]) == 10
assert [page["number"] for page in everything["pagination"]["pages"]] == [1, 2, 3]
facets = {facet["name"]: facet for facet in everything["facets"]}
assert [(b["value"], b["count"]) for b in facets["Country"]["buckets"]] == [
    ("Norway", 13),
    ("Iceland", 12),
], facets["Country"]
assert [b["value"] for b in facets["Year"]["buckets"]] == ["2019", "2020", "2021"], facets["Year"]
assert len(facets["Hardness"]["buckets"]) == 5, facets["Hardness"]
assert facets["Sum"]["value"] == 125, facets["Sum"]

# What a portal's user clicks: a bucket's value comes back as a filter.
for facet in ("Country", "Year", "Hardness"):
    bucket = facets[facet]["buckets"][0]
    narrowed = found("*", **{bucket["search_filter_query_key"]: bucket["value"]})
    # The framework sends both ends of a number's bucket as a range that includes them.
    exact = facet != "Hardness"
    assert narrowed["total"] >= bucket["count"], (facet, bucket, narrowed["total"])
    assert not exact or narrowed["total"] == bucket["count"], (facet, bucket, narrowed["total"])

assert found("iceland")["total"] == 12
subject = gsearch.get_subject("minerals", "mineral%3A3")
assert subject["name"] == "mineral 3", subject
assert subject["where"] == "Iceland", subject
assert "error" in gsearch.get_subject("minerals", "mineral%3Anone")
print("passed")
