"""Register a descriptor only if every part of it can be used (controller contract 4)."""

from garner.contracts.source import SourceDescriptor, parse_descriptor, problems_of
from garner.domain.harvest.source import Source
from garner.errors import JsonObject
from garner.ports.sources import Transformers


def check_source(
    document: JsonObject, *, transformers: Transformers
) -> tuple[SourceDescriptor, Source]:
    """The descriptor in canonical form and what it means. Raises `ValidationFailed` naming the
    fields, also for paths, patterns and scripts that do not compile."""
    descriptor = parse_descriptor(document)
    source = descriptor.to_source()
    problems = transformers.problems(source)
    if problems:
        raise problems_of(problems)
    return descriptor, source
