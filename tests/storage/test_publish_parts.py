"""Parts of a harvest go through the door of every ingest, and their verdicts come back."""

import pytest

from garner.errors import Unprocessable
from garner.ports.harvest import Part
from garner.services.drain import drain
from garner.services.publish_parts import TaskPublisher
from garner.storage.opensearch.search import OpenSearchReader
from tests.fakes.ingest import INDEX
from tests.storage.conftest import WritePath


def part(number: int, contents: list[object] | None, subjects: tuple[str, ...]) -> Part:
    return Part(
        key=f"run.{number}",
        origin="run",
        index_id=INDEX,
        entry_id="SRC",
        visible_to=("public",),
        subjects=subjects,
        contents=None if contents is None else tuple({"n": each} for each in contents),
    )


def test_a_part_is_one_task_however_often_it_is_submitted(write_path: WritePath) -> None:
    publisher = TaskPublisher(write_path.accept)
    first = publisher.submit(part(0, [1, 2], ("a", "b")))
    assert publisher.submit(part(0, [1, 2], ("a", "b"))) == first
    with pytest.raises(Unprocessable):
        publisher.submit(part(0, [1, 3], ("a", "b")))
    assert publisher.outcomes(INDEX, [first])[0].state == "waiting"
    drain(INDEX, ports=write_path.ports)
    assert publisher.outcomes(INDEX, [first])[0].state == "applied"
    head = write_path.log.head(INDEX)
    assert head
    assert head.head == 1


def test_rejected_entries_come_back_by_position(write_path: WritePath) -> None:
    publisher = TaskPublisher(write_path.accept)
    publisher.submit(part(0, [1], ("a",)))
    task = publisher.submit(part(1, [2, "text", 3, {"x": 1}], ("b", "c", "d", "e")))
    drain(INDEX, ports=write_path.ports)
    (outcome,) = publisher.outcomes(INDEX, [task])
    assert (outcome.state, outcome.rejected, outcome.complete) == ("failed", (1, 3), True)


def test_more_rejections_than_the_log_holds_are_all_known(write_path: WritePath) -> None:
    publisher = TaskPublisher(write_path.accept)
    publisher.submit(part(0, [1], ("a",)))
    subjects = tuple(f"s{n}" for n in range(150))
    task = publisher.submit(part(1, ["text"] * 149 + [5], subjects))
    drain(INDEX, ports=write_path.ports)
    (outcome,) = publisher.outcomes(INDEX, [task])
    assert outcome.rejected == tuple(range(149))
    assert outcome.complete


def test_deletions_are_lists_of_entries(write_path: WritePath) -> None:
    publisher = TaskPublisher(write_path.accept)
    publisher.submit(part(0, [1, 2, 3], ("a", "b", "c")))
    task = publisher.submit(part(1, None, ("a", "c", "never there")))
    drain(INDEX, ports=write_path.ports)
    assert publisher.outcomes(INDEX, [task])[0].state == "applied"
    documents = OpenSearchReader(write_path.engine).documents(INDEX, ["a", "b", "c"])
    assert [bool(each and each["live"]) for each in documents] == [False, True, False]


def test_an_unknown_task_is_unresolved(write_path: WritePath) -> None:
    publisher = TaskPublisher(write_path.accept)
    lost = write_path.accept.task_ids.encode(INDEX, 99)
    for outcome in publisher.outcomes(INDEX, [lost, "nonsense"]):
        assert (outcome.state, outcome.complete) == ("failed", False)
