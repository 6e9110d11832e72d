"""Declared field types bind in the order of the log (contract 8.12)."""

import pytest

from garner.domain import operations
from garner.domain.fields import FieldType, Schema
from garner.domain.tasks import NewTask, TaskKind, TaskState
from tests.fakes.ingest import INDEX
from tests.faults.case import Case, entry


@pytest.fixture
def case() -> Case:
    return Case()


def declare(case: Case, **fields: str) -> int:
    payload = operations.encode([], {"declared": fields})
    return case.submit(NewTask(kind=TaskKind.DECLARE, payload=payload, operations=0))


def test_a_declared_type_is_there_before_the_first_value(case: Case) -> None:
    n = declare(case, version="string")
    case.ingest(entry("a", version=1), entry("b", version="1.2.3"))
    case.settle()
    assert case.state(n) is TaskState.SUCCESS
    assert case.engine.visible().keys() == {"a", "b"}
    assert case.engine.indexes[INDEX].mapping.fields == {"version": FieldType.STRING}


def test_what_came_before_a_declaration_keeps_its_type(case: Case) -> None:
    case.ingest(entry("a", version=1))
    n = declare(case, version="string")
    case.settle()
    assert (case.state(n), case.error(n)) == (TaskState.FAILED, "VALIDATION")
    assert case.log.indexes[INDEX].schema.fields == {"version": FieldType.INTEGER}


def test_a_declaration_binds_all_of_its_fields_or_none(case: Case) -> None:
    case.ingest(entry("a", version=1))
    declare(case, new="date", version="string")
    case.settle()
    assert case.log.indexes[INDEX].schema.fields.keys() == {"version"}


def test_declaring_the_type_that_a_field_has_is_fine(case: Case) -> None:
    case.ingest(entry("a", version=1))
    n = declare(case, version="integer")
    case.settle()
    assert case.state(n) is TaskState.SUCCESS


@pytest.mark.parametrize("path", ["", "a..b", ".a"])
def test_a_path_that_no_content_can_have_is_refused(case: Case, path: str) -> None:
    n = declare(case, **{path: "string"})
    case.settle()
    assert case.error(n) == "VALIDATION"


@pytest.mark.parametrize("point", ["log.save_schema", "engine.put_fields", "log.finish"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_declaration_survives_the_death_of_its_worker(case: Case, point: str, when: str) -> None:
    n = declare(case, version="string")
    case.faults.kill(point, when=when)
    case.drain_and_die()
    case.settle()
    assert case.state(n) is TaskState.SUCCESS
    assert case.engine.indexes[INDEX].mapping.fields == {"version": FieldType.STRING}


@pytest.mark.parametrize(("detection", "kind"), [(True, "date"), (False, "string")])
def test_dates_are_detected_unless_the_index_does_not_want_it(
    case: Case, detection: bool, kind: str
) -> None:
    case.log.indexes[INDEX].schema = Schema(date_detection=detection)
    case.ingest(entry("a", day="2020-05-01"))
    case.settle()
    assert case.log.indexes[INDEX].schema.fields["day"].value == kind
