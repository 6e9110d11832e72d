"""Versions of stored documents: V(n, k) = n * 2**24 + k (ingest protocol, section 1).

`n` is the slot of a task in its log, `k` the position of an operation in the task: unique, ordered
like the log, within the engine's 63 bits.
"""

from garner.limits import MAX_OPERATIONS_PER_TASK


def version(n: int, k: int = 0) -> int:
    return n * MAX_OPERATIONS_PER_TASK + k


def slot_of(a_version: int) -> int:
    return a_version // MAX_OPERATIONS_PER_TASK


def position_of(a_version: int) -> int:
    return a_version % MAX_OPERATIONS_PER_TASK
