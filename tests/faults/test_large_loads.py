"""Uploads: checked whole, applied part by part, resumed at borders (ingest protocol 7)."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from garner import limits
from garner.domain import operations
from garner.domain.tasks import NewTask, Outcome, TaskKind, TaskState, Verdict
from garner.errors import JsonObject
from garner.services.drain.lines import BadLoad, numbered_lines
from garner.services.tasks import task_document
from tests.fakes.ingest import INDEX, Killed
from tests.faults.case import Case, entry

REFUSED = "the engine never takes this"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of ten entries."""
    monkeypatch.setattr(limits, "PACK_OPERATIONS", 10)


class LoadCase(Case):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.engine.refuses = lambda document: REFUSED in orjson.dumps(document).decode()

    def put_file(self, data: bytes) -> JsonObject:
        """What a client uploads; each time it is a new version of the same object."""
        self.payloads.upload("uploads/one", data)
        file = self.payloads.pin("uploads/one")
        assert file
        return file.to_json()

    def load(self, data: bytes | list[JsonObject], *, skip: bool = False, **header: Any) -> int:
        lines = data if isinstance(data, bytes) else ndjson(data)
        payload = operations.encode([], {"upload": self.put_file(lines), **header})
        task = NewTask(kind=TaskKind.UPLOAD, payload=payload, operations=0, skip_errors=skip)
        return self.submit(task)

    def verdict(self, n: int) -> Verdict:
        verdict = self.task(n).verdict
        assert verdict
        return verdict

    def cancel_at(self, point: str, n: int, skip: int = 0) -> None:
        def cancel() -> None:
            self.log.cancel(INDEX, n, Verdict(state=TaskState.CANCELLED), self.clock.seconds())

        self.faults.once(point, cancel, when="after", skip=skip)

    def content(self, subject: str) -> JsonObject:
        return self.engine.visible()[subject][None]


@pytest.fixture
def case() -> LoadCase:
    return LoadCase()


def ndjson(lines: list[JsonObject]) -> bytes:
    return b"\n".join(map(orjson.dumps, lines)) + b"\n"


def rocks(count: int, **content: Any) -> list[JsonObject]:
    return [entry(f"s{number:03d}", n=number, **content) for number in range(count)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_applied_in_parts_and_told_in_the_task(case: LoadCase, packed: bool) -> None:
    data = ndjson(rocks(35))
    n = case.load(gzip.compress(data) if packed else data)
    case.settle()

    assert case.state(n) is TaskState.SUCCESS
    assert len(case.engine.visible()) == 35
    details = task_document(INDEX, case.task(n), case.task_ids)["additional_details"]
    assert details["counts"] == {"applied": 35, "superseded": 0, "rejected": 0}
    assert details["progress"] == {
        "bytes": len(data),
        "entries": 35,
        "applied_entries": 35,
        "queue_position": 0,
    }


def test_blank_lines_and_a_missing_last_line_end_are_fine(case: LoadCase) -> None:
    case.load(b"\n \r\n" + ndjson(rocks(3)).replace(b"\n", b"\r\n").rstrip())
    case.settle()
    assert len(case.engine.visible()) == 3


def test_a_file_and_tasks_around_it_keep_their_order(case: LoadCase) -> None:
    case.ingest(entry("s000", n=-1), entry("s001", n=-1))
    case.load(rocks(12))
    case.ingest(entry("s001", n=-2))
    case.settle()
    assert [case.content(subject)["n"] for subject in ("s000", "s001", "s002")] == [0, -2, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "Line 13: It is not JSON"),
        (b"[1]", "Line 13: It is not a JSON object"),
        (b'{"subject":"x","content":{}}', "Line 13: visible_to: Missing data for required field."),
        (b'{"subject":"x","visible_to":["no"],"content":{}}', "Line 13: visible_to.0: Not a"),
        (b'{"subject":"x","visible_to":[],"content":{"a":1,"a":2}}', "Line 13: The key"),
    ],
)
def test_a_bad_line_fails_the_load_with_its_number(
    case: LoadCase, line: bytes, reason: str
) -> None:
    n = case.load(ndjson(rocks(12)) + line + b"\n" + ndjson(rocks(5)), skip=True)
    case.settle()

    assert (case.state(n), case.error(n)) == (TaskState.FAILED, "VALIDATION")
    verdict = case.verdict(n)
    assert verdict.message
    assert verdict.message.startswith(reason)
    assert [each.position for each in verdict.outcomes] == [12]
    assert case.engine.visible() == {}


def test_a_bad_line_is_told_once_though_its_worker_dies(case: LoadCase) -> None:
    n = case.load(ndjson(rocks(12)) + b"nonsense\n")
    case.faults.kill("log.finish")
    case.drain_and_die()
    case.settle()
    verdict = case.verdict(n)
    told = [line for page in verdict.pages for line in case.payloads.page(page).split(b"\n")]
    assert len(told) == 1
    assert verdict.counts.rejected == 13


def test_a_type_conflict_anywhere_applies_nothing_and_binds_nothing(case: LoadCase) -> None:
    n = case.load([*rocks(25), entry("odd", n="not a number")])
    case.settle()

    assert case.error(n) == "VALIDATION"
    (outcome,) = case.verdict(n).outcomes
    assert (outcome.position, outcome.field, outcome.expected) == (25, "n", "integer")
    assert case.verdict(n).counts.rejected == 26
    assert case.engine.visible() == {}
    assert case.log.indexes[INDEX].schema.fields == {}


def test_skipping_errors_applies_the_rest(case: LoadCase) -> None:
    lines = rocks(25)
    lines[3] = entry("odd", n="not a number")
    lines[22] = entry("odder", n=[1, "two"])
    n = case.load(lines, skip=True)
    case.settle()

    verdict = case.verdict(n)
    assert (case.error(n), verdict.partial) == ("SKIPPED", True)
    assert (verdict.counts.applied, verdict.counts.rejected) == (23, 2)
    assert [each.position for each in verdict.outcomes] == [3, 22]
    assert len(case.engine.visible()) == 23


def test_declared_types_come_before_the_first_value(case: LoadCase) -> None:
    case.load([entry("a", version=1, site="1, 2")], declared={"site": "geo_point"})
    case.settle()
    fields = case.log.indexes[INDEX].schema.fields
    assert {path: kind.value for path, kind in fields.items()} == {
        "site": "geo_point",
        "version": "integer",
    }


def test_a_subject_with_too_many_entries_fails_the_load_before_anything_is_sent(
    case: LoadCase,
) -> None:
    case.ingest(entry("crowd", "old", n=1))
    case.settle()
    n = case.load([*rocks(15), *[entry("crowd", f"e{number}", n=number) for number in range(10)]])
    case.settle()

    assert case.error(n) == "LIMIT"
    assert [each.position for each in case.verdict(n).outcomes] == [24]
    assert case.engine.visible().keys() == {"crowd"}


def test_with_skipped_errors_a_subject_takes_what_it_has_room_for(case: LoadCase) -> None:
    lines = [entry("crowd", f"e{number}", n=number) for number in range(25)]
    n = case.load([*lines, entry("crowd", "e0", n=100)], skip=True)
    case.settle()

    assert case.error(n) == "SKIPPED"
    assert case.verdict(n).counts.rejected == 15
    crowd = case.engine.visible()["crowd"]
    assert len(crowd) == 10
    assert crowd["e0"] == {"n": 100}


def test_a_field_that_the_engine_refuses_fails_the_load_and_is_unbound(case: LoadCase) -> None:
    case.engine.refuses_field = lambda path: path == "cursed"
    n = case.load(rocks(12, cursed=1))
    case.settle()
    assert case.error(n) == "MAPPING"
    assert case.verdict(n).counts.rejected == 12
    assert case.log.indexes[INDEX].schema.fields == {}


DEATHS = [
    ("payloads.stream", "before"),
    *[
        (point, when)
        for when in ("before", "after")
        for point in (
            "payloads.put_page",
            "log.save_progress",
            "log.save_schema",
            "engine.put_fields",
            "log.raise_sent",
            "engine.bulk",
            "engine.refresh",
            "log.finish",
        )
    ],
]


@pytest.mark.parametrize(
    ("point", "when", "several"),
    [
        *[(*death, several) for death in DEATHS for several in (False, True)],
        ("engine.read", "before", True),  # subjects of one entry are not read
    ],
)
def test_a_worker_that_dies_anywhere_is_followed_by_one_that_goes_on(
    case: LoadCase, point: str, when: str, several: bool
) -> None:
    lines = [entry(f"s{k % 17}", f"e{k % 3}" if several else None, n=k) for k in range(35)]
    n = case.load(lines)
    case.faults.kill(point, when=when)
    case.drain_and_die()
    case.clock.time += 2 * case.settings.lifetime
    case.settle()
    assert case.state(n) is TaskState.SUCCESS


@pytest.mark.parametrize("skip", [False, True])
def test_a_check_that_is_interrupted_goes_on_behind_the_parts_it_has_saved(
    case: LoadCase, skip: bool
) -> None:
    lines = rocks(45)
    lines[3] = entry("odd", n="not a number")
    lines[42] = entry("odder", n="not a number")
    n = case.load(lines, skip=skip)

    def later(when: str) -> None:
        case.clock.time += 10 if when == "before" else 0
        if case.faults.calls["log.save_progress"] == 3:
            case.faults.rules.clear()
            raise Killed

    case.faults.rules["payloads.put_page"] = later
    case.faults.rules["log.save_progress"] = later
    case.drain_and_die()
    saved = case.task(n).progress
    assert saved
    assert list(saved["parts"]) == [10, 10]
    case.settle()

    assert case.error(n) == ("SKIPPED" if skip else "VALIDATION")
    assert [each.position for each in case.verdict(n).outcomes] == [3, 42]
    assert len(case.engine.visible()) == (43 if skip else 0)
    progress = case.task(n).progress
    assert progress
    assert sum(progress["parts"]) == 45


def test_parts_that_are_done_are_not_sent_again(case: LoadCase) -> None:
    case.load(rocks(35))
    case.faults.kill("engine.bulk", skip=2)
    case.drain_and_die()
    done = len(case.engine.bulks)
    case.settle()
    sent = [write for bulk in case.engine.bulks[done:] for write in bulk]
    assert done == 2
    assert len(sent) == 15


def test_a_load_that_is_cancelled_stops_at_a_border_and_tells_what_is_in_the_index(
    case: LoadCase,
) -> None:
    n = case.load(rocks(35))
    case.cancel_at("engine.bulk", n, skip=1)
    case.settle()

    verdict = case.verdict(n)
    assert case.state(n) is TaskState.CANCELLED
    assert (verdict.counts.applied, verdict.counts.rejected) == (20, 15)
    assert verdict.partial
    assert len(case.engine.visible()) == 20


def test_a_load_that_is_cancelled_while_it_is_read_leaves_nothing(case: LoadCase) -> None:
    n = case.load(rocks(35))
    case.cancel_at("payloads.put_page", n)
    case.settle()
    assert case.state(n) is TaskState.CANCELLED
    assert case.engine.visible() == {}


def test_a_load_that_kills_its_worker_each_time_ends_with_what_was_applied(
    case: LoadCase,
) -> None:
    n = case.load(rocks(35))

    def die(when: str) -> None:
        if when == "before" and case.faults.calls["engine.bulk"] > 1:
            raise Killed

    case.faults.rules["engine.bulk"] = die
    for _ in range(case.settings.max_attempts):
        case.drain_and_die()
    case.settle()

    assert case.error(n) == "WORKER_CRASH"
    assert case.applied(n) == 10
    assert len(case.engine.visible()) == 10


def test_f31_the_version_that_was_there_at_submission_is_the_one_that_counts(
    case: LoadCase,
) -> None:
    n = case.load([entry("first", n=1)])
    case.put_file(ndjson([entry("second", n=1)]))
    case.settle()
    assert case.state(n) is TaskState.SUCCESS
    assert case.engine.visible().keys() == {"first"}


def bomb(kind: bytes, megabytes: int) -> Iterator[bytes]:
    """Gzip of a thousand bytes, repeated."""
    pack = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for _ in range(megabytes):
        if piece := pack.compress(kind * 1_000):
            yield piece
    yield pack.flush()


@pytest.mark.parametrize("kind", [b" " * 999 + b"\n", b"0" * 1_000])
def test_f32_a_gzip_bomb_is_refused_long_before_it_has_expanded(
    case: LoadCase, kind: bytes
) -> None:
    n = case.load(b"".join(bomb(kind, 100)))
    case.settle()
    assert case.error(n) == "PAYLOAD_TOO_LARGE"
    message = case.verdict(n).message
    assert message
    assert message.startswith("Line ")


def test_a_file_of_more_than_five_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPLOAD_MAX_EXPANDED_BYTES", 1_000)
    with pytest.raises(BadLoad, match="more than 1,000 bytes"):
        list(numbered_lines([b"x\n" * 300] * 2))


def test_more_entries_than_versions_are_refused(
    case: LoadCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_OPERATIONS_PER_TASK", 20)
    n = case.load(rocks(21))
    case.settle()
    assert case.error(n) == "PAYLOAD_TOO_LARGE"
    assert case.engine.visible() == {}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(lambda data: data[:-9], "ends too early"), (lambda data: data[:60] + b"x", "")],
)
def test_a_damaged_gzip_file_fails_with_the_line_where_it_ends(
    case: LoadCase, damage: Any, reason: str
) -> None:
    n = case.load(damage(gzip.compress(ndjson(rocks(100)))))
    case.settle()
    assert case.error(n) == "VALIDATION"
    assert reason in (case.verdict(n).message or "")
    assert case.engine.visible() == {}


def test_several_gzip_members_are_one_file() -> None:
    data = gzip.compress(b"a\nb") + gzip.compress(b"c\n\nd")
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    assert list(numbered_lines(pieces)) == [(1, b"a"), (2, b"bc"), (4, b"d")]


@pytest.mark.parametrize("several", [False, True])
def test_f43_a_resumed_load_still_names_what_was_refused_before(
    case: LoadCase, several: bool
) -> None:
    lines = [entry(f"s{k}", "e" if several else None, n=k) for k in range(35)]
    lines[4] = entry("s4", "e" if several else None, n=4, note=REFUSED)
    n = case.load(lines)
    case.faults.kill("engine.bulk", skip=2)
    case.drain_and_die()
    case.clock.time += 2 * case.settings.lifetime
    case.settle()

    verdict = case.verdict(n)
    assert (case.error(n), verdict.partial) == ("ITEM_FAILURES", True)
    assert [(each.position, each.code) for each in verdict.outcomes] == [(4, "ENGINE_REFUSED")]
    assert verdict.counts.applied == 34


def test_f43_a_cancelled_load_names_what_was_refused_though_its_subject_was_written_since(
    case: LoadCase,
) -> None:
    lines = rocks(35)
    lines[4] = entry("s012", n=4, note=REFUSED)
    n = case.load(lines)
    case.cancel_at("engine.bulk", n, skip=1)
    case.settle()

    assert case.state(n) is TaskState.CANCELLED
    refused = [each for each in case.verdict(n).outcomes if each.outcome is Outcome.REJECTED]
    assert [each.position for each in refused] == [4, *range(20, 35)]
    assert case.content("s012") == {"n": 12}


def test_a_missing_file_fails_the_load(case: LoadCase) -> None:
    n = case.load(rocks(3))
    case.payloads.uploads.clear()
    case.drain()
    assert case.error(n) == "PAYLOAD_DAMAGED"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_longer_than_an_entry_may_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRY_BYTES", 100)
    with pytest.raises(BadLoad) as refused:
        list(numbered_lines([b"x" * 50 + b"\n", b"y" * 70, b"y" * 70 + end]))
    assert refused.value.reason == "Line 2: It has more than 100 bytes"
