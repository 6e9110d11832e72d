"""Crawls of a local server, step by step as the fetch worker makes them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from garner.domain.harvest.source import (
    CsvFormat,
    DetailCalls,
    JsonFormat,
    OaiFormat,
    Paging,
    Source,
    XmlFormat,
)
from garner.errors import SourceFailed
from garner.limits import FETCH_MIN_PIECE_BYTES, FETCH_TRIES, MAX_DETAILS_PER_STEP
from garner.ports.sources import FailedDetail, current_files
from garner.sources.addresses import Allowed
from garner.sources.crawl.crawler import SourceCrawler
from garner.sources.fetch import GuardedFetch, Timing
from garner.sources.readers.reader import StreamingReader
from tests.fakes.sources import Crawled, InMemoryBuckets, source
from tests.sources.hostile import Answer, Asked, HostileServer, answer, serving

FETCH = GuardedFetch(Allowed(networks=("127.0.0.1/32",)), Timing(2, 5))
READER = StreamingReader()
BUCKETS = InMemoryBuckets(
    {
        "open": {
            "d/1_file.txt": b"id\n1\n",
            "d/2.md": b"",
            "d/x/3_file.txt": b"",
            "one.csv": b"id\n9\n",
        }
    }
)


def crawler(naps: list[float] | None = None) -> SourceCrawler:
    slept = naps if naps is not None else []
    return SourceCrawler(
        FETCH, READER, BUCKETS, slept.append, lambda: datetime(2024, 1, 5, tzinfo=UTC)
    )


def crawled(of: Source, **options: Any) -> Crawled:
    return Crawled().run(crawler(), of, **options)


def records(of: Source, crawl: Crawled) -> list[Any]:
    return [
        record.value or record.error
        for file in current_files(crawl.raw.values())
        for record in READER.read(of, file)
    ]


def at(server: HostileServer, path: str, **changes: Any) -> Source:
    return source(url=server.url(path), allow_http=True, **changes)


def queries(server: HostileServer) -> list[dict[str, str]]:
    return [asked.query for asked in server.asked]


# --- downloads -----------------------------------------------------------------------------------


def test_one_file_is_one_raw_object() -> None:
    with serving(lambda _: answer(b"id\n1\n")) as server:
        of = at(server, "/export?format=csv")
        crawl = crawled(of)
    assert records(of, crawl) == [{"id": "1"}]
    assert queries(server) == [{"format": "csv"}]


LISTING = b"""<html><a href="?C=N">Name</a><a href="../">up</a><a href="a_file.txt">a</a>
<a href="/d/b%20_file.txt">b</a><a href="c_file.txt.bak">c</a><a href="sub/d_file.txt">d</a>
<a href="http://other.test/d/e_file.txt">e</a><a href="//169.254.169.254/d/f_file.txt">f</a>
<a href="..%2fg_file.txt">g</a><a href="file:///d/h_file.txt">h</a><a href="http://[">i</a></html>"""


@pytest.mark.compliance("C67")
def test_a_directory_gives_its_own_matching_files_only() -> None:
    def respond(asked: Asked) -> bytes:
        return answer(LISTING if asked.path == "/d/" else f"id\n{asked.path}\n".encode())

    with serving(respond) as server:
        of = at(server, "/d/", filename_pattern="_file.txt$")
        found = records(of, crawled(of))
    assert found == [{"id": "/d/a_file.txt"}, {"id": "/d/b%20_file.txt"}]


def test_a_directory_without_a_matching_file_is_refused() -> None:
    with (
        serving(lambda _: answer(LISTING)) as server,
        pytest.raises(SourceFailed, match="matches filenamePattern"),
    ):
        crawled(at(server, "/d/", filename_pattern="csv$"))


def test_objects_of_a_bucket_are_read_and_no_others() -> None:
    of = source(url="s3://open/d/", filename_pattern="_file.txt$")
    assert records(of, crawled(of)) == [{"id": "1"}]
    one = source(url="s3://open/one.csv")
    assert records(one, crawled(one)) == [{"id": "9"}]
    with pytest.raises(SourceFailed, match="bucket"):
        crawled(source(url="s3://garner-raw/x"))


ROWS = FETCH_MIN_PIECE_BYTES // 30
WHOLE = b"id\n" + b"".join(b"%099d\n" % n for n in range(ROWS))


def breaking(changing: bool = False) -> Callable[[Asked], bytes]:
    """A server whose connection breaks after each third of the file."""
    third = len(WHOLE) // 3 + 1

    def respond(asked: Asked) -> bytes:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        length, tag = str(len(WHOLE) - start), '"1"'
        if changing and start:
            return answer(WHOLE[:third], 200, Content_Length=str(len(WHOLE)), ETag=tag)
        part = WHOLE[start : start + third]
        if not start:
            return answer(part, Content_Length=length, ETag=tag)
        span = f"bytes {start}-{len(WHOLE) - 1}/{len(WHOLE)}"
        return answer(part, 206, Content_Length=length, ETag=tag, Content_Range=span)

    return respond


def test_a_large_file_that_breaks_off_is_gone_on_with_by_range() -> None:
    with serving(breaking()) as server:
        of = at(server, "/big.csv")
        crawl = crawled(of)
    assert len(records(of, crawl)) == ROWS
    assert [raw.meta.piece for raw in crawl.raw.values()] == [0, 1, 2]
    assert [asked.headers.get("if-range") for asked in server.asked] == [None, '"1"', '"1"']


def test_a_file_that_changes_each_time_is_given_up() -> None:
    with (
        serving(breaking(changing=True)) as server,
        pytest.raises(SourceFailed, match="changes while it is read"),
    ):
        crawled(at(server, "/big.csv"))


def test_a_file_that_changes_once_voids_what_came_before() -> None:
    asked_before: list[Asked] = []

    def respond(asked: Asked) -> bytes:
        asked_before.append(asked)
        if len(asked_before) == 1:
            return breaking()(asked)
        return answer(b"id\nnew\n", ETag='"2"')

    with serving(respond) as server:
        of = at(server, "/big.csv")
        crawl = crawled(of)
    assert len(crawl.raw) == 2
    assert records(of, crawl) == [{"id": "new"}]


# --- passing trouble -----------------------------------------------------------------------------


def test_passing_trouble_is_tried_again_later_each_time() -> None:
    left = [429, 503, 500]

    def respond(_: Asked) -> bytes:
        return answer(b"", left.pop(0), Retry_After="9") if left else answer(b"id\n1\n")

    with serving(respond) as server:
        of = at(server, "/x")
        crawl = crawled(of)
    waits = [step.wait_seconds for step in crawl.steps if step.note]
    assert waits == [9.0, 9.0, 9.0]
    assert records(of, crawl) == [{"id": "1"}]


def test_trouble_that_stays_ends_the_crawl_with_the_request_named() -> None:
    def respond(asked: Asked) -> bytes:
        page = int(asked.query["o"]) // 2
        return answer(b"", 500) if page == 6 else answer(b'[{"id": %d}, {"id": 0}]' % page)

    with serving(respond) as server:
        of = at(server, "/list", format=JsonFormat(), paging=Paging("o", limit=2))
        crawl = Crawled()
        with pytest.raises(SourceFailed, match=r"Request 7 of the crawl: .*HTTP status 500"):
            crawl.run(crawler(), of)
    assert [step.wait_seconds for step in crawl.steps if step.note] == [1.0, 2.0, 4.0, 8.0]
    assert len(crawl.raw) == 6
    assert len(server.asked) == 6 + FETCH_TRIES


def test_no_message_or_cursor_holds_a_credential() -> None:
    with serving(lambda _: answer(b"", 503)) as server:
        url = server.url("/x?api_key=s3cret").replace("://", "://me:pass@")
        crawl = Crawled()
        with pytest.raises(SourceFailed) as caught:
            crawl.run(crawler(), source(url=url, allow_http=True))
    told = repr(crawl.steps) + str(caught.value)
    assert "s3cret" not in told
    assert "pass" not in told


# --- pages ---------------------------------------------------------------------------------------


def numbered(total: int, *, offset: str = "start", limit: int = 3) -> Callable[[Asked], bytes]:
    def respond(asked: Asked) -> bytes:
        start = int(asked.query.get(offset, 0))
        items = [{"id": n} for n in range(start, min(start + limit, total))]
        return answer(json.dumps({"hits": items}).encode())

    return respond


@pytest.mark.compliance("C68", "C69")
def test_web_paging_sends_zero_first_and_stops_at_the_first_short_page() -> None:
    with serving(numbered(7)) as server:
        paging = Paging("start", "rows", 3)
        of = at(server, "/list?q=a%20b&rows=99", format=JsonFormat("hits"), paging=paging)
        found = records(of, crawled(of))
    assert found == [{"id": n} for n in range(7)]
    assert [(each["start"], each["rows"], each["q"]) for each in queries(server)] == [
        ("0", "3", "a b"),
        ("3", "3", "a b"),
        ("6", "3", "a b"),
    ]


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    with serving(numbered(6)) as server:
        of = at(server, "/list", format=JsonFormat("hits"), paging=Paging("start", limit=3))
        assert len(records(of, crawled(of))) == 6
    assert [each["start"] for each in queries(server)] == ["0", "3", "6"]


def test_an_empty_first_page_is_an_empty_source() -> None:
    with serving(numbered(0)) as server:
        of = at(server, "/list", format=JsonFormat("hits"), paging=Paging("start", limit=3))
        assert records(of, crawled(of)) == []
    assert len(server.asked) == 1


@pytest.mark.compliance("C69")
def test_xml_paging_leaves_the_offset_out_on_the_first_page() -> None:
    def respond(asked: Asked) -> bytes:
        start = int(asked.query.get("from", 0))
        items = "".join(f"<i>{n}</i>" for n in range(start, min(start + 2, 3)))
        return answer(f"<l>{items}</l>".encode())

    with serving(respond) as server:
        paging = Paging("from", "size", 2, offset_on_first_page=False)
        of = at(server, "/x", format=XmlFormat("i", "l"), paging=paging)
        assert len(records(of, crawled(of))) == 3
    assert queries(server) == [{"size": "2"}, {"from": "2", "size": "2"}]


def test_a_server_that_ignores_the_offset_comes_to_an_end() -> None:
    with serving(lambda _: answer(b'[{"id": 1}]')) as server:
        of = at(server, "/x", format=JsonFormat(), paging=Paging("o", limit=1))
        crawl = crawled(of)
    assert records(of, crawl) == [{"id": 1}]
    assert "repeats" in crawl.steps[-1].note


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><body>Bad gateway</body></html>", "HTML page"),
        (b'{"hits": [{"id": 1}, {"id"', "cut off"),
        (b'{"error": "quota"}', "no `hits`"),
    ],
)
def test_a_page_that_is_no_page_ends_the_crawl(body: bytes, message: str) -> None:
    with (
        serving(lambda _: answer(body)) as server,
        pytest.raises(SourceFailed, match=message) as caught,
    ):
        crawled(at(server, "/x", format=JsonFormat("hits"), paging=Paging("o")))
    assert "gateway" not in str(caught.value)
    assert "quota" not in str(caught.value)


def test_a_sample_does_not_ask_for_more_pages_than_it_needs() -> None:
    with serving(numbered(1_000)) as server:
        of = at(
            server, "/x", format=JsonFormat("hits"), paging=Paging("start", limit=3), sample_size=4
        )
        crawled(of)
    assert len(server.asked) == 2


# --- details -------------------------------------------------------------------------------------

CALLS = DetailCalls("", "$.id", take="found", put="extra", wait_seconds=0.5)


def with_details(server: HostileServer, **changes: Any) -> Source:
    calls = DetailCalls(
        server.url("/one/${id}?x=${id}").replace("?x=${id}", ""), "$.id", "found", "extra", 0.5
    )
    changes = {"format": JsonFormat(), "details": calls} | changes
    return at(server, "/list", **changes)


def test_details_are_fetched_once_for_each_record() -> None:
    total = MAX_DETAILS_PER_STEP + 5

    def respond(asked: Asked) -> bytes:
        if asked.path == "/list":
            return answer(json.dumps([{"id": n} for n in range(total)]).encode())
        number = asked.path.rpartition("/")[2]
        return answer(b'{"a": {"found": "f%s"}}' % number.encode())

    naps: list[float] = []
    with serving(respond) as server:
        of = with_details(server)
        crawl = Crawled().run(crawler(naps), of)
    assert records(of, crawl) == [{"id": n, "extra": f"f{n}"} for n in range(total)]
    assert len(server.asked) == total + 1
    assert naps == [0.5] * (total - 2)
    assert len(crawl.raw) == 3


def test_ids_fill_one_path_segment_and_nothing_else() -> None:
    ids = ["a/../../b", "..", "x?y#z", "q w", "@evil.test/", "", None]

    def respond(asked: Asked) -> bytes:
        listed = orjson.dumps([{"id": each} for each in ids])
        return answer(listed if asked.path == "/list" else b'{"found": 1}')

    with serving(respond) as server:
        of = with_details(server)
        found = records(of, crawled(of))
    assert [asked.target for asked in server.asked[1:]] == [
        "/one/a%2F..%2F..%2Fb",
        "/one/x%3Fy%23z",
        "/one/q%20w",
        "/one/%40evil.test%2F",
    ]
    assert [isinstance(each, str) for each in found] == [
        False,
        True,
        False,
        False,
        False,
        True,
        True,
    ]


def test_failed_details_are_errors_of_their_record_and_can_be_repeated() -> None:
    broken = {"2": answer(b"", 500), "3": answer(b"no json"), "5": answer(b"", 404)}

    def respond(asked: Asked) -> bytes:
        if asked.path == "/list":
            return answer(json.dumps([{"id": n} for n in range(6)]).encode())
        return broken.get(asked.path.rpartition("/")[2]) or answer(b'{"found": 1}')

    with serving(respond) as server:
        of = with_details(server)
        crawl = crawled(of)
        found = records(of, crawl)
        assert [n for n, each in enumerate(found) if isinstance(each, str)] == [2, 3, 5]
        assert "HTTP status 500" in found[2]
        del broken["2"], broken["3"]
        failed = [FailedDetail(0, 2), FailedDetail(0, 3), FailedDetail(0, 5)]
        cursor = crawler().detail_cursor(crawl.steps[-1].cursor, failed)
        crawl.run(crawler(), of, cursor)
    found = records(of, crawl)
    assert [n for n, each in enumerate(found) if isinstance(each, str)] == [5]
    assert len(server.asked) == 1 + 6 + 3


def test_details_follow_each_page() -> None:
    def respond(asked: Asked) -> bytes:
        if asked.path == "/list":
            return numbered(5)(asked)
        return answer(b'{"found": 1}')

    with serving(respond) as server:
        of = with_details(server, format=JsonFormat("hits"), paging=Paging("start", limit=3))
        crawl = crawled(of)
    assert records(of, crawl) == [{"id": n, "extra": 1} for n in range(5)]
    assert [raw.meta.kind for raw in crawl.raw.values()] == ["data", "details"] * 2


# --- OAI-PMH -------------------------------------------------------------------------------------


class Repository:
    """An OAI-PMH repository with pages of two; tests change how it behaves."""

    def __init__(self, **sets: list[str]) -> None:
        self.sets = sets
        self.granularity = "YYYY-MM-DDThh:mm:ssZ"
        self.has_sets = True
        self.dies_after: dict[str, int] = {}

    def __call__(self, asked: Asked) -> Answer:
        query = asked.query
        body = getattr(self, query["verb"])(query)
        return body if isinstance(body, bytes) and body.startswith(b"HTTP") else self.page(body)

    def page(self, body: str) -> bytes:
        head = '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        date = "<responseDate>2024-01-01T00:00:00Z</responseDate>"
        return answer(f"{head}{date}{body}</OAI-PMH>".encode(), Content_Type="text/xml")

    def Identify(self, _: Any) -> str:  # noqa: N802
        return f"<Identify><granularity>{self.granularity}</granularity></Identify>"

    def ListMetadataFormats(self, _: Any) -> str:  # noqa: N802
        formats = "".join(
            f"<metadataFormat><metadataPrefix>{each}</metadataPrefix></metadataFormat>"
            for each in ("oai_dc", "mods")
        )
        return f"<ListMetadataFormats>{formats}</ListMetadataFormats>"

    def ListSets(self, query: Any) -> str:  # noqa: N802
        if not self.has_sets:
            return '<error code="noSetHierarchy"/>'
        names = list(self.sets)
        at = int(query.get("resumptionToken", 0))
        token = f"<resumptionToken>{at + 1}</resumptionToken>" if at + 1 < len(names) else ""
        return f"<ListSets><set><setSpec>{names[at]}</setSpec></set>{token}</ListSets>"

    def ListRecords(self, query: Any) -> Any:  # noqa: N802
        name, at = query.get("set", ""), 0
        if "resumptionToken" in query:
            name, at = query["resumptionToken"].split("|")
        elif query["metadataPrefix"] not in ("oai_dc", "mods"):
            return '<error code="cannotDisseminateFormat"/>'
        identifiers, at = self.sets[name], int(at)
        if at and self.dies_after.get(name):
            self.dies_after[name] -= 1
            return '<error code="badResumptionToken">secret</error>'
        if not identifiers:
            return '<error code="noRecordsMatch"/>'
        records = "".join(self.record(each) for each in identifiers[at : at + 2])
        following = f"{name}|{at + 2}" if at + 2 < len(identifiers) else ""
        return f"<ListRecords>{records}<resumptionToken>{following}</resumptionToken></ListRecords>"

    def record(self, identifier: str) -> str:
        status = ' status="deleted"' if identifier.startswith("-") else ""
        header = f"<header{status}><identifier>{identifier}</identifier></header>"
        return f"<record>{header}</record>"


def harvested(repository: Repository, **form: Any) -> tuple[Crawled, list[Any], HostileServer]:
    with serving(repository) as server:
        of = at(server, "/oai?fixed=1", format=OaiFormat(**form))
        crawl = crawled(of)
    found = [
        "deleted"
        if record.deleted
        else (record.value or {})["record"]["header"]["identifier"]["_$"]
        for file in current_files(crawl.raw.values())
        for record in READER.read(of, file)
    ]
    return crawl, found, server


@pytest.mark.compliance("C73")
def test_a_repository_is_harvested_set_by_set_through_its_tokens() -> None:
    repository = Repository(a=["a1", "a2", "a3", "a4", "a5"], b=[], c=["-c1", "c2"])
    crawl, found, server = harvested(repository, metadata_prefix="mods")
    assert found == ["a1", "a2", "a3", "a4", "a5", "deleted", "c2"]
    asked = [each for each in queries(server) if each["verb"] == "ListRecords"]
    assert [each.get("metadataPrefix") for each in asked] == ["mods", None, None, "mods", "mods"]
    assert [each.get("set") for each in asked] == ["a", None, None, "b", "c"]
    assert {each["fixed"] for each in asked} == {"1"}
    assert {step.wait_seconds for step in crawl.steps} == {1.0}


def test_named_sets_are_the_only_ones_and_none_means_all_at_once() -> None:
    _, found, server = harvested(Repository(a=["a1"], b=["b1"], c=["c1"]), sets=("c", "a"))
    assert found == ["c1", "a1"]
    assert "ListSets" not in {each["verb"] for each in queries(server)}
    flat = Repository(**{"": ["x", "y", "z"]})
    flat.has_sets = False
    _, found, server = harvested(flat)
    assert found == ["x", "y", "z"]
    assert "set" not in queries(server)[3]


def test_a_prefix_that_is_not_offered_ends_the_crawl_early() -> None:
    with pytest.raises(SourceFailed, match="does not offer the metadataPrefix `marc`"):
        harvested(Repository(a=["a1"]), metadata_prefix="marc")


def test_a_dead_token_starts_its_set_anew_and_voids_what_it_had() -> None:
    repository = Repository(a=["a1"], b=["b1", "b2", "b3", "b4", "b5"])
    repository.dies_after = {"b": 1}
    crawl, found, _ = harvested(repository)
    assert found == ["a1", "b1", "b2", "b3", "b4", "b5"]
    assert [(raw.meta.unit, raw.meta.attempt) for raw in crawl.raw.values()] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (1, 1),
        (1, 1),
    ]
    repository.dies_after = {"b": 99}
    with pytest.raises(SourceFailed, match="gave up its resumption token 3 times"):
        harvested(repository)


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_dead_token_may_be_told_by_the_status_alone(status: int) -> None:
    repository, seen = Repository(a=["a1", "a2", "a3"]), list[str]()
    listed = repository.ListRecords

    def once(query: Any) -> Any:
        if "resumptionToken" in query and not seen:
            seen.append("dead")
            return answer(b"", status)
        return listed(query)

    repository.ListRecords = once  # type: ignore[method-assign]
    assert harvested(repository)[1] == ["a1", "a2", "a3"]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (lambda n: "<record><header><identifier>x</identifier></header></record>", "same records"),
        (lambda n: "", "without records"),
    ],
)
def test_tokens_that_lead_nowhere_end_the_crawl(page: Callable[[int], str], message: str) -> None:
    repository, count = Repository(a=["a"]), iter(range(10_000))

    def endless(_: Any) -> str:
        number = next(count)
        return (
            f"<ListRecords>{page(number)}<resumptionToken>t{number}</resumptionToken></ListRecords>"
        )

    repository.ListRecords = endless  # type: ignore[method-assign]
    with pytest.raises(SourceFailed, match=message):
        harvested(repository)


def test_a_token_that_repeats_itself_ends_the_crawl() -> None:
    repository, count = Repository(a=["a"]), iter(range(10))
    repository.ListRecords = lambda _: (  # type: ignore[method-assign]
        f"<ListRecords>{repository.record(str(next(count)))}<resumptionToken>t</resumptionToken></ListRecords>"
    )
    with pytest.raises(SourceFailed, match="repeats its resumption token"):
        harvested(repository)


def test_a_list_of_sets_that_does_not_end_ends_the_crawl() -> None:
    repository = Repository(a=["a"])
    repository.ListSets = lambda _: "<ListSets><resumptionToken>t</resumptionToken></ListSets>"  # type: ignore[method-assign]
    with pytest.raises(SourceFailed, match="list of sets does not end"):
        harvested(repository)


def test_windows_of_dates_in_the_granularity_of_the_repository() -> None:
    repository = Repository(a=["a1"])
    _, found, server = harvested(repository, sets=("a",), date_from="2024-01-01", window_days=2)
    spans = [(q["from"], q["until"]) for q in queries(server) if q["verb"] == "ListRecords"]
    assert found == ["a1"] * 3
    assert spans == [
        ("2024-01-01T00:00:00Z", "2024-01-02T23:59:59Z"),
        ("2024-01-03T00:00:00Z", "2024-01-04T23:59:59Z"),
        ("2024-01-05T00:00:00Z", "2024-01-05T23:59:59Z"),
    ]
    repository.granularity = "YYYY-MM-DD"
    _, _, server = harvested(
        repository, sets=("a",), date_from="2024-01-01T05:00:00Z", date_until="2024-02-01"
    )
    last = queries(server)[-1]
    assert (last["from"], last["until"]) == ("2024-01-01", "2024-02-01")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (answer(b"<!DOCTYPE html><html>log in</html>"), "HTML page"),
        (answer(b"<rss/>"), "not one of an OAI-PMH repository"),
        (answer(b"<OAI-PMH><Identify>"), "cut off"),
        (answer(b'<OAI-PMH><error code="sEcReT"/></OAI-PMH>'), "does not offer"),
        (answer(b'<!DOCTYPE a [<!ENTITY b "c">]><OAI-PMH/>'), "entities"),
    ],
)
def test_answers_that_are_no_oai_pmh(body: bytes, message: str) -> None:
    with serving(lambda _: body) as server, pytest.raises(SourceFailed, match=message) as caught:
        crawled(at(server, "/oai", format=OaiFormat()))
    assert "sEcReT" not in str(caught.value)


def test_an_oai_error_is_named_if_the_protocol_knows_it() -> None:
    repository = Repository(a=["a"])
    repository.ListRecords = lambda _: '<error code="badArgument">text</error>'  # type: ignore[method-assign]
    with pytest.raises(SourceFailed, match="`badArgument`"):
        harvested(repository)


# --- the cursor ----------------------------------------------------------------------------------


def test_any_step_can_be_repeated_from_its_stored_cursor() -> None:
    repository = Repository(a=["a1", "a2", "a3"], b=["b1"])
    with serving(repository) as server:
        of = at(server, "/oai", format=OaiFormat())
        once, cursor = Crawled(), None
        while True:
            for _ in range(
                2
            ):  # a worker dies after each step, before or after it stored the raw object
                step = crawler().step(of, cursor, once.raw)
                if step.raw:
                    step.raw.body.close()
            twice = crawler().step(of, cursor, once.raw)
            assert twice.cursor == step.cursor
            if twice.raw:
                twice.raw.body.close()
            cursor = orjson.loads(orjson.dumps(step.cursor))
            if step.done:
                break
    assert cursor["seq"] == 3


def test_a_csv_of_one_page_keeps_its_format() -> None:
    with serving(lambda _: answer(b"id;n\n1;2\n")) as server:
        of = at(server, "/x.csv", format=CsvFormat(delimiter=";"))
        assert records(of, crawled(of)) == [{"id": "1", "n": "2"}]
