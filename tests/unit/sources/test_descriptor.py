"""The descriptor: spellings, values, what they mean, and how a bad one is told."""

from typing import Any

import orjson
import pytest

from garner.contracts.source import parse_descriptor, read_descriptor
from garner.domain.harvest.source import (
    CsvFormat,
    DetailCalls,
    JsonFormat,
    NdjsonFormat,
    OaiFormat,
    Paging,
    QcRule,
    RecordFilter,
    Source,
    Transform,
    XmlFormat,
    masked_url,
    place_of,
    unmasked_url,
)
from garner.errors import BadRequest, ValidationFailed
from garner.limits import MAX_DESCRIPTOR_BYTES
from garner.services.check_source import check_source
from garner.sources.transform.process import SandboxTransformers

CSV = """
Cellosaurus:
  sourceID: SCR_013869-Cellosaurus-RIN
  name: Cellosaurus
  scrID: SCR_013869
  ingestMethod: CSV
  ingestURL: https://source.test/export?format=csv
  delimiter: ","
  textQuote: "&#034;"
  escapeCharacter: "&#092;"
  ignoreLines: "1"
  headerLine: "1"
  keepMissing: "false"
  locale: en_US
  useCache: "false"
  primaryKeyJSONPath: "$.'cat num'"
  transformScript: '{"item": {"name": name}}'
  visible_to: public
  enhancerParameters: {Semantic: "true"}
"""
BASE = {
    "sourceID": "SCR_1-A-RIN",
    "name": "A",
    "scrID": "SCR_1",
    "ingestMethod": "CSV",
    "ingestURL": "https://source.test/a.csv",
    "primaryKeyJSONPath": "$.id",
    "transformLanguage": "identity",
    "visible_to": ["public"],
}
WEB = {"ingestMethod": "WEB", "parserType": "json", "documentElement": "hits"}


def meant(**changes: Any) -> Source:
    document = {name: value for name, value in (BASE | changes).items() if value is not ...}
    return parse_descriptor(document).to_source()


def problems(**changes: Any) -> dict[str, Any]:
    with pytest.raises(ValidationFailed) as caught:
        meant(**changes)
    assert caught.value.details is not None
    messages: dict[str, Any] = caught.value.details["messages"]["json"]
    return messages


def test_a_descriptor_of_the_original_in_yaml() -> None:
    descriptor = parse_descriptor(read_descriptor(CSV))
    source = descriptor.to_source()
    assert source.format == CsvFormat(",", '"', "\\", 1, 1)
    assert source.primary_key == ("$.'cat num'",)
    assert source.transform == Transform("jsonata", '{"item": {"name": name}}')
    assert (source.visible_to, source.entry_id, source.removes) == (("public",), "resource", False)
    assert parse_descriptor(descriptor.to_json()) == descriptor


def test_strings_and_native_values_mean_the_same() -> None:
    texts = meant(limitValue="5", offsetParam="o", normalize="true", allowEmpty="TRUE", **WEB)
    natives = meant(limitValue=5, offsetParam="o", normalize=True, allowEmpty=True, **WEB)
    assert texts == natives
    assert texts.paging == Paging("o", "", 5, offset_on_first_page=True)


@pytest.mark.parametrize(
    ("spelling", "canonical", "value"),
    [
        ("escapeChar", "escapeCharacter", "&#092;"),
        ("fileNamePattern", "filenamePattern", "x"),
        ("resourceID", "sourceID", "SCR_9"),
        ("visibleTo", "visible_to", ["all_authenticated_users"]),
        ("mergeDocName", "mergeDocElName", "x"),
    ],
)
def test_other_spellings_are_accepted_and_one_is_emitted(
    spelling: str, canonical: str, value: Any
) -> None:
    document = {name: each for name, each in BASE.items() if name != canonical} | {spelling: value}
    descriptor = parse_descriptor(document)
    assert descriptor == parse_descriptor(document | {canonical: value})
    assert canonical in descriptor.to_json()
    assert spelling not in descriptor.to_json()


def test_key_paths_may_be_one_or_several() -> None:
    assert meant(primaryKeyJSONPath=["$.a", "b"]).primary_key == ("$.a", "$.b")


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({"delimiter": "\\t", "encoding": "latin-1"}, CsvFormat("\t", encoding="latin-1")),
        ({"delimiter": "\t", "textQuote": ""}, CsvFormat("\t", "")),
        ({"headerLine": 3}, CsvFormat(header_line=3, ignore_lines=3)),
        ({"ignoreLines": "0"}, CsvFormat(ignore_lines=0)),
        (WEB, JsonFormat("hits")),
        ({"ingestMethod": "web", "documentElement": "r"}, XmlFormat("r")),
        (
            {"ingestMethod": "XML", "documentElement": "r", "topElement": "t"},
            XmlFormat("r", "t"),
        ),
        ({"ingestMethod": "NDJSON"}, NdjsonFormat()),
        ({"ingestMethod": "OAI"}, OaiFormat()),
        (
            {
                "ingestMethod": "OAI-PMH",
                "metadataPrefix": "mods",
                "allowedSetSpecs": "a, b",
                "sleepTimeSecs": "0.5",
                "dateFrom": "2024-01-01",
                "windowDays": "30",
            },
            OaiFormat("mods", ("a", "b"), 0.5, "2024-01-01", "", 30),
        ),
    ],
)
def test_formats(changes: dict[str, Any], form: Any) -> None:
    assert meant(**changes).format == form


def test_paging_differs_between_web_and_xml() -> None:
    xml = {"ingestMethod": "XML", "documentElement": "r", "topElement": "t"}
    pages = {"offsetParam": "o", "limitParam": "l"}
    assert meant(**WEB, **pages).paging == Paging("o", "l", 100, offset_on_first_page=True)
    assert meant(**xml, **pages).paging == Paging("o", "l", 100, offset_on_first_page=False)
    assert "limitParam" in problems(**xml, offsetParam="o")


def test_filters_of_both_kinds() -> None:
    json_filter = meant(**WEB, filterJsonPath="t", filterValue="re::^Build").record_filter
    assert json_filter == RecordFilter("t", "^Build", regex=True)
    xml = {"ingestMethod": "WEB", "documentElement": "r"}
    xml_filter = meant(**xml, filterXMLPath="//a/text()", filterValue="x").record_filter
    assert xml_filter == RecordFilter("//a/text()", "x")
    assert "filterXMLPath" in problems(**xml, filterXMLPath="//a[1]/..", filterValue="x")
    assert "filterXMLPath" in problems(**xml, filterJsonPath="a", filterValue="x")
    assert "filterValue" in problems(**WEB, filterJsonPath="a")


DETAILS = WEB | {
    "mergeIngestURLTemplate": "https://source.test/one/${id}?full=1",
    "idJsonPath": "$.id",
    "mergeFieldName": "abstract",
    "mergeDocElName": "detail",
    "waitTime": "250",
}


def test_detail_calls_follow_the_documents_and_on_request_the_code() -> None:
    url = "https://source.test/one/${id}?full=1"
    assert meant(**DETAILS).details == DetailCalls(url, "$.id", "abstract", "detail", 0.25)
    swapped = meant(**DETAILS, mergeSemantics="code").details
    assert swapped is not None
    assert (swapped.take, swapped.put) == ("detail", "abstract")


@pytest.mark.parametrize(
    "template",
    [
        "https://${id}.test/x",
        "https://source.test",
        "https://source.test/${id}/${id}",
        "https://source.test/x#${id}",
        "${id}://source.test/",
        "https://source.test/../${id}",
        "file:///etc/${id}",
        "s3://bucket/${id}",
    ],
)
def test_an_id_fills_a_part_of_path_or_query_only(template: str) -> None:
    assert "mergeIngestURLTemplate" in problems(**DETAILS | {"mergeIngestURLTemplate": template})


def test_detail_calls_need_all_their_fields() -> None:
    found = problems(**WEB, mergeIngestURLTemplate="https://a.test/${id}")
    assert set(found) == {"idJsonPath", "mergeFieldName", "mergeDocElName"}
    assert "idJsonPath" in problems(**DETAILS | {"idJsonPath": "$..id"})


def test_qc_rules_as_yaml_text_or_as_they_are() -> None:
    text = """
    ValueExists:
      - path: $.a
      - {path: $.b, valueRegex: "^x"}
    CondValueExists:
      path: $.c
      condPath: $.d
      value: 1
    """
    expected = (QcRule("$.a"), QcRule("$.b", value_regex="^x"), QcRule("$.c", "1", None, "$.d"))
    assert meant(qcRulesYamlFile=text).qc_rules == expected
    rules = {
        "ValueExists": [{"path": "$.a"}, {"path": "$.b", "valueRegex": "^x"}],
        "CondValueExists": {"path": "$.c", "condPath": "$.d", "value": 1},
    }
    assert meant(qcRules=rules).qc_rules == expected
    descriptor = parse_descriptor(BASE | {"qcRules": rules})
    assert parse_descriptor(descriptor.to_json()).to_source().qc_rules == expected
    for bad in (
        "rules.yml",
        {"Other": []},
        {"ValueExists": [{}]},
        {"CondValueExists": [{"path": "$"}]},
    ):
        assert "qcRules" in problems(qcRules=bad)


@pytest.mark.compliance("C78")
@pytest.mark.parametrize(
    "script", ["transform column 'a' apply {{ result = value }};", "apply{{x}}"]
)
def test_a_transform_with_python_is_refused(script: str) -> None:
    found = problems(transformLanguage="jsonata", transformScript=script)
    assert "JSONata" in found["transformScript"][0]


@pytest.mark.compliance("C78")
@pytest.mark.parametrize("field", ["preprocessScript", "preprocessingScript"])
def test_a_script_that_would_be_run_is_refused(field: str) -> None:
    assert "point ingestURL at it" in problems(**{field: "curl x | sh"})["preprocessScript"][0]


@pytest.mark.parametrize(
    "method", ["FTP", "DISCO", "SQL", "SCRIPT", "RSYNC", "ASPERA", "RSS", "GEO", ""]
)
def test_methods_out_of_scope_are_refused_by_name(method: str) -> None:
    assert list(problems(ingestMethod=method)) == ["ingestMethod"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://source.test/",
        "file:///etc/passwd",
        "ftp://source.test/x",
        "https://",
        "https://a.test:99999/",
        "https://a.test/../x",
        "not a url",
    ],
)
def test_other_addresses_than_https_are_refused(url: str) -> None:
    assert list(problems(ingestURL=url)) == ["ingestURL"]


def test_http_is_allowed_when_the_descriptor_says_so() -> None:
    assert meant(ingestURL="http://a.test/x", allowHttp="true").allow_http
    assert meant(ingestURL="s3://bucket/dir/x.csv").url == "s3://bucket/dir/x.csv"
    assert "ingestURL" in problems(**DETAILS | {"ingestURL": "s3://bucket/x"})


def test_letters_beyond_ascii_are_written_as_a_url_has_them() -> None:
    assert meant(ingestURL="https://a.test/Zürich x?q=1&b=%20").url == (
        "https://a.test/Z%C3%BCrich%20x?q=1&b=%20"
    )


def test_a_folder_is_a_directory_only_with_a_pattern() -> None:
    assert not meant(ingestURL="https://a.test/export/").is_directory
    assert meant(ingestURL="https://a.test/dir/", filenamePattern="_file.txt$").is_directory


@pytest.mark.parametrize(
    "identifier", ["system_state", "", "..", "a/b", "a#b", "a\nb", "x" * 201, "ä"]
)
def test_source_ids_that_could_mean_something_else_are_refused(identifier: str) -> None:
    assert list(problems(sourceID=identifier)) == ["sourceID"]


@pytest.mark.parametrize("value", [[], "", ["nobody"], ["urn:globus:auth:identity:x"], ...])
def test_visible_to_is_required_and_has_principals(value: Any) -> None:
    assert list(problems(visible_to=value)) == ["visible_to"]


def test_principals_are_kept_in_lower_case() -> None:
    urn = "urn:globus:groups:id:ABCDEF00-0000-0000-0000-000000000000"
    assert meant(visible_to=[urn]).visible_to == (urn.lower(),)


@pytest.mark.compliance("C76")
def test_sample_mode_limits_the_crawl_and_max_docs_too() -> None:
    assert meant(sampleMode="true", sampleSize="3").record_limit == 3
    assert meant(sampleMode="true").record_limit == 1
    assert meant(sampleSize="3").record_limit is None
    assert meant(sampleMode="true", sampleSize="3", maxDocs="2").record_limit == 2


@pytest.mark.parametrize(
    ("value", "hours"),
    [("48", 48), (48, 48), ("48h", 48), ("2 days", 48), ("1w", 168), ("daily", 24), ("", None)],
)
def test_frequencies(value: Any, hours: int | None) -> None:
    assert meant(scheduleFreq=value).schedule_hours == hours


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scheduleFreq", "sometimes"),
        ("scheduleFreq", "0h"),
        ("delimiter", "||"),
        ("delimiter", '"'),
        ("headerLine", "0"),
        ("headerLine", "one"),
        ("normalize", "maybe"),
        ("encoding", "zip"),
        ("encoding", "nonsense"),
        ("fieldQuota", "0"),
        ("fieldQuota", "1001"),
        ("dateFrom", "01/02/2024"),
        ("dateFrom", "2024-13-01"),
        ("transformLanguage", "jsontl"),
        ("transformScript", "identity has none"),
        ("primaryKeyJSONPath", []),
        ("entryID", "random"),
        ("limitValue", "0"),
        ("sampleSize", "-1"),
    ],
)
def test_a_bad_value_is_told_by_its_field(field: str, value: Any) -> None:
    assert list(problems(**{field: value})) == [field]


def test_missing_fields_are_all_told_at_once() -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse_descriptor({})
    assert caught.value.details is not None
    assert set(caught.value.details["messages"]["json"]) == {
        "sourceID",
        "name",
        "ingestMethod",
        "primaryKeyJSONPath",
        "visible_to",
    }


def test_the_additions_have_safe_defaults() -> None:
    source = meant()
    assert (source.entry_id, source.removes, source.allow_empty) == ("resource", False, False)
    changed = meant(entryID="null", removeMissing="true", allowEmpty="true", fieldQuota=5)
    assert (changed.entry_id, changed.removes, changed.allow_empty) == ("null", True, True)
    assert meant(entryID=None).entry_id == "null"


# --- text ----------------------------------------------------------------------------------------


def test_yaml_words_stay_words() -> None:
    document = read_descriptor("name: NO\nscrID: 1e3\ndateFrom: 2024-01-01\nx: null\n")
    assert document == {"name": "NO", "scrID": "1e3", "dateFrom": "2024-01-01", "x": "null"}


def test_json_text_is_read_too() -> None:
    assert read_descriptor(orjson.dumps(BASE)) == BASE


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]",
        "!!python/object/apply:os.system [ls]",
        "just words",
        "[1]",
        "a: [",
        "[" * 50_000,
        "\0",
        "a: " + "x" * MAX_DESCRIPTOR_BYTES,
    ],
    ids=["alias", "bomb", "object", "words", "list", "open", "deep", "nul", "long"],
)
def test_text_that_is_no_descriptor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        read_descriptor(text)


# --- use case and URLs ---------------------------------------------------------------------------


def test_what_does_not_compile_is_told_by_its_field() -> None:
    transformers = SandboxTransformers()
    descriptor, source = check_source(BASE, transformers=transformers)
    assert descriptor.to_source() == source
    bad = BASE | {
        "primaryKeyJSONPath": "$.[",
        "transformLanguage": "jsonata",
        "transformScript": "{",
        "filenamePattern": "(",
    }
    with pytest.raises(ValidationFailed) as caught:
        check_source(bad, transformers=transformers)
    assert caught.value.details is not None
    found = caught.value.details["messages"]["json"]
    assert set(found) == {"primaryKeyJSONPath", "transformScript", "filenamePattern"}


SECRET = "https://me:pass@a.test:8443/x/y?api_key=s3cret&offset=0&id=${id}"


def test_a_url_is_shown_without_its_secrets_and_stays_when_sent_back() -> None:
    shown = masked_url(SECRET)
    assert shown == "https://***@a.test:8443/x/y?api_key=***&offset=0&id=${id}"
    assert unmasked_url(shown, SECRET) == SECRET
    assert unmasked_url("https://b.test/", SECRET) == "https://b.test/"
    assert masked_url("https://a.test/x?q=a%20b") == "https://a.test/x?q=a%20b"
    assert place_of(SECRET) == "https://a.test/x/y"
