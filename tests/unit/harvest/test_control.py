"""Control and outcome of a source, rules of the subject, and the order of phases."""

from dataclasses import replace

import pytest

from garner.domain.fields import FieldType, Schema
from garner.domain.harvest.control import (
    Control,
    IngestHeld,
    Refused,
    RegisteredSource,
    ResourceStatus,
    check_start,
    cleared,
    freed,
    held,
)
from garner.domain.harvest.field_types import ChangeSet
from garner.domain.harvest.requests import RequestType
from garner.domain.harvest.run import PHASES, Phase, next_phase
from garner.domain.harvest.subjects import effective_rule, rule_conflict

SOURCE = RegisteredSource(source_id="S", descriptor={}, created_at=1.0, changed_at=1.0)
WORKFLOWS = [kind for kind in RequestType if kind in PHASES]


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_a_free_source_starts_everything(kind: RequestType) -> None:
    check_start(SOURCE, kind)


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_hold_comes_before_busy(kind: RequestType) -> None:
    busy = replace(SOURCE, active_run="r")
    with pytest.raises(Refused, match="already ingesting"):
        check_start(busy, kind)
    expected = IngestHeld if kind is RequestType.INGEST else Refused
    with pytest.raises(expected):
        check_start(held(busy), kind)


def test_a_control_hides_the_outcome_and_does_not_change_it() -> None:
    failed = replace(SOURCE, outcome=ResourceStatus.ERROR)
    assert held(failed).status is ResourceStatus.HOLD
    assert held(failed).outcome is ResourceStatus.ERROR
    assert cleared(held(failed)).status is ResourceStatus.CLEAR
    assert cleared(failed) == failed
    assert cleared(replace(failed, control=Control.INACTIVE)).control is Control.FREE


def test_reset_disowns_the_run_and_raises_the_epoch() -> None:
    busy = freed(replace(SOURCE, active_run="r"))
    assert (busy.active_run, busy.epoch, busy.status) == ("", 1, ResourceStatus.NEVER_RAN)
    kept = freed(replace(SOURCE, outcome=ResourceStatus.ERROR))
    assert (kept.outcome, kept.epoch) == (ResourceStatus.ERROR, 1)


@pytest.mark.parametrize(
    ("asked", "published", "descriptor", "rule"),
    [
        ("$.a", "$.b", "$.c", "$.a"),
        ("", "$.b", "$.c", "$.b"),
        ("", "", "$.c", ""),
        ("", None, "$.c", "$.c"),
        ("", None, "", ""),
    ],
)
def test_which_rule_names_the_subject(
    asked: str, published: str | None, descriptor: str, rule: str
) -> None:
    assert effective_rule(asked=asked, published=published, descriptor=descriptor) == rule


def test_a_published_rule_can_not_change() -> None:
    assert rule_conflict("$.a", None) is None
    assert rule_conflict("$.a", "$.a") is None
    assert "(default id)" in (rule_conflict("$.a", "") or "")


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_every_workflow_begins_and_ends(kind: RequestType) -> None:
    phase, steps = Phase.BEGIN, 0
    while phase is not Phase.DONE:
        phase, steps = next_phase(kind, phase), steps + 1
    assert steps == len(PHASES[kind]) - 1
    assert (Phase.FETCH in PHASES[kind]) is kind.crawls
    assert (Phase.PUBLISH in PHASES[kind]) is kind.publishes


def change_set(quota: int = 10, brought: dict[str, str] | None = None) -> ChangeSet:
    schema = Schema(fields={"size": FieldType.INTEGER})
    return ChangeSet(schema, brought or {}, added_before=2, quota=quota)


def test_a_change_set_is_held_against_the_index_and_against_itself() -> None:
    assert change_set().problem({"size": 3, "name": "x"}) == ""
    assert change_set().problem({"size": "large"}).startswith("Field size:")
    documents = change_set()
    assert documents.problem({"name": "x"}) == ""
    assert documents.problem({"name": {"first": "x"}}).startswith("Field name:")
    assert documents.brought == {"name": "string"}
    assert change_set(brought=documents.brought).problem({"name": {"a": 1}}) != ""


def test_what_is_wrong_with_one_record_alone_stops_nothing() -> None:
    assert change_set().problem({"name": "x" * 40_000}) == ""


def test_the_quota_counts_what_the_source_brought_before() -> None:
    assert change_set(quota=4).problem({"a": 1, "b": 2}) == ""
    assert "quota is 3" in change_set(quota=3).problem({"a": 1, "b": 2})
    assert change_set(quota=0).problem({"size": 1}) == ""
