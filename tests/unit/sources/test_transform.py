"""Paths, filters, transforms and quality control, and the process they run in."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext import parse

from garner.domain.harvest.paths import plain_steps, walk
from garner.domain.harvest.source import JsonFormat, QcRule, RecordFilter, Transform, XmlFormat
from garner.errors import SourceFailed
from garner.limits import MAX_KILLS_IN_A_ROW
from garner.ports.sources import Transformed, Transformer
from garner.sources.transform.functions import stable_uuid
from garner.sources.transform.process import (
    PlainTransformer,
    SandboxTransformers,
    TransformLimits,
)
from tests.fakes.sources import source

HASTY = SandboxTransformers(TransformLimits(seconds=0.6))


@contextmanager
def opened(
    script: str = "", language: Any = "jsonata", path: str = "", **changes: Any
) -> Iterator[Transformer]:
    of = source(transform=Transform(language, script), **changes)
    with HASTY.open(of, path) as transformer:
        yield transformer


def transformed(script: str, *records: Any, **options: Any) -> list[Transformed]:
    with opened(script, **options) as transformer:
        return transformer.transform(records)


def document(script: str, record: Any, **options: Any) -> Any:
    (result,) = transformed(script, record, **options)
    return result.document if result.document is not None else result.error


def keys(record: Any, *paths: str) -> Any:
    with opened(language="identity", primary_key=paths) as transformer:
        (found,) = transformer.inspect([record])
    return found.key or found.error


# --- paths and keys ------------------------------------------------------------------------------


@pytest.mark.compliance("C74")
def test_several_key_paths_give_several_values_in_order() -> None:
    assert keys({"a": {"b c": "v1"}, "d": [2]}, "$.a.'b c'", "$.d[0]") == ("v1", "2")


@pytest.mark.compliance("C75")
@pytest.mark.parametrize("record", [{}, {"id": ""}, {"id": None}, {"ID": "1"}])
def test_an_empty_key_is_an_error_of_its_record(record: Any) -> None:
    assert "primary key is empty" in keys(record, "$.id")


def test_a_giant_key_is_an_error_of_its_record() -> None:
    assert "longer than" in keys({"id": "x" * 3_000}, "$.id")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.record.header.identifier.'_$'", "id1"),
        ("$..'dc:subject'[*].'_$'", "s1"),
        ("$.a[?(@.'@num' = '2')].b", "3"),
        ("a[0].b", "2"),
        ("$.a[*].b", "2"),
    ],
)
def test_paths_in_foundrys_dialect(path: str, expected: str) -> None:
    record = {
        "record": {"header": {"identifier": {"_$": "id1"}}},
        "x": {"dc:subject": [{"_$": "s1"}, {"_$": "s2"}]},
        "a": [{"@num": "1", "b": 2}, {"@num": "2", "b": 3}],
    }
    assert keys(record, path) == (expected,)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "a b", "@x", "_$"]), inner, max_size=3)
    ),
    max_leaves=8,
)
STEP = st.sampled_from([".a", ".b", ".'a b'", ".'_$'", ".@x", "[0]", "[1]", "['a']", '["b"]'])


@given(st.lists(STEP, max_size=4).map("".join), JSON)
def test_a_plain_path_finds_what_the_library_finds(steps: str, value: Any) -> None:
    plain = plain_steps(f"${steps}")
    assert plain is not None
    library = parse(f"${steps}")
    if not any(isinstance(step, int) for step in plain) or not isinstance(value, dict):
        assert walk(plain, value) == [match.value for match in library.find(value)]


@pytest.mark.parametrize(
    "path",
    [
        "$.*",
        "$..a",
        "$.a[*]",
        "$.'*'",
        "$.a[?(@.b)]",
        "$.a.`len`",
        "$a",
        "$.a[-1]",
        "$.a[0:2]",
        "$.",
        "$.[0]x",
    ],
)
def test_other_paths_are_not_taken_for_plain(path: str) -> None:
    assert plain_steps(path) is None


@pytest.mark.parametrize(
    "path",
    ["$.[", "", "$.a[?(@.b =~ '(a+)+$')]", "$.a.`sub(/a/, b)`", "$..a..b..c", "$." + "a" * 600],
)
def test_paths_that_cannot_be_used_are_named(path: str) -> None:
    assert HASTY.path_problem(path)
    assert HASTY.path_problem("$.dc.identifier") is None


# --- filters -------------------------------------------------------------------------------------


def kept(records: list[Any], chosen: RecordFilter, form: Any = None) -> list[bool]:
    with opened(
        language="identity", record_filter=chosen, format=form or JsonFormat(), primary_key=("$",)
    ) as transformer:
        return [found.kept for found in transformer.inspect(records)]


@pytest.mark.compliance("C70")
def test_a_filter_keeps_an_exact_value_or_a_match() -> None:
    records = [{"t": "Building X"}, {"t": "Build"}, {"t": "No Build"}, {}, {"u": "Build"}]
    assert kept(records, RecordFilter("t", "Build")) == [False, True, False, False, False]
    assert kept(records, RecordFilter("$.t", "^Build", regex=True)) == [True, True] + [False] * 3


def test_a_filter_looks_at_the_first_match_only() -> None:
    assert kept([{"t": [1, 2]}], RecordFilter("$.t[*]", "2")) == [False]
    assert kept([{"t": [1, 2]}], RecordFilter("$.t[*]", "1")) == [True]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("//contact/name/text()", "Kyoto", True),
        ("/r/contact/name", "Kyoto", True),
        ("//name/@lang", "ja", True),
        ("//contact[@id='2']/name/text()", "Osaka", True),
        ("//contact[@id='2']/name/text()", "Kyoto", False),
        ("//*/dc:title", "T", True),
        ("//name", "Osaka", False),
        ("/contact", "Kyoto", False),
    ],
)
def test_element_paths(path: str, value: str, expected: bool) -> None:
    record = {
        "r": {
            "contact": [
                {"@id": "1", "name": {"_$": "Kyoto", "@lang": "ja"}},
                {"@id": "2", "name": {"_$": "Osaka"}},
            ],
            "dc:title": {"_$": "T"},
        },
        "_@dc": "urn:dc",
    }
    assert kept([record], RecordFilter(path, value), XmlFormat("r")) == [expected]


# --- JSONata -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "record", "expected"),
    [
        ('{"x": `cat num`}', {"cat num": "1"}, {"x": "1"}),
        ('{"x": "pmid:" & $string(pmid)}', {"pmid": 7}, {"x": "pmid:7"}),
        ('{"x": $split(s, /\\s*,\\s*/)}', {"s": "a , b"}, {"x": ["a", "b"]}),
        ('{"x": $match(d,/\\d{4}/)[0].match}', {"d": "in 1995"}, {"x": "1995"}),
        ('{"x": $replace(s, /(b)(c)?/, "<$1>")}', {"s": "abc"}, {"x": "a<b>"}),
        ('{"x": $contains(s, /B/i)}', {"s": "abc"}, {"x": True}),
        ('{"x": $contains(s, /^b$/m)}', {"s": "a\nb"}, {"x": True}),
        ('{"x": [tags.value]}', {"tags": [{"value": 1}]}, {"x": [1]}),
        ('{"x": missing, "y": [missing]}', {}, {"y": []}),
        ('{"x": $eval("1+1")}', {}, {}),
        ('{"x": $toStandardDate(d)}', {"d": "1995-02-23 23:11:08"}, {"x": "19950223"}),
    ],
)
def test_jsonata_does_what_the_contract_shows(script: str, record: Any, expected: Any) -> None:
    assert document(script, record) == expected


@pytest.mark.compliance("C77")
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "2493dd9e-ad83-5a43-aa18-ca08d2f6e4c1"),
        (2, "89ea20be-2ccd-58fa-b20d-29afc6a5b972"),
        (3, "3c6a382e-7a99-57a3-ae9b-c44abcf5f9ba"),
        (4, "7580f2d8-ed12-5812-830a-cb9351bfa486"),
    ],
)
def test_the_uuid_vectors_hold(count: int, expected: str) -> None:
    values = [f"value{n}" for n in range(1, count + 1)]
    script = '{"x": $uuid("SCR_005400", "-", v)}'
    assert document(script, {"v": values}) == {"x": expected}
    assert stable_uuid("SCR_005400", "-", *values) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('$toStandardDateTime("1995-02-23T23:11:08+00:00")', "19950223T231108+0000"),
        ('$toStandardDateTime("23/02/1995 23:11", "dd/MM/yyyy HH:mm")', "19950223T231100+0000"),
        ('$toStandardDate("February 23, 1995")', "19950223"),
        ('$toStandardDate("Thu, 23 Feb 1995 23:11:08 GMT")', "19950223"),
        ('$toStandardTime("1995-02-23T23:11:08Z")', "231108+0000"),
        ('$toStandardYear("23 Feb 1995")', "1995"),
        ('$toStandardYear("0995")', "0995"),
        ('$toStandardDate("some day")', ""),
        ("$toStandardDate(missing)", ""),
        ('$toStandardDate("1995-02-23", "qqq%")', "19950223"),
    ],
)
def test_standard_dates(call: str, expected: str) -> None:
    assert document(f'{{"x": {call}}}', {}) == {"x": expected}


def test_variables_are_bound_and_nothing_survives_a_record() -> None:
    script = '($seen := $count([$seen, a]); {"n": $seen, "t": $IngestTime})'
    with opened(script) as transformer:
        results = transformer.transform([{"a": 1}, {"a": 1}], {"IngestTime": "now"})
    assert [each.document for each in results] == [{"n": 1, "t": "now"}] * 2


@pytest.mark.parametrize("script", ["1", "[1]", "missing", '"text"', "$uuid"])
def test_a_result_that_is_no_object_is_an_error_of_its_record(script: str) -> None:
    assert "gives no object" in document(script, {})


def test_an_error_in_one_record_leaves_the_others_alone() -> None:
    first, second, third = transformed('{"x": $number(n)}', {"n": "1"}, {"n": "x"}, {"n": 3})
    assert (first.document, third.document) == ({"x": 1}, {"x": 3})
    assert (second.document, second.error[:19]) == (None, "The transform fails")


def test_a_document_that_is_too_large_is_an_error() -> None:
    assert "1,000,000 bytes" in document('{"x": $pad("a", 1000001)}', {})


def test_the_other_languages() -> None:
    record = {"a": {"b": 1}, "tags": [{"v": "x"}], "n": None}
    assert document("", record, language="identity") == record
    table = '{"out.first": "$.a.b", "out.tags": "$.tags[*].v", "gone": "$.zzz", "n": "n"}'
    expected = {"out": {"first": 1, "tags": ["x"]}, "n": None}
    assert document(table, record, language="jsonpath-map") == expected


# --- ids and quality control ---------------------------------------------------------------------


def test_the_document_id_is_the_first_match_as_text() -> None:
    script = '{"dc": {"identifier": ids}}'
    results = transformed(
        script,
        {"ids": "a"},
        {"ids": 5},
        {},
        {"ids": ""},
        {"ids": "ä" * 300},
        path="$.dc.identifier",
    )
    assert [each.document_id for each in results] == ["a", "5", "", "", ""]
    assert [bool(each.id_error) for each in results] == [False, False, True, True, True]
    assert all(each.document is not None and not each.error for each in results)


@pytest.mark.compliance("C79")
def test_a_quality_failure_is_of_its_document_alone() -> None:
    rules = (QcRule("$.name"), QcRule("$.id", value_regex="^RRID:"))
    good, bad = transformed(
        "", {"name": "n", "id": "RRID:1"}, {"id": "x"}, language="identity", qc_rules=rules
    )
    assert (good.error, good.qc_messages) == ("", ())
    assert bad.document == {"id": "x"}
    assert bad.error
    assert bad.qc_messages == (
        "Quality control: $.name is missing or empty.",
        "Quality control: $.id has no value that matches '^RRID:'.",
    )


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (QcRule("$.a"), True),
        (QcRule("$.empty"), False),
        (QcRule("$.none"), False),
        (QcRule("$.zero"), True),
        (QcRule("$.a", value="1"), True),
        (QcRule("$.a", value="2"), False),
        (QcRule("$.t", value_regex="uil"), True),
        (QcRule("$.t", value_regex="^uil"), False),
        (QcRule("$.list[*]", value="y"), True),
        (QcRule("$.gone", cond_path="$.also_gone"), True),
        (QcRule("$.gone", cond_path="$.a"), False),
        (QcRule("$.a", cond_path="$.a", value="1"), True),
    ],
)
def test_quality_rules(rule: QcRule, passes: bool) -> None:
    record = {"a": 1, "t": "Build", "empty": "", "none": None, "zero": 0, "list": ["x", "y"]}
    (result,) = transformed("", record, language="identity", qc_rules=(rule,))
    assert (not result.error) == passes


# --- the process ---------------------------------------------------------------------------------

ENDLESS = '($f := function($n) { $f($n + 1) }; bad ? $f(1); {"ok": n})'


@pytest.mark.compliance("C80")
def test_an_endless_record_is_ended_in_time_and_the_others_are_done() -> None:
    begun = time.monotonic()
    results = transformed(ENDLESS, {"n": 1}, {"n": 2, "bad": True}, {"n": 3})
    assert time.monotonic() - begun < 10
    assert [each.document for each in results] == [{"ok": 1}, None, {"ok": 3}]
    assert "longer than the 0.6 seconds" in results[1].error


@pytest.mark.compliance("C80")
def test_a_regex_bomb_is_none() -> None:
    record = {"s": "a" * 50_000 + "!"}
    assert document('{"x": $contains(s, /^(a+)+$/)}', record) == {"x": False}


def test_a_range_or_a_text_that_eats_memory_is_ended() -> None:
    script = """{"x": bad = 1 ? $count([1..9999999])
        : bad = 2 ? $length($pad("a", 500000000)) : 0}"""
    with SandboxTransformers(TransformLimits(seconds=20)).open(
        source(transform=Transform("jsonata", script))
    ) as of:
        results = of.transform([{"bad": 1}, {"bad": 2}, {"bad": 3}])
    assert ["memory" in each.error for each in results] == [True, True, False]
    assert results[2].document == {"x": 0}


def test_a_path_that_explodes_is_ended() -> None:
    deep: Any = {"z": 1}
    for _ in range(90):
        deep = {"a": [deep, {"a": {}}, {"a": {}}]}
    with opened(primary_key=("$..a[*]..b",), language="identity") as transformer:
        bad, good = transformer.inspect([deep, {"a": [{"b": 1}]}])
    assert bad.error
    assert good.key == ("1",)


def test_a_script_that_always_runs_away_ends_the_run() -> None:
    fast = SandboxTransformers(TransformLimits(seconds=0.05))
    of = source(transform=Transform("jsonata", "($f := function($n) { $f($n + 1) }; $f(1))"))
    with fast.open(of) as transformer, pytest.raises(SourceFailed, match="in a row"):
        transformer.transform([{}] * (MAX_KILLS_IN_A_ROW + 5))


def test_many_records_of_many_bytes_pass_through() -> None:
    records = [{"n": n, "t": "x" * 5_000} for n in range(1_000)]
    results = transformed('{"n": n, "size": $length(t)}', *records)
    assert [each.document for each in results] == [{"n": n, "size": 5_000} for n in range(1_000)]


def test_the_process_has_no_environment_and_ends_with_its_transformer() -> None:
    os.environ["SECRET_OF_THE_TEST"] = "x"
    try:
        with opened('{"a": 1}') as transformer:
            transformer.transform([{}])
            (child,) = [
                each
                for each in psutil.Process().children()
                if "transform" in " ".join(each.cmdline())
            ]
            assert Path(f"/proc/{child.pid}/environ").read_bytes() in (b"", b"LC_CTYPE=C.UTF-8\0")
        assert not child.is_running()
    finally:
        del os.environ["SECRET_OF_THE_TEST"]


def test_a_program_that_cannot_run_away_needs_no_process() -> None:
    with opened(language="identity") as plain, opened(language="identity", path="$..a") as other:
        assert isinstance(plain, PlainTransformer)
        assert not isinstance(other, PlainTransformer)


def test_problems_name_their_field() -> None:
    of = source(
        primary_key=("$.[",),
        document_id_path="$..a..b..c..d",
        transform=Transform("jsonata", '{"a": '),
        record_filter=RecordFilter("$.a", "(?=x)", regex=True),
        qc_rules=(QcRule("$.a", value_regex="("),),
        format=JsonFormat(),
    )
    fields = [field for field, _ in HASTY.problems(of)]
    assert fields == [
        "primaryKeyJSONPath",
        "documentIdJsonPath",
        "filterJsonPath",
        "transformScript",
        "qcRules",
    ]
    assert HASTY.problems(source()) == []


def test_a_script_with_look_around_is_refused_when_it_is_registered() -> None:
    of = source(transform=Transform("jsonata", '{"a": $match(b, /(?<=x)y/)}'))
    ((field, message),) = HASTY.problems(of)
    assert field == "transformScript"
    assert "RE2" in message
