"""The sample of a source as JSON: what the fetching function answers (controller contract 4.8)."""

from dataclasses import asdict

from garner.contracts.source import parse_descriptor
from garner.errors import JsonObject
from garner.ports.clock import Clock
from garner.ports.sources import Crawler, RecordReader, Transformers
from garner.services.sample_source import sample_source


def answer_sample(
    descriptor: JsonObject,
    size: int,
    *,
    crawler: Crawler,
    reader: RecordReader,
    transformers: Transformers,
    clock: Clock,
    budget_seconds: float,
) -> JsonObject:
    """Nothing is stored. A crawl that fails says why, after the records it got."""
    sample = sample_source(
        parse_descriptor(descriptor).to_source(),
        size,
        crawler=crawler,
        reader=reader,
        transformers=transformers,
        clock=clock,
        budget_seconds=budget_seconds,
    )
    return asdict(sample)
