"""The units of the steps that go partition by partition.

Rows are always sorted into all partitions. A small source is worked on in one group of them, so
that it costs a few objects a step instead of hundreds; a group is what memory has to hold.
"""

from collections.abc import Iterable, Mapping

from garner import limits
from garner.limits import HARVEST_PARTITIONS
from garner.services.harvest.objects import Ref

NO_SUBJECT = HARVEST_PARTITIONS
"""The section of a base's rows that no index takes."""


def width_for(records: int) -> int:
    """How many partitions a group has, for so many records."""
    return HARVEST_PARTITIONS if records <= limits.SMALL_HARVEST_RECORDS else 1


def groups(width: int) -> list[range]:
    return [range(start, start + width) for start in range(0, HARVEST_PARTITIONS, width)]


def refs_of(stored: Mapping[str, Ref], width: int, group: range) -> Iterable[Ref]:
    """Of objects stored by the first partition of their group of `width`, those that have a part of
    `group`. A wider one also has rows of others."""
    for first, ref in sorted(stored.items(), key=lambda item: int(item[0])):
        if int(first) < group.stop and group.start < int(first) + width:
            yield ref
