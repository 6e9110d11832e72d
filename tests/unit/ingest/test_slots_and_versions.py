"""Task ids and document versions (ingest protocol, section 1)."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from garner.domain.slots import TaskIds, index_key
from garner.domain.versions import position_of, slot_of, version
from garner.limits import MAX_OPERATIONS_PER_TASK

IDS = TaskIds(b"a secret of this deployment......")


@given(st.uuids(), st.integers(min_value=1, max_value=2**40 - 1))
def test_a_task_id_says_where_its_task_is(index: uuid.UUID, n: int) -> None:
    task_id = IDS.encode(str(index), n)
    assert IDS.decode(task_id) == (index_key(str(index)), n)
    assert uuid.UUID(task_id).version == 8
    assert uuid.UUID(task_id).variant == uuid.RFC_4122


@given(st.uuids(), st.integers(min_value=1, max_value=2**40 - 1), st.integers(0, 127))
def test_no_other_id_is_taken_for_one_of_ours(index: uuid.UUID, n: int, bit: int) -> None:
    changed = uuid.UUID(int=uuid.UUID(IDS.encode(str(index), n)).int ^ 1 << bit)
    assert IDS.decode(str(changed)) is None


def test_another_key_makes_other_ids() -> None:
    task_id = IDS.encode("0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d", 7)
    assert TaskIds(b"another secret").decode(task_id) is None


def test_ids_made_before_a_rotation_stay_known_as_long_as_their_key_is_kept() -> None:
    index_id = "0d0d0d0d-0d0d-4d0d-8d0d-0d0d0d0d0d0d"
    rotated = TaskIds(b"another secret", b"a secret of this deployment......")
    assert rotated.decode(IDS.encode(index_id, 7)) == (index_key(index_id), 7)
    assert IDS.decode(rotated.encode(index_id, 7)) is None


@pytest.mark.parametrize("text", ["", "x", "00000000-0000-0000-0000-000000000000", "7" * 36])
def test_what_is_not_an_id_at_all_is_not_one(text: str) -> None:
    assert IDS.decode(text) is None


SLOTS = st.integers(min_value=1, max_value=2**39 - 1)
POSITIONS = st.integers(min_value=0, max_value=MAX_OPERATIONS_PER_TASK - 1)


@given(SLOTS, POSITIONS)
def test_a_version_holds_its_slot_and_position(n: int, k: int) -> None:
    at = version(n, k)
    assert (slot_of(at), position_of(at)) == (n, k)
    assert at < 2**63


@given(SLOTS, POSITIONS, SLOTS, POSITIONS)
def test_versions_are_ordered_like_the_log(n: int, k: int, m: int, j: int) -> None:
    assert (version(n, k) < version(m, j)) == ((n, k) < (m, j))
