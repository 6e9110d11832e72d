"""The workflow from process request to published entries, over in-memory ports."""

from dataclasses import replace

import pytest

from garner import limits
from garner.domain.harvest.control import Control, ResourceStatus
from garner.domain.harvest.requests import RequestState, RequestType
from garner.domain.harvest.source import Transform
from garner.domain.harvest.tables import IndexName
from garner.ports.harvest import Part
from garner.services.control_source import reset_source
from tests.fakes.crawl import records
from tests.harvest.rig import INDEX, SRC, HarvestRig

FAILED, SUCCESS = RequestState.FAILED, RequestState.SUCCESS


@pytest.fixture
def rig() -> HarvestRig:
    return HarvestRig()


@pytest.mark.compliance("C34", "C38", "C53")
def test_update_crawls_and_publishes(rig: HarvestRig) -> None:
    rig.offer(records(120))
    request = rig.do()
    assert (request.state, request.message) == (SUCCESS, "")
    assert rig.titles == {f"r{n}": f"Record {n}" for n in range(120)}
    assert {entry_id for _, entry_id in rig.index} == {SRC}
    assert request.counts["newCount"] == request.counts["numIndexed"] == 120
    assert rig.row.status is ResourceStatus.FINISHED
    assert rig.row.active_run == ""
    assert all(part.origin == request.request_id for part in rig.publisher.parts.values())


def test_a_held_source_stays_held_when_its_run_finishes(rig: HarvestRig) -> None:
    rig.offer(records(3))
    run_id = rig.start()
    rig.sources.change(SRC, lambda row: replace(row, control=Control.HOLD))
    assert rig.work(run_id).state is SUCCESS
    assert rig.row.status is ResourceStatus.HOLD
    assert len(rig.index) == 3


@pytest.mark.compliance("C50")
def test_an_unchanged_source_publishes_nothing(rig: HarvestRig) -> None:
    rig.offer(records(120))
    rig.do()
    tasks = list(rig.publisher.log)
    request = rig.do()
    counts = request.counts
    assert (counts["newCount"], counts["changeCount"], counts["sameCount"]) == (0, 0, 120)
    assert request.state is SUCCESS
    assert rig.publisher.log == tasks


@pytest.mark.compliance("C51", "C56")
def test_changed_records_alone_are_published_again(rig: HarvestRig) -> None:
    rows = records(120)
    rig.offer(rows)
    rig.do()
    slots = len(rig.publisher.slots)
    rows[7] = {"id": "r7", "title": "Other"}
    rig.offer(rows)
    request = rig.do()
    assert (request.counts["changeCount"], request.counts["sameCount"]) == (1, 119)
    assert len(rig.publisher.slots) == slots + 1
    assert rig.titles["r7"] == "Other"
    assert len(rig.index) == 120


@pytest.mark.compliance("C52")
def test_a_record_gone_upstream_stays(rig: HarvestRig) -> None:
    rig.offer(records(20))
    rig.do()
    rig.offer(records(19))
    request = rig.do()
    assert request.state is SUCCESS
    assert request.counts["notSeenCount"] == 1
    assert len(rig.index) == 20


def test_a_record_gone_upstream_is_removed_where_the_descriptor_says_so() -> None:
    rig = HarvestRig(removes=True)
    rig.offer(records(20))
    rig.do()
    rig.offer(records(19))
    request = rig.do()
    assert request.counts["removedCount"] == 1
    assert len(rig.index) == 19
    rig.offer(records(18))
    rig.do()
    assert len(rig.index) == 18


def test_nothing_is_removed_after_a_crawl_with_an_unreadable_record() -> None:
    rig = HarvestRig(removes=True)
    rig.offer(records(20))
    rig.do()
    rig.offer([*records(18), {"id": "r18", "broken": True}])
    request = rig.do(err_perc="50")
    assert request.state is SUCCESS
    assert len(rig.index) == 20


@pytest.mark.compliance("C39", "C40", "C42")
@pytest.mark.parametrize(("count", "passes"), [(120, True), (121, False), (90, True), (89, False)])
def test_accounting_borders(rig: HarvestRig, count: int, passes: bool) -> None:
    rig.offer(records(100))
    rig.do()
    slots = len(rig.publisher.slots)
    rig.offer(records(count, extra=1))
    request = rig.do()
    if passes:
        assert request.state is SUCCESS
        assert rig.row.reference == count
        return
    assert request.state is FAILED
    assert request.message == f"Accounting Error: {count} records, 100 at the last accepted crawl"
    assert len(rig.publisher.slots) == slots
    assert rig.row.reference == 100
    assert rig.row.status is ResourceStatus.ERROR
    assert "Accounting Error" in rig.alerts.sent[-1][1]
    assert rig.requests.rows(request.request_id)[-1].message == request.message


@pytest.mark.compliance("C41")
def test_skip_check_publishes_what_the_index_lacks_and_moves_the_reference(
    rig: HarvestRig,
) -> None:
    rig.offer(records(100))
    rig.do()
    rig.offer(records(500))
    assert rig.do().state is FAILED
    assert len(rig.index) == 100
    request = rig.do(skip_check=True)
    assert request.state is SUCCESS
    assert request.counts["sameCount"] == 500
    assert request.counts["numIndexed"] == 400
    assert len(rig.index) == 500
    assert rig.row.reference == 500


def test_a_refusal_does_not_stop_the_next_update(rig: HarvestRig) -> None:
    rig.offer(records(100))
    rig.do()
    rig.offer(records(50))
    assert rig.do().state is FAILED
    rig.offer(records(101))
    assert rig.do().state is SUCCESS
    assert len(rig.index) == 101


@pytest.mark.parametrize("skip_check", [False, True])
def test_an_empty_crawl_is_always_refused(rig: HarvestRig, skip_check: bool) -> None:
    rig.offer(records(100))
    rig.do()
    rig.offer([])
    request = rig.do(skip_check=skip_check)
    assert request.state is FAILED
    assert "found no record" in request.message
    assert len(rig.index) == 100


def test_an_empty_crawl_passes_where_the_descriptor_allows_it() -> None:
    rig = HarvestRig(allow_empty=True)
    rig.offer([])
    assert rig.do().state is SUCCESS


@pytest.mark.compliance("C35", "C44")
def test_leftover_errors_stop_this_publish_and_the_next_crawl(rig: HarvestRig) -> None:
    rig.offer([*records(50), {"id": "bad", "title": "x", "fail": 99}])
    request = rig.do()
    assert request.state is FAILED
    assert request.message.startswith("Errors in Ingestion: 1 of 51 records are in error")
    assert rig.index == {}
    assert rig.row.status is ResourceStatus.ERROR
    calls = rig.crawler.calls
    second = rig.do()
    assert second.state is FAILED
    assert second.message.startswith("Unable to Ingest")
    assert rig.crawler.calls == calls
    assert rig.alerts.sent[-1][0] == f"{SRC}: Unable to Ingest"


@pytest.mark.compliance("C36")
def test_force_crawls_in_spite_of_leftover_errors(rig: HarvestRig) -> None:
    rig.offer([*records(50), {"id": "bad", "title": "x", "fail": 99}])
    rig.do()
    rig.offer([*records(50), {"id": "bad", "title": "x"}])
    request = rig.do(force=True)
    assert request.state is SUCCESS
    assert len(rig.index) == 51
    assert rig.row.errors_left == 0


@pytest.mark.compliance("C43")
@pytest.mark.parametrize(("fails", "tries", "state"), [(2, 3, SUCCESS), (3, 4, SUCCESS)])
def test_run_cycles_end_as_soon_as_no_error_is_left(
    rig: HarvestRig, fails: int, tries: int, state: RequestState
) -> None:
    rig.offer([*records(50), {"id": "bad", "title": "x", "fail": fails}])
    request = rig.do()
    assert request.state is state
    assert rig.transformers.tried["bad"] == tries
    assert rig.transformers.tried["r1"] == 1


@pytest.mark.compliance("C43")
def test_run_cycles_are_three_at_most(rig: HarvestRig) -> None:
    rig.offer([*records(5), {"id": "bad", "title": "x", "fail": 4}])
    request = rig.do()
    assert request.state is FAILED
    assert rig.transformers.tried["bad"] == 4
    cycles = [row for row in rig.requests.rows(request.request_id) if row.type == "run"]
    assert len(cycles) == 3


@pytest.mark.compliance("C45")
@pytest.mark.parametrize(("errors", "passes"), [(19, True), (20, False)])
def test_error_percentage_is_strictly_below(rig: HarvestRig, errors: int, passes: bool) -> None:
    bad = [{"id": f"bad{n}", "title": "x", "fail": 99} for n in range(errors)]
    rig.offer([*records(1000 - errors), *bad], size=500)
    request = rig.do(err_perc="2")
    assert (request.state is SUCCESS) is passes
    assert len(rig.index) == (1000 - errors if passes else 0)
    assert len(rig.alerts.sent) == 1
    if passes:
        assert "19 records in error" in request.message


@pytest.mark.compliance("C46", "C47")
@pytest.mark.parametrize(("duplicates", "passes"), [(10, True), (11, False)])
def test_duplicate_percentage_border(rig: HarvestRig, duplicates: int, passes: bool) -> None:
    rows = records(1000 - duplicates)
    rig.offer([*rows, *rows[:duplicates]], size=500)
    request = rig.do(dup_perc="1")
    if passes:
        assert request.state is SUCCESS
        assert rig.row.status is ResourceStatus.FINISHED
        assert "10 duplicates" in request.message
        assert len(rig.index) == 990
    else:
        assert request.state is FAILED
        assert rig.row.status is ResourceStatus.STUCK
        assert rig.index == {}


@pytest.mark.compliance("C48")
def test_an_error_is_not_cleared_by_the_duplicate_rule(rig: HarvestRig) -> None:
    rows = records(990)
    rig.offer([*rows, *rows[:9], {"id": "bad", "title": "x", "fail": 99}], size=500)
    request = rig.do(dup_perc="1")
    assert request.state is FAILED
    assert rig.row.status is ResourceStatus.ERROR
    assert rig.index == {}


def test_the_last_record_of_a_key_wins(rig: HarvestRig) -> None:
    rig.offer([*records(3), {"id": "r0", "title": "Later"}])
    rig.do(dup_perc="50")
    assert rig.titles["r0"] == "Later"


@pytest.mark.compliance("C54")
@pytest.mark.parametrize("name", ["unknown", "foreign"])
def test_a_name_that_leads_nowhere_fails_before_the_crawl(rig: HarvestRig, name: str) -> None:
    rig.names.put(IndexName("foreign", INDEX, ("OTHER",)))
    rig.offer(records(3))
    request = rig.do(index_name=name)
    assert request.state is FAILED
    assert request.message.startswith("Index name Error")
    assert rig.crawler.calls == 0
    assert rig.alerts.sent[-1][0] == f"{SRC}: Index name Error"


@pytest.mark.compliance("C31", "C32")
def test_json_path_decides_the_subject_and_a_document_without_it_fails_alone(
    rig: HarvestRig,
) -> None:
    rig.offer(
        [*({**each, "doi": f"doi:{each['id']}"} for each in records(5)), {"id": "x", "title": "t"}]
    )
    request = rig.do(json_path="$.doi")
    assert sorted(subject for subject, _ in rig.index) == [f"doi:r{n}" for n in range(5)]
    assert request.state is FAILED
    assert request.message == "Errors in Indexing: 1 documents could not be indexed"


@pytest.mark.compliance("C33")
def test_the_default_subject_is_stable(rig: HarvestRig) -> None:
    rig.offer(records(5))
    rig.do()
    subjects = set(rig.index)
    other = HarvestRig()
    other.offer(records(5)[::-1])
    other.do()
    assert set(other.index) == subjects


def test_another_rule_than_the_published_one_is_refused(rig: HarvestRig) -> None:
    rig.offer(records(5))
    rig.do()
    request = rig.do(json_path="$.title")
    assert request.state is FAILED
    assert "differs from the rule" in request.message


def test_a_record_with_a_new_subject_is_published_before_the_old_entry_goes() -> None:
    rig = HarvestRig(document_id_path="$.doi")
    rows = [{**each, "doi": f"doi:{each['id']}"} for each in records(5)]
    rig.offer(rows)
    rig.do()
    slots = len(rig.publisher.slots)
    rows[2]["doi"] = "doi:new"
    rig.offer(rows)
    assert rig.do().state is SUCCESS
    assert [slot[0] for slot in rig.publisher.slots[slots:]] == ["doi:new", "doi:r2"]
    assert "doi:r2" not in {subject for subject, _ in rig.index}
    assert len(rig.index) == 5


def test_the_old_entry_stays_if_the_new_subject_is_refused() -> None:
    rig = HarvestRig(document_id_path="$.doi")
    rows = [{**each, "doi": f"doi:{each['id']}"} for each in records(5)]
    rig.offer(rows)
    rig.do()
    rows[2]["doi"] = "doi:new"
    rig.offer(rows)
    rig.publisher.rejects = {"doi:new"}
    assert rig.do().state is FAILED
    assert "doi:r2" in {subject for subject, _ in rig.index}
    rig.publisher.rejects = set()
    assert rig.do().state is SUCCESS
    assert {subject for subject, _ in rig.index} == {row["doi"] for row in rows}


def test_two_records_with_one_subject_are_one_entry_of_the_last() -> None:
    rig = HarvestRig(document_id_path="$.doi")
    rig.offer([{"id": "a", "title": "A", "doi": "d"}, {"id": "b", "title": "B", "doi": "d"}])
    request = rig.do()
    assert request.counts["duplicateSubjectCount"] == 1
    assert [entry["title"] for entry in rig.index.values()] == ["B"]


@pytest.mark.compliance("C30")
def test_crawl_offset_takes_what_changed_in_the_last_days(rig: HarvestRig) -> None:
    rows = records(10)
    rig.offer(rows)
    rig.do(RequestType.INGEST)
    rig.clock.time += 4 * 86_400
    rows[3]["title"] = "Changed"
    rig.offer(rows)
    rig.do(RequestType.INGEST)
    rig.clock.time += 2 * 86_400
    request = rig.do(RequestType.INDEX, crawl_offset=3)
    assert request.state is SUCCESS
    assert rig.titles == {"r3": "Changed"}
    rig.do(RequestType.INDEX, crawl_offset=7)
    assert len(rig.index) == 10


@pytest.mark.compliance("C57")
def test_a_rejected_entry_is_an_indexing_error_and_tried_again(rig: HarvestRig) -> None:
    rig = HarvestRig(document_id_path="$.id")
    rig.offer(records(10))
    rig.publisher.rejects = {"r4"}
    request = rig.do()
    assert request.state is FAILED
    assert request.message == "Errors in Indexing: 1 documents could not be indexed"
    assert (request.counts["numIndexed"], request.counts["rejectedCount"]) == (9, 1)
    assert rig.row.status is ResourceStatus.ERROR
    slots = len(rig.publisher.slots)
    rig.publisher.rejects = set()
    assert rig.do().state is SUCCESS
    assert [slot[0] for slot in rig.publisher.slots[slots:]] == ["r4"]


@pytest.mark.compliance("C58")
def test_reprocess_publishes_everything_again_without_a_crawl(rig: HarvestRig) -> None:
    rig.offer(records(30))
    rig.do()
    calls, slots = rig.crawler.calls, len(rig.publisher.slots)
    rig.describe_again(name="other transform")
    rig.transformers.change = lambda value: {**value, "title": value["title"].upper()}
    request = rig.do(RequestType.REPROCESS)
    assert request.state is SUCCESS
    assert rig.crawler.calls == calls
    assert len(rig.publisher.slots) == slots + 30
    assert rig.titles["r1"] == "RECORD 1"


@pytest.mark.compliance("C58")
def test_reprocess_publishes_what_the_index_already_has(rig: HarvestRig) -> None:
    rig.offer(records(30))
    rig.do()
    rig.clock.time += 40 * 86_400
    slots = len(rig.publisher.slots)
    request = rig.do(RequestType.REPROCESS)
    assert request.counts["numIndexed"] == 30
    assert len(rig.publisher.slots) == slots + 30


def test_a_changed_transform_makes_every_record_changed(rig: HarvestRig) -> None:
    rig.offer(records(30))
    rig.do()
    rig.describe = lambda descriptor: replace(  # type: ignore[method-assign]
        HarvestRig.describe(rig, descriptor), transform=Transform("jsonata", "new")
    )
    rig.transformers.change = lambda value: {**value, "title": value["title"].upper()}
    request = rig.do()
    assert request.counts["changeCount"] == 30
    assert rig.titles["r1"] == "RECORD 1"


def test_run_heals_errors_from_the_stored_records(rig: HarvestRig) -> None:
    rig.offer([*records(20), {"id": "bad", "title": "x", "fail": 5}])
    assert rig.do(RequestType.INGEST).state is FAILED
    calls = rig.crawler.calls
    request = rig.do(RequestType.RUN)
    assert request.state is SUCCESS
    assert rig.crawler.calls == calls
    assert rig.row.errors_left == 0
    assert rig.index == {}
    assert rig.do(RequestType.INDEX).state is SUCCESS
    assert len(rig.index) == 21


def test_workflows_without_a_crawl_need_one_first(rig: HarvestRig) -> None:
    for kind in (RequestType.INDEX, RequestType.RUN, RequestType.REPROCESS):
        request = rig.do(kind)
        assert (request.state, request.message.partition(":")[0]) == (FAILED, "Unable to Ingest")


def test_ingest_then_index_with_a_path_of_its_own(rig: HarvestRig) -> None:
    rig.offer(records(20))
    rig.do(RequestType.INGEST)
    assert rig.index == {}
    assert rig.do(RequestType.INDEX, json_path="$.id").state is SUCCESS
    assert {subject for subject, _ in rig.index} == {f"r{n}" for n in range(20)}
    request = rig.do(RequestType.INGEST)
    assert request.counts["sameCount"] == 20


def test_a_failing_source_ends_with_its_reason_and_leaves_the_index(rig: HarvestRig) -> None:
    rig.offer(records(20))
    rig.do()
    rig.upstream.fails = "The server answered 500 five times."
    request = rig.do()
    assert request.message == "Errors in Ingestion: The server answered 500 five times."
    assert len(rig.index) == 20
    rig.upstream.fails = ""
    assert rig.do().state is SUCCESS


def test_deleted_and_filtered_records_are_counted_apart(rig: HarvestRig) -> None:
    rig.offer([*records(5), {"id": "d", "deleted": True}, {"id": "h", "hidden": True}])
    counts = rig.do().counts
    assert (counts["deletedCount"], counts["filteredCount"], counts["errorCount"]) == (1, 1, 0)
    assert len(rig.index) == 5


@pytest.mark.compliance("C75")
def test_an_empty_key_is_an_error(rig: HarvestRig) -> None:
    rig.offer([*records(5), {"id": "", "title": "x"}])
    request = rig.do()
    assert request.state is FAILED
    assert request.counts["errorCount"] == 1


@pytest.mark.compliance("C79")
def test_a_quality_failure_stays_with_its_document(rig: HarvestRig) -> None:
    rig.offer([*records(99), {"id": "q", "title": "x", "qc": 1}], size=200)
    assert rig.do(err_perc="2").state is SUCCESS
    assert len(rig.index) == 99


@pytest.mark.compliance("C76")
def test_a_sample_changes_nothing() -> None:
    rig = HarvestRig(sample_size=3)
    rig.offer(records(10))
    request = rig.do()
    assert request.state is SUCCESS
    assert request.counts["newCount"] == 3
    assert rig.index == {}
    assert (rig.row.base, rig.row.reference) == ("", 0)


def test_failed_details_are_fetched_again_in_a_run_cycle(rig: HarvestRig) -> None:
    rig.offer([*records(5), {"id": "d", "title": "x", "detail": 1}])
    rig.upstream.details_fail = 2
    request = rig.do()
    assert request.state is SUCCESS
    assert len(rig.index) == 6
    assert request.counts["newCount"] == 6
    run = rig.runs.get(request.request_id)
    assert run is not None
    assert (run.cycle, run.generation) == (2, 2)


def test_a_type_conflict_refuses_the_publish_and_names_the_field(rig: HarvestRig) -> None:
    rig.offer([*records(5), {"id": "c", "title": 7, "size": {"a": 1}}, {"id": "e", "size": "x"}])
    request = rig.do()
    assert request.state is FAILED
    assert request.message.startswith("Errors in Indexing: Field size")
    assert rig.publisher.log == []


def test_the_field_quota_refuses_the_publish() -> None:
    rig = HarvestRig(field_quota=3)
    rig.offer([{"id": "a", "one": 1, "two": 2, "three": 3}])
    request = rig.do()
    assert "quota is 3" in request.message
    assert rig.publisher.log == []


def test_a_full_log_makes_the_run_come_back(rig: HarvestRig) -> None:
    rig.offer(records(20))
    rig.publisher.busy = 3
    assert rig.do().state is SUCCESS
    assert len(rig.index) == 20
    assert len(rig.publisher.log) == 1


def test_reset_in_mid_run_stops_its_worker(rig: HarvestRig) -> None:
    rig.offer(records(20))
    run_id = rig.start()
    rig.publisher.busy = 1_000
    with pytest.raises(AssertionError, match="not over"):
        rig.work(run_id, slices=6)
    rig.publisher.busy = 0
    reset_source(
        SRC,
        sources=rig.sources,
        system=rig.system,
        requests=rig.requests,
        runs=rig.runs,
        clock=rig.clock,
    )
    assert rig.request(run_id).state is FAILED
    assert rig.do().state is SUCCESS
    assert len(rig.index) == 20


def test_a_reset_source_settles_what_its_lost_run_had_submitted(rig: HarvestRig) -> None:
    rig.offer(records(20))
    rig.publisher.hold = True
    run_id = rig.start()
    with pytest.raises(AssertionError, match="not over"):
        rig.work(run_id, slices=8)
    reset_source(
        SRC,
        sources=rig.sources,
        system=rig.system,
        requests=rig.requests,
        runs=rig.runs,
        clock=rig.clock,
    )
    rig.publisher.hold = False
    assert rig.targets.get(SRC, INDEX).pending == run_id
    slots = len(rig.publisher.slots)
    assert rig.do().state is SUCCESS
    assert rig.targets.get(SRC, INDEX).pending == ""
    assert len(rig.publisher.slots) == slots, "what the lost run's task did need not be done again"


def test_two_sources_of_one_index_do_not_touch_each_other(rig: HarvestRig) -> None:
    rig.offer(records(5))
    rig.do()
    assert {entry_id for _, entry_id in rig.index} == {SRC}
    assert rig.targets.list(SRC)[0].index_id == INDEX


def test_the_run_waits_until_every_part_has_a_verdict(rig: HarvestRig) -> None:
    rig.offer(records(20))
    rig.publisher.hold = True
    run_id = rig.start()
    with pytest.raises(AssertionError, match="not over"):
        rig.work(run_id, slices=10)
    assert rig.row.status is ResourceStatus.RUNNING
    rig.publisher.hold = False
    assert rig.work(run_id).state is SUCCESS


def test_nothing_is_submitted_after_a_reset(
    rig: HarvestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PART_ENTRIES", 5)
    submit = rig.publisher.submit

    def reset_after_the_second(part: Part) -> str:
        task = submit(part)
        if len(rig.publisher.log) == 2:
            reset_source(
                SRC,
                sources=rig.sources,
                system=rig.system,
                requests=rig.requests,
                runs=rig.runs,
                clock=rig.clock,
            )
        return task

    monkeypatch.setattr(rig.publisher, "submit", reset_after_the_second)
    rig.offer(records(20))
    assert rig.do().message == "Reset"
    assert len(rig.publisher.log) == 2
    monkeypatch.setattr(rig.publisher, "submit", submit)
    assert rig.do().state is SUCCESS
    assert len(rig.index) == 20


def test_an_index_name_moved_in_mid_run_refuses_the_publish(rig: HarvestRig) -> None:
    rig.offer(records(5))
    run_id = rig.start()
    with pytest.raises(AssertionError, match="not over"):
        rig.work(run_id, slices=2)
    rig.names.move(IndexName("idx", "other", (SRC,)), expected=INDEX)
    request = rig.work(run_id)
    assert request.message == "Index name Error: idx was moved to another index meanwhile"
    assert rig.publisher.log == []


def test_a_descriptor_changed_in_mid_run_counts_from_the_next_run(rig: HarvestRig) -> None:
    rig.offer(records(5))
    run_id = rig.start()
    rig.describe_again(visible_to=["all_authenticated_users"])
    rig.work(run_id)
    assert {part.visible_to for part in rig.publisher.parts.values()} == {("public",)}
    rig.do()
    assert list(rig.publisher.parts.values())[-1].visible_to == ("all_authenticated_users",)


def test_a_source_that_grows_and_shrinks_keeps_its_base_and_ledger(
    rig: HarvestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across the border at which partitions are worked on one by one instead of together."""
    monkeypatch.setattr(limits, "SMALL_HARVEST_RECORDS", 50)
    rows = records(40)
    for size in (40, 48, 55, 60, 55, 49, 40):
        rows = [*rows, *records(60)[len(rows) :]][:size]
        rig.offer(rows)
        request = rig.do(skip_check=True)
        assert request.state is SUCCESS, request.message
        counts = request.counts
        assert counts["total"] == size
        assert counts["newCount"] == counts["ingested"]
    assert len(rig.index) == 60
    rig.offer([{**row, "title": "Other"} for row in rows])
    assert rig.do().counts["numIndexed"] == 40
    assert sum(title == "Other" for title in rig.titles.values()) == 40
