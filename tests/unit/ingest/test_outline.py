"""Which entries an outline vouches for, and which it leaves to be looked at."""

import orjson
import pytest

from garner import limits
from garner.domain import operations
from garner.domain.fields import FieldType
from garner.domain.outline import Outline, Outliner


def outline_of(*contents, **more):
    outliner = Outliner()
    for content in contents:
        outliner.take(operations.upsert("s", ["public"], content, **more))
    return Outline.from_header(outliner.header())


def test_kinds_by_path():
    found = outline_of(
        {"a": "x", "o": {"n": 1, "d": "2020-05-01"}, "l": [{"b": True}, {"b": False}]},
        {"a": 2.5, "o": {"n": 2}},
    )
    assert found.kinds == {"a": "ft", "o.n": "i", "o.d": "d", "l.b": "b"}
    assert not found.odd


@pytest.mark.parametrize(
    "content",
    [
        {"x": None},
        {"x": []},
        {"x": {}},
        {"x": [[1]]},
        {"x": [None]},
        {"x.y": 1},
        {"": 1},
        {},
        {"x": 2**63},
        {"x": float("inf")},
        {"x": "é" * (limits.MAX_FIELD_VALUE_BYTES // 2 + 1)},
        {"x": ["y" * (limits.MAX_FIELD_VALUE_BYTES + 1)]},
    ],
)
def test_what_has_to_be_looked_at_is_odd(content):
    fine = {"a": 1}
    assert outline_of(fine, content, fine).odd == {1}


def test_values_of_any_depth_end():
    content = value = {}
    for _ in range(5_000):
        value["x"] = value = {}
    assert outline_of({"a": 1}, content, {"a": 1}).odd == {1}


def test_an_entry_with_principal_sets_and_a_delete_are_odd():
    outliner = Outliner()
    outliner.take(operations.upsert("s", ["public"], {"a": 1}, entry_id="e"))
    outliner.take(operations.upsert("s", ["public"], {"a": 1}))
    outliner.take(operations.upsert("s", ["public"], {"a": 1}, principal_sets={"p": ["public"]}))
    outliner.take(operations.delete_subject("s"))
    assert outliner.header()["outline"]["odd"] == [2, 3]


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [
        (FieldType.STRING, "x 2020-05-01 7 0.5 true"),
        (FieldType.DATE, "2020-05-01"),
        (FieldType.INTEGER, "7"),
        (FieldType.FLOAT, "7 0.5"),
        (FieldType.BOOLEAN, "true"),
        (FieldType.GEO_POINT, ""),
        (FieldType.GEO_SHAPE, ""),
    ],
)
def test_which_kinds_a_field_takes_as_they_are(kind, fitting):
    values = {"x": "x", "2020-05-01": "2020-05-01", "7": 7, "0.5": 0.5, "true": True}
    fits = [name for name, value in values.items() if outline_of({"f": value}).fits({"f": kind})]
    assert fits == [name for name in values if name in fitting.split()]


def test_a_field_that_is_not_bound_does_not_fit():
    assert not outline_of({"a": 1}).fits({"b": FieldType.INTEGER})
    assert not outline_of({"a": {"b": 1}, "a2": 1}).fits({"a.b": FieldType.INTEGER})


def test_a_text_among_dates_is_seen_wherever_it_comes():
    text, date = {"d": "spring"}, {"d": "2020-05-01"}
    fields = {"d": FieldType.DATE}
    assert outline_of(date, date).fits(fields)
    assert not outline_of(text, date).fits(fields)
    assert not outline_of(date, text).fits(fields)


def test_no_outline_where_most_entries_are_odd_or_there_are_too_many_fields():
    assert outline_of({"a": None}, {"a": []}, {"a": 1}) is None
    assert outline_of({f"f{n}": 1 for n in range(limits.MAX_FIELDS + 1)}) is None


def test_small_payloads_have_none():
    def header(count):
        line = operations.upsert("s", ["public"], {"a": 1})
        return operations.header(operations.encode([line] * count))

    assert header(limits.OUTLINED_OPERATIONS - 1) == {}
    assert header(limits.OUTLINED_OPERATIONS) == {"outline": {"kinds": {"a": "i"}, "odd": []}}


@pytest.mark.parametrize("subject", ["s", "é/ü", "a,b", "{", "\u2028"])
@pytest.mark.parametrize("entry_id", [None, "e", "é"])
def test_a_plain_line_is_cut_into_its_entry(subject, entry_id):
    line = operations.upsert(subject, ["public"], {"a": '"\\'}, entry_id=entry_id)
    (_, raw) = operations.join({}, [orjson.dumps(line)]).split(b"\n")
    entry = {"entry_id": entry_id} if entry_id else {}
    entry |= {"visible_to": ["public"], "content": {"a": '"\\'}}
    assert operations.cut(raw) == (subject, entry_id, orjson.dumps(entry))


@pytest.mark.parametrize(("subject", "entry_id"), [('s"', None), ("s\\", None), ("s", 'e"')])
def test_a_line_with_escapes_before_its_content_needs_a_closer_look(subject, entry_id):
    line = operations.upsert(subject, ["public"], {"a": 1}, entry_id=entry_id)
    assert operations.cut(orjson.dumps(line)) is None


def test_a_line_that_is_not_at_hand_is_not_cut():
    assert operations.cut(b"") is None
