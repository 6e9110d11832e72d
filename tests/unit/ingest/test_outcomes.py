"""Outcomes entry by entry, and replays of what was rejected (contract 8.12)."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from garner import limits
from garner.domain import operations
from garner.domain.principals import SCOPE_INGEST, Caller
from garner.domain.tasks import NewTask, Outcome, TaskKind, TaskState
from garner.errors import Conflict, JsonObject, TooLarge, ValidationFailed
from garner.ports.indexes import IndexRecord, Role
from garner.services.outcomes import task_outcomes
from garner.services.replay import replay_task
from garner.services.tasks import cancel_task
from tests.fakes.ingest import INDEX
from tests.faults.case import Case, entry

PERSON = "urn:globus:auth:identity:00000000-0000-4000-8000-000000000001"
CALLER = Caller(identity=PERSON, identities=frozenset({PERSON}), scopes=frozenset({SCOPE_INGEST}))
REFUSED = "the engine never takes this"


@dataclass
class OneIndex:
    """The half of `IndexStore` that access needs: an index on which the caller may write."""

    record: IndexRecord = field(default_factory=lambda: IndexRecord(INDEX, "Rocks", "", 0.0))

    def get(self, index_id: str) -> IndexRecord | None:
        return self.record if index_id == INDEX else None

    def roles(self, index_id: str) -> list[Role]:
        return [Role("r", index_id, "writer", PERSON, 0.0)]


class OutcomesCase(Case):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.indexes: Any = OneIndex()
        self.engine.refuses = lambda document: REFUSED in str(document)

    def page(
        self,
        n: int,
        outcome: Outcome | None = None,
        limit: int = 100,
        marker: str | None = None,
    ) -> JsonObject:
        return task_outcomes(
            self.task_ids.encode(INDEX, n),
            CALLER,
            outcome,
            limit=limit,
            marker=marker,
            indexes=self.indexes,
            log=self.log,
            task_ids=self.task_ids,
            payloads=self.payloads,
        )

    def every(
        self, n: int, outcome: Outcome | None = None, limit: int = 100
    ) -> list[tuple[int, str | None, str, str | None]]:
        """All pages, as (position, subject, outcome, code)."""
        found, marker = [], None
        while True:
            page = self.page(n, outcome, limit, marker)
            assert len(page["outcomes"]) <= limit
            found += [
                (each["position"], each["subject"], each["outcome"], each["code"])
                for each in page["outcomes"]
            ]
            marker = page["marker"]
            if marker is None:
                return found

    def replay(self, n: int, *, skip: bool = False) -> int:
        task_id = replay_task(
            self.task_ids.encode(INDEX, n),
            CALLER,
            skip_errors=skip,
            request=None,
            indexes=self.indexes,
            accept=self.accept,
        )
        decoded = self.task_ids.decode(task_id)
        assert decoded
        return decoded[1]

    def load(self, *lines: JsonObject, skip: bool = False) -> int:
        self.payloads.upload("u", operations.encode(lines).partition(b"\n")[2])
        upload = self.payloads.pin("u")
        assert upload
        payload = operations.encode([], {"upload": upload.to_json()})
        return self.submit(
            NewTask(kind=TaskKind.UPLOAD, payload=payload, operations=0, skip_errors=skip)
        )


@pytest.fixture
def case() -> OutcomesCase:
    return OutcomesCase()


@pytest.fixture(params=["ingest", "upload"])
def write(request: pytest.FixtureRequest, case: OutcomesCase) -> Any:
    """Both ways in which entries come."""
    return case.ingest if request.param == "ingest" else case.load


def test_entries_of_a_success_are_applied_or_superseded(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1), entry("b", n=1), entry("a", n=2))
    case.settle()
    assert case.every(n) == [
        (0, "a", "superseded", None),
        (1, "b", "applied", None),
        (2, "a", "applied", None),
    ]
    assert [row[0] for row in case.every(n, Outcome.APPLIED)] == [1, 2]
    assert [row[0] for row in case.every(n, Outcome.SUPERSEDED)] == [0]
    assert case.every(n, Outcome.REJECTED) == []


def test_an_entry_that_fails_rejects_the_others_too_and_says_why(
    case: OutcomesCase, write: Any
) -> None:
    n = write(entry("a", n=1), entry("b", n="one"), entry("c", n=2))
    case.settle()
    assert case.every(n) == [
        (0, "a", "rejected", "VALIDATION"),
        (1, "b", "rejected", "TYPE_CONFLICT"),
        (2, "c", "rejected", "VALIDATION"),
    ]
    row = case.page(n)["outcomes"][1]
    assert (row["field"], row["expected"], row["found"]) == ("n", "integer", "string")


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_are_the_whole_whatever_their_size(
    case: OutcomesCase, write: Any, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(limits, "PACK_OPERATIONS", 10)
    monkeypatch.setattr(limits, "MAX_REPORTED_FAILURES", 5)
    monkeypatch.setattr(limits, "OUTCOMES_LOOKED_AT", 11)
    bad = [k for k in range(1, 60) if k % 3 == 0]
    lines = [entry(f"s{k}", n="bad" if k in bad else k) for k in range(60)]
    n = write(*lines, skip=True)
    case.settle()

    rows = case.every(n, limit=limit)
    assert [row[0] for row in rows] == list(range(60))
    assert [row[1] for row in rows] == [f"s{k}" for k in range(60)]
    assert [row[0] for row in rows if row[2] == "rejected"] == bad
    assert [row[0] for row in case.every(n, Outcome.REJECTED, limit)] == bad
    assert len(case.every(n, Outcome.APPLIED, limit)) == 60 - len(bad)


def test_a_cancelled_task_tells_every_entry(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1), entry("b", n=1))
    cancel_task(
        case.task_ids.encode(INDEX, n),
        CALLER,
        indexes=case.indexes,
        log=case.log,
        task_ids=case.task_ids,
        doorbell=case.doorbell,
        clock=case.clock,
    )
    assert case.every(n) == [(0, "a", "rejected", "CANCELLED"), (1, "b", "rejected", "CANCELLED")]


def test_a_payload_that_is_gone_leaves_positions(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1), entry("b", n=1))
    case.payloads.objects.clear()
    case.drain()
    assert case.every(n) == [
        (0, None, "rejected", "PAYLOAD_DAMAGED"),
        (1, None, "rejected", "PAYLOAD_DAMAGED"),
    ]


def test_a_bad_line_of_an_upload_has_its_row_behind_the_entries_before_it(
    case: OutcomesCase,
) -> None:
    case.payloads.upload("u", b'{"subject":"a","visible_to":[],"content":{}}\nnonsense\n')
    upload = case.payloads.pin("u")
    assert upload
    payload = operations.encode([], {"upload": upload.to_json()})
    n = case.submit(NewTask(kind=TaskKind.UPLOAD, payload=payload, operations=0))
    case.settle()
    assert case.every(n) == [(0, "a", "rejected", "VALIDATION"), (1, None, "rejected", "BAD_LINE")]


def test_a_delete_by_query_has_rows_for_what_it_left_only(case: OutcomesCase) -> None:
    case.ingest(entry("a", n="basalt"))
    n = case.delete_matching("basalt")
    case.settle()
    assert case.every(n) == []


def test_outcomes_of_a_task_that_waits_are_not_known_yet(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1))
    with pytest.raises(Conflict):
        case.page(n)


@pytest.mark.parametrize("marker", ["x", "1", "-1.0", "1.x", "1.0.0", "٣.0", "9" * 30 + ".0"])
def test_a_marker_that_is_not_ours_is_refused(case: OutcomesCase, marker: str) -> None:
    n = case.ingest(entry("a", n=1))
    case.settle()
    with pytest.raises(ValidationFailed):
        case.page(n, marker=marker)


def test_a_marker_beyond_the_end_finds_nothing(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1))
    case.settle()
    assert case.page(n, marker="7.3") == {"outcomes": [], "marker": None}


# --- replay --------------------------------------------------------------------------------------


def test_a_replay_applies_what_was_rejected_and_nothing_else(
    case: OutcomesCase, write: Any
) -> None:
    n = write(entry("a", n=1), entry("b", n="one"), entry("c", n=2))
    case.settle()
    again = case.replay(n, skip=True)
    case.drain()

    assert case.task(again).kind is TaskKind.REPLAY
    assert case.every(again) == [
        (0, "a", "applied", None),
        (1, "b", "rejected", "TYPE_CONFLICT"),
        (2, "c", "applied", None),
    ]
    assert case.engine.visible() == {"a": {None: {"n": 1}}, "c": {None: {"n": 2}}}


@pytest.mark.parametrize("entry_id", [None, "e"])
def test_a_replay_never_overwrites_what_was_written_since(
    case: OutcomesCase, entry_id: str | None
) -> None:
    n = case.ingest(entry("a", entry_id, n="old", note=REFUSED), entry("b", entry_id, n="b"))
    case.settle()
    case.ingest(entry("a", entry_id, n="new"))
    case.settle()
    case.engine.refuses = lambda _document: False

    again = case.replay(n)
    case.drain()
    assert case.every(again) == [(0, "a", "superseded", None)]
    assert case.engine.visible()["a"] == {entry_id: {"n": "new"}}


def test_a_replay_never_brings_back_what_was_deleted_since(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n="old", note=REFUSED))
    case.settle()
    delete = operations.encode([operations.delete_subject("a")])
    case.submit(NewTask(kind=TaskKind.DELETE_SUBJECTS, payload=delete, operations=1))
    case.settle()
    case.engine.refuses = lambda _document: False

    case.replay(n)
    case.drain()
    assert case.engine.visible() == {}


def test_a_replay_of_a_replay_keeps_the_first_version(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n="old", note=REFUSED))
    case.settle()
    second = case.replay(n)
    case.drain()
    case.ingest(entry("a", n="new"))
    case.engine.refuses = lambda _document: False
    third = case.replay(second)
    case.drain()

    assert case.every(third) == [(0, "a", "superseded", None)]
    assert case.engine.visible() == {"a": {None: {"n": "new"}}}


def test_a_replay_brings_the_types_that_its_task_declared(case: OutcomesCase) -> None:
    lines = [entry("a", site="1, 2"), entry("b", site="nowhere")]
    payload = operations.encode(lines, {"declared": {"site": "geo_point"}})
    n = case.submit(NewTask(kind=TaskKind.INGEST, payload=payload, operations=2))
    case.settle()
    case.replay(n, skip=True)
    case.drain()
    assert case.log.indexes[INDEX].schema.fields["site"].value == "geo_point"


def test_there_has_to_be_something_to_replay(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1))
    with pytest.raises(Conflict):
        case.replay(n)
    case.settle()
    with pytest.raises(Conflict, match="nothing to replay"):
        case.replay(n)


def test_a_task_that_ended_long_ago_is_not_replayed(case: OutcomesCase) -> None:
    n = case.ingest(entry("a", n=1), entry("a", n="one"))
    case.settle()
    assert case.state(n) is TaskState.FAILED
    case.clock.time += case.settings.purge_after
    with pytest.raises(Conflict, match="within 12 hours"):
        case.replay(n)


def test_more_than_a_request_can_hold_is_to_be_uploaded_again(
    case: OutcomesCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = case.load(entry("a", n=1), entry("a", n="one"))
    case.settle()
    monkeypatch.setattr(limits, "MAX_EXPANDED_BODY_BYTES", 80)
    with pytest.raises(TooLarge, match="as an upload"):
        case.replay(n)
