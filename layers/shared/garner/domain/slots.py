"""Names for places in a log: the key of an index, and the id of a task.

A task id is a UUID of version 8 that says where the task is and that we made it: 48 bits of the
index id, 40 bits of slot number, 34 bits of MAC (ingest protocol, section 1). Task Show needs no
further item, and ids can't be guessed.
"""

import hashlib
import hmac
import uuid

_MAC_BITS, _SLOT_BITS = 34, 40
_LOW_SLOT_BITS = 28  # of the slot number, those beside the MAC; the other 12 are in the middle


def index_key(index_id: str) -> str:
    """The first 12 hex digits of an index id: unique, reserved when the index is created."""
    return index_id.replace("-", "")[:12].lower()


class TaskIds:
    """Makes task ids with the first of the deployment's secret keys, reads those of any."""

    def __init__(self, *signing_keys: bytes) -> None:
        self._keys = signing_keys

    def encode(self, index_id: str, n: int) -> str:
        key = index_key(index_id)
        number = (
            int(key, 16) << 80
            | 0x8 << 76
            | (n >> _LOW_SLOT_BITS) << 64
            | 0b10 << 62
            | (n & (1 << _LOW_SLOT_BITS) - 1) << _MAC_BITS
            | _mac(self._keys[0], key, n)
        )
        return str(uuid.UUID(int=number))

    def decode(self, task_id: str) -> tuple[str, int] | None:
        """`(index key, slot)`, or None if it is not an id that `encode` made."""
        try:
            number = uuid.UUID(task_id).int
        except ValueError:
            return None
        key = f"{number >> 80:012x}"
        n = (number >> 64 & 0xFFF) << _LOW_SLOT_BITS | number >> _MAC_BITS & (
            1 << _LOW_SLOT_BITS
        ) - 1
        made = number >> 76 & 0xF == 0x8 and number >> 62 & 0b11 == 0b10
        mac = str(number & (1 << _MAC_BITS) - 1)
        ours = [hmac.compare_digest(mac, str(_mac(each, key, n))) for each in self._keys]
        return (key, n) if made and any(ours) else None


def _mac(signing_key: bytes, key: str, n: int) -> int:
    digest = hmac.digest(signing_key, f"task {key} {n}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> 64 - _MAC_BITS
