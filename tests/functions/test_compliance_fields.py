"""Types of fields, through the functions and the index worker (contract 4.3, 4.5, 2.23, 5)."""

from typing import Any

import pytest

from tests.fakes.index_client import IndexClient, entry
from tests.functions.conftest import identity


def refused(task: dict[str, Any], field: str) -> None:
    """The task is over, with a message, for the sake of this field."""
    assert task["state"] == "FAILED"
    assert task["message"]
    assert [error["field"] for error in task["additional_details"]["errors"]] == [field]


@pytest.mark.compliance(45)
def test_text_takes_numbers_and_integers_take_no_text(cores: IndexClient) -> None:
    cores.write(entry("first", name="basalt", depth=3))
    cores.write(entry("number", name=7))
    assert cores.subjects("7") == ["number"]

    refused(cores.ingest(entry("good", depth=4), entry("bad", depth="deep")), "depth")
    assert cores.subjects() == ["first", "number"]


@pytest.mark.compliance(46)
def test_floats_take_integers_and_integers_no_fractions(cores: IndexClient) -> None:
    cores.write(entry("a", share=0.5, depth=3))
    cores.write(entry("b", share=2))
    in_range = {"type": "range", "field_name": "share", "values": [{"gte": 2, "lte": 2}]}
    assert cores.subjects(None, filters=[in_range]) == ["b"]
    refused(cores.ingest(entry("c", depth=1.5)), "depth")


@pytest.mark.compliance(47)
def test_a_date_as_first_value_makes_a_field_of_dates(cores: IndexClient) -> None:
    cores.write(entry("a", drilled="2020-05-01"))
    assert cores.mapping() == {"drilled": "date"}
    refused(cores.ingest(entry("b", drilled="spring")), "drilled")


@pytest.mark.compliance(48)
def test_a_time_of_day_needs_a_zone_to_be_a_date(cores: IndexClient) -> None:
    cores.write(entry("a", local="2020-05-01T10:00:00", zoned="2020-05-01T10:00:00Z"))
    assert cores.mapping() == {"local": "text", "zoned": "date"}


@pytest.mark.compliance(49)
def test_nothing_and_empty_values_make_no_field(cores: IndexClient) -> None:
    content = {"none": None, "list": [], "object": {}, "inner": {"none": None}}
    cores.write(entry("a", rock="basalt", **content))
    assert cores.mapping() == {"rock": "text"}
    assert cores.entries("a") == {None: {"rock": "basalt", **content}}
    cores.write(entry("b", none=1, list="text", object=True))
    types = {"rock": "text", "none": "long", "list": "text", "object": "boolean"}
    assert cores.mapping() == types


@pytest.mark.compliance(50)
def test_a_place_is_a_point_only_where_it_is_declared(cores: IndexClient) -> None:
    place = "64.1, -21.9"
    cores.write(entry("a", site=place, note=place), field_mapping={"site": "geo_point"})
    assert cores.mapping() == {"site": "geo_point", "note": "text"}
    box = {
        "type": "geo_bounding_box",
        "field_name": "site",
        "top_left": {"lat": 65, "lon": -22},
        "bottom_right": {"lat": 64, "lon": -21},
    }
    assert cores.subjects(None, filters=[box]) == ["a"]


@pytest.mark.compliance(51)
def test_the_1001st_field_fails_its_task_and_not_the_call(cores: IndexClient) -> None:
    cores.write(entry("a", **{f"f{number}": 1 for number in range(1_000)}))
    task = cores.ingest(entry("b", one_more=1))  # the call itself was answered with 200
    refused(task, "one_more")
    assert cores.subjects() == ["a"]
    cores.write(entry("c", f999=2))


@pytest.mark.compliance(52)
def test_long_subjects_and_many_principals_are_refused(cores: IndexClient) -> None:
    def answer(subject: str, principals: int) -> tuple[int, str | None]:
        visible = [identity(number) for number in range(principals)]
        sent = cores.send("PUT", "/entry", entry(subject) | {"visible_to": visible})
        return sent.status, sent.code if sent.status != 200 else None

    assert answer("x" * 500, 100) == (200, None)
    assert answer("x" * 501, 1) == (400, "BadRequest.ValidationError")
    assert answer("é" * 250 + "x", 1) == (400, "BadRequest.ValidationError")
    assert answer("x", 101) == (400, "BadRequest.ValidationError")


@pytest.mark.compliance(89)
def test_types_and_budget_are_for_those_with_a_role(cores: IndexClient) -> None:
    cores.write(entry("a", rock="basalt", assay={"SiO2": 48.2}, **{"a.b": 1}))
    path = f"/beta/index/{cores.index_id}"

    def ask(route: str, by: str) -> Any:
        return cores.service.send("GET", path + route, key=cores.keys[by])

    types = {"rock": "text", "assay.SiO2": "float", "a\\.b": "long"}
    assert ask("/mapping", "writer").json == {"@version": "2017-09-01", "mappings": types}
    assert ask("/field_budget", "writer").json == {"budget": 1_000, "used": 3, "remaining": 997}
    for route in ("/mapping", "/mapping/rock", "/field_budget"):
        assert ask(route, "reader").code == "Forbidden.Generic"
