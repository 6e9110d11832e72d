"""Whole subjects out of operations: the same whatever the packing (ingest protocol, section 1)."""

from collections.abc import Sequence

import orjson
from hypothesis import given
from hypothesis import strategies as st

from garner.domain import operations
from garner.domain.fields import FieldType, Schema
from garner.domain.tasks import PayloadRef, Task, TaskKind
from garner.errors import JsonObject
from garner.ports.engine_writer import StoredDocument
from garner.services.drain.judge import Judge, Judged
from garner.services.drain.merge import Stored, document, merge, stored

SCHEMA = Schema(fields={"x": FieldType.INTEGER}, multi_entry=True)


def judged(n: int, lines: Sequence[JsonObject]) -> Judged:
    task = Task(
        n=n,
        kind=TaskKind.INGEST,
        caller="",
        request_id="",
        payload=PayloadRef("", "", 0, 0),
        operations=len(lines),
        created_at=0.0,
    )
    return Judge(SCHEMA).judge(task, operations.encode(lines))


SUBJECTS = st.sampled_from(["a", "b"])
ENTRY_IDS = st.sampled_from([None, "e", "f"])
LINES = st.one_of(
    st.builds(
        lambda s, e, x: operations.upsert(s, ["public"], {"x": x}, entry_id=e),
        SUBJECTS,
        ENTRY_IDS,
        st.integers(0, 99),
    ),
    st.builds(operations.delete_entry, SUBJECTS, ENTRY_IDS),
    st.builds(operations.delete_subject, SUBJECTS),
)
TASKS = st.lists(st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=5)


def applied(tasks: list[list[JsonObject]], sizes: list[int]) -> dict[str, tuple[int, bytes]]:
    """The documents after applying the log in packs of these sizes."""
    engine: dict[str, tuple[int, bytes]] = {}
    first = 0
    for size in [*sizes, len(tasks)]:
        pack = [judged(n + 1, tasks[n]) for n in range(first, min(first + size, len(tasks)))]
        base = {
            subject: stored(StoredDocument(at, orjson.loads(body)))
            for subject, (at, body) in engine.items()
        }
        for subject, (at, entries) in merge(pack, base).subjects.items():
            engine[subject] = at, document(subject, at, entries)
        first += len(pack)
    return engine


@given(TASKS, st.lists(st.integers(1, 3), max_size=5))
def test_a_document_does_not_depend_on_the_packing(
    tasks: list[list[JsonObject]], sizes: list[int]
) -> None:
    assert applied(tasks, sizes) == applied(tasks, [1] * len(tasks))


@given(TASKS)
def test_what_is_in_a_document_already_is_not_merged_again(
    tasks: list[list[JsonObject]],
) -> None:
    pack = [judged(n, lines) for n, lines in enumerate(tasks, 1)]
    once = merge(pack, {})
    base = {s: Stored(at, entries) for s, (at, entries) in once.subjects.items()}
    again = merge(pack, base)
    assert again.subjects == {}
    assert {s: (was.version, was.entries) for s, was in again.already.items()} == once.subjects


def test_the_document_of_a_subject_without_entries_is_a_tombstone() -> None:
    (body,) = [w.body for w in merge([judged(7, [operations.delete_subject("a")])], {}).writes()]
    assert orjson.loads(body or b"") == {"subject": "a", "live": False, "slot": 7, "entries": []}


def test_what_was_projected_keeps_its_original() -> None:
    lines = [operations.upsert("a", ["public"], {"x": 1, "nothing": None})]
    (write,) = merge([judged(1, lines)], None).writes()
    (entry,) = orjson.loads(write.body or b"")["entries"]
    assert entry["content"] == {"x": 1}
    assert entry["original"] == {"x": 1, "nothing": None}


def test_a_replayed_operation_never_replaces_a_newer_one() -> None:
    old = {**operations.upsert("a", ["public"], {"x": 1}, entry_id="e"), "at": 5}
    replay = judged(9, [old])
    newer = {"a": Stored(6, {"e": b'{"x":2}'})}
    merged = merge([replay], newer)
    assert merged.subjects == {}
    assert [step.position for step in replay.superseded] == [0]
