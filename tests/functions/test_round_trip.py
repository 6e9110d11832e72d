"""Whatever JSON goes in comes back equal: through the call, the log, the engine and the answer."""

from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from garner.limits import INT64_MAX, INT64_MIN
from tests.fakes.index_client import IndexClient, entry

NUMBERS = count()  # each content has a top level key of its own, so that types never conflict

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(INT64_MIN, INT64_MAX),
    st.floats(allow_nan=False, allow_infinity=False),
    text,
    st.sampled_from(["2020-05-01", "2020-05-01T10:00:00Z", "2020-05-01T10:00:00", "1e3", "", " "]),
)
lists = st.one_of(
    st.lists(text, max_size=4),
    st.lists(st.integers(INT64_MIN, INT64_MAX), max_size=4),
    st.lists(st.one_of(st.none(), st.booleans()), max_size=4),
    st.just([[], {}, None, [[1], []]]),
)
contents = st.recursive(
    st.one_of(scalars, lists),
    lambda inner: st.one_of(
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4).map(lambda value: [value, value]),
    ),
    max_leaves=8,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # one index serves all examples
)
@given(value=contents)
def test_content_comes_back_as_it_went_in(cores: IndexClient, value: Any) -> None:
    number = next(NUMBERS)
    content = {f"field {number}": value}
    subject = f"round:{number}"

    cores.write(entry(subject, **content))

    assert cores.entries(subject) == {None: content}
    found = cores.send("POST", "/search", {"q": "*", "limit": 1_000}).json
    shown = {result["subject"]: result["entries"][0]["content"] for result in found["gmeta"]}
    assert shown[subject] == content
    assert same_types(shown[subject], content)


def same_types(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and from True."""
    if isinstance(one, dict):
        return all(same_types(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return all(map(same_types, one, other))
    return type(one) is type(other)
