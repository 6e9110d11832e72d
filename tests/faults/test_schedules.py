"""Random schedules of faults: deaths, freezes, late, lost and doubled deliveries, clock errors.

`GARNER_SCHEDULES=20000 pytest tests/faults/test_schedules.py` runs more of them, and
`GARNER_SEED=848` one alone, with its trace.
"""

import os

import pytest

from tests.faults.schedule import Schedule

_SCHEDULES = int(os.environ.get("GARNER_SCHEDULES", "500"))
_SEED = os.environ.get("GARNER_SEED")
_AT_ONCE = 50


@pytest.mark.parametrize("first", range(0, _SCHEDULES, _AT_ONCE) if not _SEED else [int(_SEED)])
def test_every_schedule_ends_with_the_index_equal_to_the_log(first: int) -> None:
    for seed in range(first, first + (1 if _SEED else _AT_ONCE)):
        schedule = Schedule(seed).run()
        if schedule.problems or _SEED:
            print("\n".join(schedule.trace))
        assert schedule.problems == [], f"GARNER_SEED={seed}"
