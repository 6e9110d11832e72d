"""Sending until every document has an answer (ingest protocol 3, step 7)."""

from garner import limits
from garner.ports.engine_writer import Write
from garner.services.drain.send import bulks


def test_a_bulk_has_at_most_a_thousand_documents() -> None:
    writes = [Write(str(i), i, b"{}") for i in range(2_500)]
    assert [len(bulk) for bulk in bulks(writes)] == [1_000, 1_000, 500]


def test_a_bulk_has_at_most_five_megabytes_unless_it_is_one_document() -> None:
    sizes = [2_000_000, 2_000_000, 2_000_000, 9_000_000, 10]
    writes = [Write(str(i), i, b"x" * size) for i, size in enumerate(sizes)]
    found = [[len(write.body or b"") for write in bulk] for bulk in bulks(writes)]
    assert found == [[2_000_000] * 2, [2_000_000], [9_000_000], [10]]
    assert limits.BULK_BYTES == 5_000_000
