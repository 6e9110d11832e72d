"""The committed sample collection."""

from collections import Counter

from garner.domain.content import Checker, FieldProblem
from garner.domain.fields import Schema
from local.sample.load import entries


def test_every_entry_of_the_collection_fits_one_set_of_field_types() -> None:
    checker = Checker(Schema())
    results = [checker.check(entry["content"]) for entry in entries()]
    assert [each for each in results if isinstance(each, FieldProblem)] == []
    assert len(results) > 2_900


def test_subjects_are_unique_and_visible_to_everybody() -> None:
    collection = list(entries())
    assert max(Counter(entry["subject"] for entry in collection).values()) == 1
    assert all(entry["visible_to"] == ["public"] for entry in collection)
