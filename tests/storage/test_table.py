"""The table: values in and out, and what its failures become."""

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from garner.errors import Unavailable
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
    """A client whose first calls fail."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        def call(**request: object) -> dict[str, object]:
            self.calls += 1
            if self.errors:
                raise self.errors.pop(0)
            return {"Attributes": {"pk": {"S": "a"}}}

        return call


def refusal(code: str, **more: object) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}, **more}, "X")  # type: ignore[arg-type]


def test_a_conflict_with_a_transaction_is_tried_again() -> None:
    client = Failing(*[refusal("TransactionConflictException")] * 3)
    Table(client, "t").update(Update(("a", "-"), "SET x = :x", values={"x": 1}))  # type: ignore[arg-type]
    assert client.calls == 4


def test_a_transaction_that_meets_another_is_tried_again() -> None:
    conflict = refusal(
        "TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}]
    )
    client = Failing(conflict, conflict)
    Table(client, "t").transact([Put({"pk": "a", "sk": "-"})])  # type: ignore[arg-type]
    assert client.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("InternalServerError"),
        ConnectTimeoutError(endpoint_url="x"),
    ],
)
def test_a_table_that_does_not_answer_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        Table(Failing(error), "t").get(("a", "-"))  # type: ignore[arg-type]


def test_a_defect_of_ours_is_not_taken_for_a_passing_state(cloud: None) -> None:
    table = Table(boto3.client("dynamodb"), "there is no such table")
    with pytest.raises(ClientError):
        table.get(("a", "-"))
