"""Documents into bulks (ingest protocol 3, step 7)."""

from concurrent.futures import Future

from garner.ports.engine_writer import Write
from garner.services.drain.send import Flight, Sent


def bulks(writes: list[Write]) -> list[list[Write]]:
    launched: list[list[Write]] = []

    def launch(bulk: list[Write]) -> Future[None]:
        launched.append(bulk)
        future: Future[None] = Future()
        future.set_result(None)
        return future

    flight = Flight(launch, Sent(), 3)
    flight.add(writes)
    flight.land()
    return launched


def test_a_bulk_has_at_most_a_thousand_documents_and_the_first_three_a_quarter() -> None:
    writes = [Write(str(i), i, b"{}") for i in range(3_250)]
    assert [len(bulk) for bulk in bulks(writes)] == [250, 250, 250, 1_000, 1_000, 500]


def test_a_bulk_has_at_most_five_megabytes_unless_it_is_one_document() -> None:
    sizes = [2_000_000, 2_000_000, 2_000_000, 9_000_000, 10]
    writes = [Write(str(i), i, b"x" * size) for i, size in enumerate(sizes)]
    found = [[len(write.body or b"") for write in bulk] for bulk in bulks(writes)]
    assert found == [[2_000_000] * 2, [2_000_000], [9_000_000], [10]]


def test_of_two_versions_that_wait_together_the_newer_is_sent() -> None:
    writes = [Write("a", 1, b"old"), Write("b", 2, b"{}"), Write("a", 3, b"new")]
    (bulk,) = bulks(writes)
    assert {write.document_id: write.version for write in bulk} == {"a": 3, "b": 2}


def test_a_replayed_version_does_not_replace_a_newer_one_that_waits() -> None:
    (bulk,) = bulks([Write("a", 3, b"new"), Write("a", 1, b"replayed")])
    assert [write.version for write in bulk] == [3]
