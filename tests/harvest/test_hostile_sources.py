"""Hostile and broken sources (harvest 5): after one good update, what they send ends the next one
in a defined state, with a message that a curator understands, and the index keeps what it had.

A source of each kind is served over HTTP; the answer on trial takes the place of the good one.
"""

import gzip
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from garner.sources.addresses import Allowed
from garner.sources.fetch import GuardedFetch, Timing
from tests.harvest.service import SRC, InProcessService
from tests.sources.hostile import Answer, Asked, answer, serving
from tests.storage.conftest import WritePath

RECORDS = 20
ROWS = [f"{n},Stone {n},{n}.5,a;b" for n in range(RECORDS)]
CSV = "\n".join(["cat num,name,weight,tags", *ROWS]).encode()
TRANSFORM = '{"name": name}'
UTF_16 = b"\xff\xfe" + CSV.decode().encode("utf-16-le")
BAD_VERB = '<error code="badVerb"/>'
PAGE = 3
"""Records of a JSON page, so that there is a seventh one."""

Reply = Callable[[Asked], Answer]


def always(body: bytes = b"", status: int = 200, **headers: str) -> Reply:
    return lambda _: answer(body, status, **headers)


def json_page(asked: Asked) -> Answer:
    first = int(asked.query["offset"])
    numbers = range(first, min(first + PAGE, RECORDS))
    return json_records(*map(stone, numbers))


def stone(number: int) -> str:
    return f'{{"id": "{number}", "name": "Stone {number}"}}'


def json_records(*records: str) -> bytes:
    return answer(f'{{"records": [{", ".join(records)}]}}'.encode())


def among_good_ones(record: str) -> Reply:
    """In the place of record 1."""

    def reply(asked: Asked) -> Answer:
        if asked.query["offset"] != "0":
            return json_page(asked)
        return json_records(stone(0), record, stone(2))

    return reply


def shifted_by_one(asked: Asked) -> Answer:
    """A record came in at the front while the list was read: each page repeats one."""
    first = max(int(asked.query["offset"]) - 1, 0)
    return json_records(*(stone(n) for n in range(first, min(first + PAGE, RECORDS))))


def xml_list(body: str) -> bytes:
    return answer(f"<stones>{body}</stones>".encode())


def xml_good(_: Asked) -> Answer:
    return xml_list("".join(f"<s><id>{n}</id><name>Stone {n}</name></s>" for n in range(RECORDS)))


def oai(body: str) -> bytes:
    text = f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{body}</OAI-PMH>'
    return answer(text.encode())


def oai_with(records: Callable[[Asked], str]) -> Reply:
    def reply(asked: Asked) -> Answer:
        match asked.query["verb"]:
            case "Identify":
                return oai("<Identify><granularity>YYYY-MM-DD</granularity></Identify>")
            case "ListMetadataFormats":
                prefix = "<metadataFormat><metadataPrefix>oai_dc</metadataPrefix></metadataFormat>"
                return oai(f"<ListMetadataFormats>{prefix}</ListMetadataFormats>")
            case "ListSets":
                return oai('<error code="noSetHierarchy"/>')
        found = records(asked)
        return oai(found if found == BAD_VERB else f"<ListRecords>{found}</ListRecords>")

    return reply


def oai_record(number: int) -> str:
    metadata = f"<metadata><name>Stone {number}</name></metadata>"
    return f"<record><header><identifier>{number}</identifier></header>{metadata}</record>"


def repeated_token(_: Asked) -> str:
    return oai_record(1) + "<resumptionToken>1</resumptionToken>"


def fresh_token(asked: Asked) -> str:
    page = int(asked.query.get("resumptionToken", "0"))
    return f"<resumptionToken>{page + 1}</resumptionToken>"


DESCRIPTORS: dict[str, dict[str, Any]] = {
    "csv": {"ingestMethod": "CSV", "primaryKeyJSONPath": "$.'cat num'"},
    "json": {
        "ingestMethod": "WEB",
        "parserType": "json",
        "documentElement": "records",
        "offsetParam": "offset",
        "limitParam": "limit",
        "limitValue": str(PAGE),
        "primaryKeyJSONPath": "$.id",
    },
    "xml": {
        "ingestMethod": "XML",
        "topElement": "stones",
        "documentElement": "s",
        "primaryKeyJSONPath": "$.s.id.'_$'",
        "transformScript": '{"name": s.name.`_$`}',
    },
    "oai": {
        "ingestMethod": "OAI",
        "sleepTimeSecs": "0",
        "primaryKeyJSONPath": "$.record.header.identifier.'_$'",
        "transformScript": '{"name": record.metadata.name.`_$`}',
    },
}
GOOD: dict[str, Reply] = {
    "csv": always(CSV),
    "json": json_page,
    "xml": xml_good,
    "oai": oai_with(lambda _: "".join(map(oai_record, range(RECORDS)))),
}


def zip_of(name: str, body: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return buffer.getvalue()


def fails_on_page_seven(asked: Asked) -> Answer:
    return answer(b"oops", 500) if asked.query["offset"] == str(6 * PAGE) else json_page(asked)


def drips(stopped: threading.Event) -> Reply:
    def dripping() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        while not stopped.wait(0.02):
            yield b"x"

    return lambda _: dripping()


ENTITIES = b"<!DOCTYPE stones [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><stones>&b;</stones>"
HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"
LONG_LINE = b"1," + b"2" * 100_000 + b"\n"
DEEP = '{"id": "deep", "name": ' + "[" * 100_000 + "]" * 100_000 + "}"

# What a source sends → kind of source, its answers, what the message of the run says.
CASES: dict[str, tuple[str, Reply, str]] = {
    "HTML instead of data": ("csv", always(HTML), "HTML"),
    "half a file": ("csv", always(CSV[:200], Content_Length=str(len(CSV))), "broke off"),
    "truncation that still parses": ("csv", always(CSV[: CSV.index(b"9,Stone")]), "Accounting"),
    "nothing at all": ("csv", always(b""), "column names"),
    "a header alone": ("csv", always(CSV[: CSV.index(b"\n")]), "found no record"),
    "an unclosed quote": ("csv", always(CSV + b'\n99,"open,1,a\n' + CSV), "quote"),
    "a line without an end": ("csv", always(CSV + b"\n" + b"x" * 5_000_000), "4,000,000 bytes"),
    "half of UTF-16": ("csv", always(UTF_16[:-1]), "UTF-16"),
    "a status of 404": ("csv", always(b"secret page", 404), "404"),
    "a private address": ("csv", always(status=302, Location="http://10.0.0.1/"), "may not use"),
    "a redirect to a file": ("csv", always(status=302, Location="file:///etc/passwd"), "address"),
    "a redirect in a loop": ("csv", always(status=302, Location="/stones"), "redirects more than"),
    "a gzip bomb": (
        "csv",
        always(gzip.compress(bytes(30_000_000)), Content_Encoding="gzip"),
        "expands to more than",
    ),
    "a zip bomb": ("csv", always(zip_of("a.csv", LONG_LINE * 300)), "expands to more than"),
    "a zip that leads out": ("csv", always(zip_of("../a.csv", CSV)), "leads out"),
    "500 on page 7": ("json", fails_on_page_seven, "500"),
    "a page of HTML": ("json", always(HTML), "HTML"),
    "not a number": ("json", among_good_ones('{"id": "x", "name": NaN}'), "JSON"),
    "10,000 digits": ("json", among_good_ones(f'{{"id": "x", "n": {"1" * 10_000}}}'), "JSON"),
    "a depth of 100,000": ("json", among_good_ones(DEEP), "in error"),
    "JSON that ends early": ("json", always(b'{"records": [{"id": "0", "na'), "cut off"),
    "offsets that shift": ("json", shifted_by_one, "share a key"),
    "an entity bomb": ("xml", always(ENTITIES), "entities"),
    "XML that ends early": ("xml", always(b"<stones><s><id>1</id>"), "cut off"),
    "another document": ("xml", always(b"<error>no</error>"), "stones"),
    "a token that repeats": ("oai", oai_with(repeated_token), "repeats its resumption token"),
    "tokens that never end": ("oai", oai_with(fresh_token), "tokens without records"),
    "an error of the protocol": ("oai", oai_with(lambda _: BAD_VERB), "badVerb"),
}
# What is taken as it comes → the counts of new, same, changed.
TAKEN: dict[str, tuple[str, Reply, tuple[int, int, int]]] = {
    "UTF-16": ("csv", always(UTF_16), (0, RECORDS, 0)),
    "NUL": ("csv", always(CSV.replace(b"Stone 3", b"Stone\x003")), (0, RECORDS - 1, 1)),
    "duplicate headers": ("csv", always(CSV.replace(b"weight", b"name")), (0, 0, RECORDS)),
    "duplicate keys": ("json", among_good_ones('{"id": "?", "id": "1", "name": "x"}'), (0, 19, 1)),
    "half of a surrogate pair": (
        "json",
        among_good_ones('{"id": "1", "name": "\\ud800"}'),
        (0, RECORDS - 1, 1),
    ),
}


@dataclass
class Source:
    """`reply` is what it answers now."""

    reply: Reply
    stopped: threading.Event = field(default_factory=threading.Event)

    def answered(self, asked: Asked) -> Answer:
        return self.reply(asked)


@pytest.fixture
def hostile(write_path: WritePath) -> Iterator[tuple[InProcessService, Source]]:
    source = Source(always())
    with serving(source.answered) as server:
        service = InProcessService(write_path, server.url("/stones"))
        service.fetch_seconds = 0.0  # pauses between tries are the scheduler's
        yield service, source
        source.stopped.set()


def updated_once(service: InProcessService, source: Source, kind: str) -> None:
    changes = {"transformScript": TRANSFORM, **DESCRIPTORS[kind]}
    answered = service.register(**changes)
    assert answered.status == 200, answered.json
    source.reply = GOOD[kind]
    run = service.update()
    assert (run["status"], run["counts"]["numIndexed"]) == ("SUCCESS", RECORDS), run


def refused(service: InProcessService) -> str:
    """The message of an update that has to fail and to leave the index as it is."""
    before = service.head, service.entries
    run = service.update()
    assert run["status"] == "FAILED", run
    assert (service.head, service.entries) == before
    shown = service.api("GET", f"/v1/source/{SRC}").json
    assert shown["last_refusal"] == run["message"]
    assert shown["status"] in ("ERROR", "STUCK")
    message: str = run["message"]
    return message


@pytest.mark.parametrize("case", CASES)
def test_what_a_hostile_source_sends_leaves_the_index_and_says_why(hostile, case: str) -> None:
    service, source = hostile
    kind, reply, words = CASES[case]
    updated_once(service, source, kind)
    source.reply = reply
    message = refused(service)
    assert words in message


@pytest.mark.parametrize("case", TAKEN)
def test_what_looks_odd_and_means_something_is_taken(hostile, case: str) -> None:
    service, source = hostile
    kind, reply, (new, same, changed) = TAKEN[case]
    updated_once(service, source, kind)
    source.reply = reply
    run = service.update()
    counts = run["counts"]
    assert run["status"] == "SUCCESS", run
    assert (counts["newCount"], counts["sameCount"], counts["changeCount"]) == (new, same, changed)


def test_a_slow_drip_leaves_the_index_and_says_why(hostile) -> None:
    service, source = hostile
    updated_once(service, source, "csv")
    patient = service.on.crawler
    hasty = GuardedFetch(Allowed(hosts=frozenset(("127.0.0.1",))), Timing(total=0.3))
    service.on.crawler = replace(patient, fetch=hasty)
    del service.on.fetching
    source.reply = drips(source.stopped)
    assert "took too long" in refused(service)
