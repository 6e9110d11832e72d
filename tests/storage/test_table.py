"""The table: values in and out, and what its failures become."""

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from garner.errors import JsonObject, Unavailable
from garner.storage.aws.calls import Refused
from garner.storage.dynamodb.table import (
    Check,
    ConditionFailed,
    Delete,
    Put,
    Table,
    TransactionRefused,
    Update,
    from_wire,
    to_wire,
)
from tests.fakes.aws import BotoCalls

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert from_wire({"it": to_wire(value)})["it"] == value


def test_a_failed_condition_shows_what_was_there(table: Table) -> None:
    table.put(Put({"pk": "a", "sk": "-", "n": 1}))
    with pytest.raises(ConditionFailed) as failed:
        table.put(Put({"pk": "a", "sk": "-", "n": 2}, "attribute_not_exists(pk)"))
    assert failed.value.item == {"pk": "a", "sk": "-", "n": 1}


def test_a_refused_transaction_names_the_actions(table: Table) -> None:
    table.put(Put({"pk": "a", "sk": "-", "n": 1}))
    with pytest.raises(TransactionRefused) as refused:
        table.transact(
            [
                Put({"pk": "b", "sk": "-"}),
                Check(("a", "-"), "n = :n", {"n": 2}),
                Delete(("c", "-"), "attribute_exists(pk)"),
            ]
        )
    assert refused.value.failed.keys() == {1, 2}
    assert table.get(("b", "-")) is None


def test_due_items_come_longest_due_first(table: Table) -> None:
    for number, at in enumerate((30.5, 10, 20)):
        table.put(Put({"pk": f"x{number}", "sk": "-", "due_kind": "lag", "due_at": at}))
    table.put(Put({"pk": "y", "sk": "-", "due_kind": "other", "due_at": 1}))
    assert [item["due_at"] for item in table.due("lag", 25)] == [10, 20]
    assert len(list(table.due("lag", 99, limit=1))) == 1


def test_more_keys_than_one_request_takes_are_read(table: Table) -> None:
    for number in range(120):
        table.put(Put({"pk": f"x{number}", "sk": "-"}))
    keys = [(f"x{number}", "-") for number in range(130)]
    assert len(table.batch_get(keys)) == 120


class Failing:
    """Calls of which the first ones fail."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, operation: str, request: JsonObject) -> JsonObject:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"Attributes": {"pk": {"S": "a"}}}


def test_a_conflict_with_a_transaction_is_tried_again() -> None:
    calls = Failing(*[Refused("TransactionConflictException", {})] * 3)
    Table(calls, "t").update(Update(("a", "-"), "SET x = :x", values={"x": 1}))
    assert calls.calls == 4


def test_a_transaction_that_meets_another_is_tried_again() -> None:
    conflict = Refused(
        "TransactionCanceledException", {"CancellationReasons": [{"Code": "TransactionConflict"}]}
    )
    calls = Failing(conflict, conflict)
    Table(calls, "t").transact([Put({"pk": "a", "sk": "-"})])
    assert calls.calls == 3


def test_a_table_that_goes_on_conflicting_is_unavailable() -> None:
    calls = Failing(*[Refused("TransactionConflictException", {})] * 99)
    with pytest.raises(Unavailable):
        Table(calls, "t").put(Put({"pk": "a", "sk": "-"}))


def test_a_defect_of_ours_is_not_taken_for_a_passing_state(cloud: None) -> None:
    table = Table(BotoCalls(boto3.client("dynamodb")), "there is no such table")
    with pytest.raises(Refused):
        table.get(("a", "-"))
