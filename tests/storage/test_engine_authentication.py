"""The engine's client before an engine that refuses whoever does not say who it is."""

import gzip
from collections.abc import Iterator
from dataclasses import replace

import pytest
from osmem_server import OsmemClone

from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.errors import Unavailable
from garner.ports.engine_writer import ItemResult, Write
from garner.runtime.clock import SystemClock
from garner.storage.aws.credentials import Credentials
from garner.storage.opensearch.bulk import OpenSearchWriter
from garner.storage.opensearch.client import EngineClient, Signer
from garner.storage.opensearch.indexes import OpenSearchIndexes
from garner.storage.opensearch.signers import BasicSigner
from garner.storage.opensearch.sigv4 import SigV4Signer
from tests.fakes import guard
from tests.fakes.ingest import INDEX

SCHEMA = Schema({"rock": FieldType.STRING})


OURS = Credentials(guard.ACCESS_KEY, guard.SECRET_KEY, "of a function's role")


def signer(kind: str, *, right: bool = True) -> Signer:
    if kind == "basic":
        return BasicSigner(guard.USER, guard.PASSWORD if right else "a guess")
    known = OURS if right else replace(OURS, secret_key="a guess")
    return SigV4Signer(guard.REGION, "es", credentials=lambda: known, clock=SystemClock())


@pytest.fixture(params=["basic", "sigv4"])
def guarded(request: pytest.FixtureRequest, clone: OsmemClone) -> Iterator[tuple[str, guard.Guard]]:
    with guard.guarding(clone.url, guard.CHECKS[request.param]) as standing:
        yield request.param, standing


@pytest.mark.parametrize("compress", [False, True])
def test_an_index_is_made_written_and_read(
    guarded: tuple[str, guard.Guard], compress: bool
) -> None:
    kind, standing = guarded
    client = EngineClient(standing.url, signer(kind))
    indexes, writer = OpenSearchIndexes(client), OpenSearchWriter(client, compress=compress)
    indexes.create(INDEX, 1, SCHEMA)
    subject = "https://example.org/Straße?a=b&c=%20#d"
    body = b'{"subject":"core:1","live":true,"entries":[{"visible_to":["public"],"content":{}}]}'
    writes = [Write(doc.document_id(subject), 1 << 24, body)]
    assert writer.bulk(INDEX, writes) == [ItemResult.APPLIED]
    writer.refresh(INDEX)
    assert writer.matching(INDEX, {"match_all": {}}, slot=0, after=None, size=10) == ["core:1"]
    indexes.write_cursor(INDEX, 1)
    assert indexes.cursor(INDEX) == 1
    indexes.drop(INDEX)
    client.close()
    assert standing.refused == 0
    paths = {path for _, path in standing.passed}
    assert all(path.startswith("/garner-") or path == "/_aliases" for path in paths), paths


def test_whoever_is_not_known_gets_nothing_and_hears_no_reason(
    guarded: tuple[str, guard.Guard],
) -> None:
    kind, standing = guarded
    for stranger in (None, signer(kind, right=False)):
        client = EngineClient(standing.url, stranger)
        with pytest.raises(Unavailable) as caught:
            OpenSearchIndexes(client).create(INDEX, 1, SCHEMA)
        assert "Forbidden" not in caught.value.message
        client.close()
    assert (standing.passed, standing.refused) == (set(), 2)


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    sign = signer("sigv4").headers("POST", "http://engine/_bulk", gzip.compress(b"{}"))
    headers = {name.lower(): value for name, value in sign.items()} | {"host": "engine"}
    assert not guard.sigv4("POST", "http://engine/_bulk", headers, b"{}")
