"""What becomes of a pack in the air."""

from types import SimpleNamespace
from typing import Any

import pytest

from garner import limits
from garner.services.drain.landed import LandedPacks
from tests.fakes.ingest import ManualClock


class InTheAir:
    def __init__(self, operations: int) -> None:
        task: Any = SimpleNamespace(
            n=7, operations=operations, payload=SimpleNamespace(expanded=1_000)
        )
        self.passed = [task]
        self.told: list[str] = []

    def conclude(self) -> None:
        self.told.append("conclude")

    def wait(self) -> None:
        self.told.append("wait")


@pytest.fixture
def landed() -> LandedPacks:
    worker: Any = SimpleNamespace(ports=SimpleNamespace(clock=ManualClock()))
    return LandedPacks(worker)


def test_a_large_pack_stays_in_the_air_until_somebody_has_to_know(landed: LandedPacks) -> None:
    pack = InTheAir(limits.BLIND_OPERATIONS)
    landed.follow(pack)
    landed.settle(wait=False)
    assert (pack.told, landed.last) == ([], 7)
    landed.settle(wait=True)
    assert (pack.told, landed.last) == (["conclude"], None)


def test_a_small_pack_is_concluded_at_once(landed: LandedPacks) -> None:
    pack = InTheAir(1)
    landed.follow(pack)
    assert (pack.told, landed.in_the_air) == (["conclude"], False)


def test_nobody_waits_for_what_was_not_sent_before_the_threads_were_joined(
    landed: LandedPacks,
) -> None:
    """Bulks that a closing pool has cancelled never come to an end."""
    pack = InTheAir(limits.BLIND_OPERATIONS)
    landed.follow(pack)
    landed.close()
    landed.settle(wait=True)
    assert (pack.told, landed.last) == ([], None)
