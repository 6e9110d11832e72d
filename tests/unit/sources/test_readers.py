"""Parsers: what they make of good files, and how bad ones end."""

import bz2
import gzip
import io
import json
import tarfile
import tracemalloc
import zipfile
from typing import Any

import pytest

from garner.domain.harvest.records import Record
from garner.domain.harvest.source import (
    CsvFormat,
    DetailCalls,
    JsonFormat,
    NdjsonFormat,
    OaiFormat,
    XmlFormat,
)
from garner.errors import SourceFailed
from garner.limits import FETCH_RATIO_FREE_BYTES, MAX_RECORD_BYTES
from garner.ports.sources import current_files
from garner.sources.readers.reader import StreamingReader
from tests.fakes.sources import raw_file, source

READER = StreamingReader()


def read(body: bytes, form: Any = None, start: Any = None, **changes: Any) -> list[Record]:
    of = source(format=form or CsvFormat(), **changes)
    return list(READER.read(of, [raw_file(body)], start))


def values(*args: Any, **kwargs: Any) -> list[Any]:
    return [record.value or record.error for record in read(*args, **kwargs)]


# --- CSV -----------------------------------------------------------------------------------------


@pytest.mark.compliance("C66")
def test_a_byte_order_mark_does_not_hide_the_first_column() -> None:
    assert values("\ufeffid,name\r\n1,Å\r\n".encode()) == [{"id": "1", "name": "Å"}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_32_are_recognised(encoding: str) -> None:
    assert values("id,name\n1,Ähre\n".encode(encoding)) == [{"id": "1", "name": "Ähre"}]


def test_a_named_encoding_is_used() -> None:
    assert values("id\nÄ\n".encode("latin-1"), CsvFormat(encoding="latin-1")) == [{"id": "Ä"}]


def test_a_row_that_is_no_utf_8_is_one_record_in_error() -> None:
    good, bad, after = values(b"id,n\n1,a\n2,\xff\n3,c\n")
    assert (good, after) == ({"id": "1", "n": "a"}, {"id": "3", "n": "c"})
    assert "UTF-8" in bad


def test_short_rows_are_filled_and_long_rows_cut() -> None:
    assert values(b"a,b\n1\n1,2,3\n\n") == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]


def test_blank_headers_get_their_number_and_repeated_ones_a_suffix() -> None:
    assert values(b"x,,x,x_2\n1,2,3,4\n") == [{"x": "1", "column_2": "2", "x_2": "3", "x_2_2": "4"}]


def test_tabs_quotes_and_line_breaks_in_quotes() -> None:
    body = b'a\tb\n"say ""hi""\nthere"\tx\n'
    assert values(body, CsvFormat(delimiter="\t")) == [{"a": 'say "hi"\nthere', "b": "x"}]


def test_the_escape_character_counts_only_before_a_quote() -> None:
    body = b'a,b\n"say \\"hi\\", then",C:\\dir\n'
    expected = {"a": 'say "hi", then', "b": "C:\\dir"}
    assert values(body, CsvFormat(escape="\\")) == [expected]


def test_ignored_lines_and_the_line_of_the_header() -> None:
    body = b"made by x\nid,n\ntext,number\n1,2\n"
    assert values(body, CsvFormat(header_line=2, ignore_lines=3)) == [{"id": "1", "n": "2"}]


def test_carriage_returns_alone_end_lines_too() -> None:
    assert values(b"a,b\r1,2\r3,4\r") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_nul_bytes_are_data() -> None:
    assert values(b"a\nx\0y\n") == [{"a": "x\0y"}]


def test_reading_goes_on_after_any_record() -> None:
    body = "\ufeffa,b\n".encode() + b"".join(b'%d,"x\ny"\n' % n for n in range(50))
    everything = read(body)
    for done in (0, 7, 48):
        assert read(body, start=everything[done].after) == everything[done + 1 :]


@pytest.mark.parametrize("body", [b'a,b\n1,"never closed\n2,3\n', b'a\n"1'])
def test_an_unclosed_quote_is_not_taken_for_a_record(body: bytes) -> None:
    with pytest.raises(SourceFailed, match="inside a quoted value"):
        read(body)


def test_an_endless_line_ends_the_file_without_filling_memory() -> None:
    tracemalloc.start()
    with pytest.raises(SourceFailed, match="One record is larger"):
        read(b"a\n" + b"x" * (3 * MAX_RECORD_BYTES))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * MAX_RECORD_BYTES


def test_an_empty_file_has_no_column_names() -> None:
    with pytest.raises(SourceFailed, match="no readable column names"):
        read(b"")


def test_a_header_alone_is_an_empty_source() -> None:
    assert values(b"a,b\n") == []


@pytest.mark.parametrize("form", [CsvFormat(), JsonFormat(), XmlFormat("r"), NdjsonFormat()])
def test_an_html_page_is_named_as_such(form: Any) -> None:
    with pytest.raises(SourceFailed, match="HTML page"):
        read(b"\n <!DOCTYPE html><html><body>Please log in</body></html>", form)


# --- JSON ----------------------------------------------------------------------------------------


def test_json_records_are_found_at_any_depth() -> None:
    body = b'{"a": [{"x": 0}], "deep": {"hits": [{"x": 1}, 5, [{"no": 1}], {"x": {"y": [2]}}]}}'
    assert values(body, JsonFormat("hits")) == [{"x": 1}, {"x": {"y": [2]}}]


def test_one_object_is_one_record() -> None:
    assert values(b'{"hit": {"x": 1}, "other": {"x": 2}}', JsonFormat("hit")) == [{"x": 1}]


def test_without_a_name_the_root_array_is_read() -> None:
    assert values(b'\xef\xbb\xbf[{"": [{"a": 1}]}, {"b": null}]', JsonFormat()) == [
        {"": [{"a": 1}]},
        {"b": None},
    ]


def test_without_a_name_an_object_at_the_root_is_refused() -> None:
    with pytest.raises(SourceFailed, match="not an array"):
        read(b'{"": [{"a": 1}]}', JsonFormat())


def test_a_missing_document_element_is_no_empty_source() -> None:
    with pytest.raises(SourceFailed, match="no `hits`"):
        read(b'{"error": "try again"}', JsonFormat("hits"))
    assert values(b'{"hits": []}', JsonFormat("hits")) == []


def test_normalize_collapses_arrays_in_arrays() -> None:
    body = b'[{"a": [[[1, 2]]], "b": [[1], [2]], "c": [{"d": [["x"]]}]}]'
    expected = {"a": [1, 2], "b": [[1], [2]], "c": [{"d": ["x"]}]}
    assert values(body, JsonFormat(normalize=True)) == [expected]


def test_numbers_keep_their_kind_and_the_too_large_ones_become_floats() -> None:
    body = b'[{"a": 1, "b": 1.0, "c": 1e3, "d": 123456789012345678901234, "e": true}]'
    (value,) = values(body, JsonFormat())
    assert value == {"a": 1, "b": 1.0, "c": 1000.0, "d": 123456789012345678901234.0, "e": True}
    assert [type(each) for each in value.values()] == [int, float, float, float, bool]


def test_the_last_of_duplicate_keys_wins_as_in_json_lines() -> None:
    assert values(b'[{"a": 1, "a": 2}]', JsonFormat()) == [{"a": 2}]
    assert values(b'{"a": 1, "a": 2}\n', NdjsonFormat()) == [{"a": 2}]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a": 1}, {"a": NaN}]',
        b'[{"a": 1}, {"a": ' + b"1" * 10_000 + b"}]",
        b'[{"a": 1}, {"a": "\xff"}]',
        b'[{"a": 1}, {"a": 2',
        b'[{"a": 1}] and more',
        b"",
        b"\0",
        b"[" * 100_000,
    ],
    ids=["NaN", "digits", "utf8", "half", "more", "empty", "nul", "deep"],
)
def test_json_that_breaks_ends_the_file(body: bytes) -> None:
    with pytest.raises(SourceFailed, match=r"not valid JSON, or is cut off, after [01] records"):
        read(body, JsonFormat())


def test_a_record_that_is_nested_too_deeply_is_in_error_alone() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    first, second = values(b"[" + deep + b', {"b": 1}]', JsonFormat())
    assert "nested deeper" in first
    assert second == {"b": 1}


def test_an_infinite_number_is_a_record_in_error() -> None:
    first, second = values(b'[{"a": 1e999}, {"b": 1}]', JsonFormat())
    assert "too large" in first
    assert second == {"b": 1}


def test_one_giant_json_record_ends_the_file() -> None:
    body = b'[{"a": [' + b'"xxxxxxxxxxxxxxxx",' * (MAX_RECORD_BYTES // 8) + b'"x"]}]'
    with pytest.raises(SourceFailed, match="One record is larger"):
        read(body, JsonFormat())


def test_what_lies_between_json_records_has_no_limit() -> None:
    skipped = b'{"skip": [' + b"1234567," * (MAX_RECORD_BYTES // 4) + b'1], "hits": [{"a": 1}]}'
    assert values(skipped, JsonFormat("hits")) == [{"a": 1}]


@pytest.mark.parametrize("start", [1, 4])
def test_json_reading_goes_on_after_any_record(start: int) -> None:
    body = json.dumps([{"n": n} for n in range(6)]).encode()
    everything = read(body, JsonFormat())
    assert read(body, JsonFormat(), everything[start].after) == everything[start + 1 :]


def test_memory_does_not_grow_with_the_file() -> None:
    body = b"[" + b",".join(b'{"n": %d, "text": "%s"}' % (n, b"x" * 200) for n in range(20_000))
    of = source(format=JsonFormat())
    raw = [raw_file(body + b"]")]
    tracemalloc.start()
    assert sum(1 for _ in READER.read(of, raw)) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000  # the file has 4.6 MB


def test_broken_lines_of_json_lines_are_records_in_error() -> None:
    body = b'{"a": 1}\n\n{"a": \n[1]\n{"a": "\\ud800"}\n{"a": 2}'
    found = values(body, NdjsonFormat())
    assert [found[0], found[-1]] == [{"a": 1}, {"a": 2}]
    assert [type(each) for each in found] == [dict, str, str, str, dict]


def test_json_lines_go_on_after_any_record() -> None:
    body = b"".join(b'{"n": %d}\n' % n for n in range(5))
    everything = read(body, NdjsonFormat())
    assert read(body, NdjsonFormat(), everything[2].after) == everything[3:]


# --- XML -----------------------------------------------------------------------------------------


@pytest.mark.compliance("C72")
def test_an_element_becomes_an_object_with_its_attributes_and_text() -> None:
    assert values(b'<r><a x="1">t</a></r>', XmlFormat("a", "r")) == [{"a": {"@x": "1", "_$": "t"}}]


def test_siblings_prefixes_namespaces_and_empty_elements() -> None:
    body = b"""<list xmlns="urn:d" xmlns:dc="urn:dc" xmlns:xsi="urn:x">
    <item xml:lang="en" xsi:type="q">
      <dc:title> A </dc:title><dc:title>B<!-- no --></dc:title><none/> text <b/> more
    </item></list>"""
    (value,) = values(body, XmlFormat("item", "list"))
    assert value == {
        "item": {
            "@xml:lang": "en",
            "@xsi:type": "q",
            "dc:title": [{"_$": "A"}, {"_$": "B"}],
            "none": {},
            "b": {},
            "_$": "text  more",
        },
        "_@dc": "urn:dc",
        "_@default": "urn:d",
        "_@xsi": "urn:x",
    }


@pytest.mark.parametrize(
    ("top", "document", "body", "count"),
    [
        ("list", "i", b"<list><i/><i/></list>", 2),
        ("list", "i", b"<root><list><i/></list><i/></root>", 1),
        ("list", "i", b"<list><x><i/></x></list>", 0),
        ("", "i", b"<i><n/></i>", 1),
        ("", "i", b"<root><i/><i/></root>", 2),
        ("o:list", "o:i", b"<o:list xmlns:o='u'><o:i/></o:list>", 1),
        ("list", "i", b"<list><i><i/></i></list>", 1),
    ],
)
def test_where_record_elements_are_looked_for(
    top: str, document: str, body: bytes, count: int
) -> None:
    assert len(read(body, XmlFormat(document, top))) == count


def test_an_xml_document_without_the_container_is_refused() -> None:
    with pytest.raises(SourceFailed, match="no element `list`"):
        read(b"<other><i/></other>", XmlFormat("i", "list"))


BOMB = b"""<!DOCTYPE l [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<l><i>&b;</i></l>"""
FILE = b"""<!DOCTYPE l [<!ENTITY f SYSTEM "file:///etc/passwd">]><l><i>&f;</i></l>"""


@pytest.mark.parametrize("body", [BOMB, FILE])
def test_xml_with_entities_of_its_own_is_refused(body: bytes) -> None:
    with pytest.raises(SourceFailed, match="entities"):
        read(body, XmlFormat("i", "l"))


def test_a_plain_doctype_is_harmless() -> None:
    body = b'<!DOCTYPE l PUBLIC "-//X" "http://127.0.0.1:1/x.dtd"><l><i>1</i></l>'
    assert values(body, XmlFormat("i", "l")) == [{"i": {"_$": "1"}}]


@pytest.mark.parametrize(
    "body",
    [b"<l><i>1</i><i>2</", b"", b"<l>" + b"<i>" * 100_000, b"\0\0", b"<l><i>\x00</i></l>"],
    ids=["half", "empty", "deep", "nul", "nul in text"],
)
def test_xml_that_breaks_ends_the_file(body: bytes) -> None:
    with pytest.raises(SourceFailed, match="not well-formed XML"):
        read(body, XmlFormat("i", "l"))


def test_one_giant_xml_record_ends_the_file() -> None:
    body = b"<l><i>" + b"<x>1234567890</x>" * (MAX_RECORD_BYTES // 8) + b"</i></l>"
    with pytest.raises(SourceFailed, match="One record is larger"):
        read(body, XmlFormat("i", "l"))


def test_xml_memory_does_not_grow_with_the_file_and_reading_goes_on() -> None:
    body = b"<l>" + b"".join(b"<i><n>%d</n></i>" % n for n in range(3_000)) + b"</l>"
    everything = read(body, XmlFormat("i", "l"))
    assert len(everything) == 3_000
    assert read(body, XmlFormat("i", "l"), everything[2_500].after) == everything[2_501:]


def test_deleted_oai_records_are_told_apart() -> None:
    body = b"""<OAI-PMH xmlns="urn:oai"><ListRecords>
      <record><header><identifier>a</identifier></header></record>
      <record><header status="deleted"><identifier>b</identifier></header></record>
    </ListRecords></OAI-PMH>"""
    kept, deleted = read(body, OaiFormat())
    assert kept.value == {
        "record": {"header": {"identifier": {"_$": "a"}}},
        "_@default": "urn:oai",
    }
    assert (deleted.deleted, deleted.value, deleted.error) == (True, None, "")


# --- archives ------------------------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


FILES = {"d/a_file.txt": b"id\n1\n2\n", "readme.md": b"no", "d/b_file.txt": b"id\n3\n"}
IDS = [{"id": "1"}, {"id": "2"}, {"id": "3"}]


@pytest.mark.compliance("C71")
@pytest.mark.parametrize(
    "body",
    [
        zipped(FILES),
        tarred(FILES),
        tarred(FILES, "w:gz"),
        tarred({"d/" + "x" * 150 + name.replace("/", "_"): b for name, b in FILES.items()}),
        tarred(
            {"d/" + "x" * 150 + name.replace("/", "_"): b for name, b in FILES.items()},
            form=tarfile.GNU_FORMAT,
        ),
    ],
    ids=["zip", "tar", "tgz", "long names", "GNU names"],
)
def test_only_matching_files_of_an_archive_are_read(body: bytes) -> None:
    found = read(body, filename_pattern="_file.txt$")
    assert [each.value for each in found] == IDS
    assert [each.ordinal for each in found] == [0, 1, 2]
    assert read(body, start=found[1].after, filename_pattern="_file.txt$") == found[2:]
    assert read(body, start=found[0].after, filename_pattern="_file.txt$") == found[1:]


def test_gzip_is_told_by_content_and_its_members_are_joined() -> None:
    body = gzip.compress(b"id\n1\n") + gzip.compress(b"2\n3\n")
    assert values(body, filename_pattern="never") == IDS


def test_an_archive_without_a_matching_file_is_refused() -> None:
    with pytest.raises(SourceFailed, match="filenamePattern"):
        read(zipped(FILES), filename_pattern="csv$")


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "a/../../b", "..\\x"])
def test_names_that_lead_out_of_the_archive_are_refused(name: str) -> None:
    for body in (zipped({name: b"id\n1\n"}), tarred({name: b"id\n1\n"})):
        with pytest.raises(SourceFailed, match="leads out"):
            read(body)


@pytest.mark.parametrize("inner", [zipped(FILES), gzip.compress(b"id\n1\n", mtime=0)])
@pytest.mark.parametrize(
    "pack", [lambda b: zipped({"a": b}), lambda b: tarred({"a": b}), gzip.compress]
)
def test_archives_in_archives_are_refused(inner: bytes, pack: Any) -> None:
    with pytest.raises(SourceFailed, match="another archive"):
        read(pack(inner))


@pytest.mark.parametrize("pack", [lambda b: zipped({"a": b}), gzip.compress], ids=["zip", "gzip"])
def test_a_bomb_ends_at_the_ratio_limit(pack: Any) -> None:
    body = pack(b"id\n" + (b"1" * 9_999 + b"\n") * (FETCH_RATIO_FREE_BYTES // 5_000))
    with pytest.raises(SourceFailed, match="100 times its size"):
        read(body)


@pytest.mark.parametrize(
    "body", [zipped(FILES)[:200], gzip.compress(b"id\n1\n", mtime=0)[:15], tarred(FILES)[:1_100]]
)
def test_half_an_archive_is_refused(body: bytes) -> None:
    with pytest.raises(SourceFailed, match="cut off"):
        read(body)


def test_an_archive_of_too_many_files_is_refused_unread() -> None:
    body = zipped({f"{n:05}": b"" for n in range(40_000)})
    with pytest.raises(SourceFailed, match="more than 10000 files"):
        read(body)


def test_an_unknown_compression_is_just_a_broken_file() -> None:
    with pytest.raises(SourceFailed):
        read(bz2.compress(b'{"a": 1}'), JsonFormat())


# --- pieces, attempts and details ----------------------------------------------------------------


def test_a_file_in_pieces_is_read_as_one() -> None:
    pieces = [raw_file(b"id\n1", seq=0, piece=0), raw_file(b"\n2\n", seq=1, piece=1)]
    assert [each.value for each in READER.read(source(), pieces)] == [{"id": "1"}, {"id": "2"}]


def test_files_of_an_attempt_that_was_given_up_are_void() -> None:
    old = [raw_file(b"x", seq=n, unit=1, file=n) for n in (0, 1)]
    new = raw_file(b"y", seq=2, unit=1, file=0, attempt=1)
    other = raw_file(b"z", seq=3, unit=2, file=5)
    assert current_files([other, *old, new]) == [[new], [other]]


DETAILS = DetailCalls("https://x.test/${id}", "$.id", take="found", put="extra")


def detail_lines(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_details_are_put_into_their_records() -> None:
    page = raw_file(b'[{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]')
    first = raw_file(
        detail_lines(
            {"ordinal": 0, "detail": {"a": {"found": [1]}}},
            {"ordinal": 1, "error": "The detail call failed: HTTP 500."},
            {"ordinal": 3, "detail": {}},
        ),
        seq=1,
        kind="details",
    )
    again = raw_file(detail_lines({"ordinal": 1, "detail": {"found": 2}}), seq=2, kind="details")
    of = source(format=JsonFormat(), details=DETAILS)
    one, two, three, four = READER.read(of, [page, first])
    assert one.value == {"id": 1, "extra": [1]}
    assert (two.error, two.detail_failed) == ("The detail call failed: HTTP 500.", True)
    assert three.detail_failed
    assert four.value == {"id": 4}
    assert [each.value for each in READER.read(of, [page, first, again])][1] == {
        "id": 2,
        "extra": 2,
    }
