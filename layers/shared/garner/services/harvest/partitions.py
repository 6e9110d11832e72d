"""The units of the steps that go partition by partition."""

from garner.limits import HARVEST_PARTITIONS

PARTITIONS = range(HARVEST_PARTITIONS)
NO_SUBJECT = HARVEST_PARTITIONS
"""The section of a base's rows that no index takes."""
