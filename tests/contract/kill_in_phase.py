"""SIGKILL to the worker of a harvest while its run is in a certain phase.

The worker is stopped while the run's item is read, so that what is read is what is killed in.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from garner.domain.harvest.requests import RequestType
from garner.domain.harvest.run import PHASES, Phase
from tests.contract.curator import Curator

WORK_SECONDS = 0.01  # how long a worker goes on between two looks
SECONDS = 240
ORDER = PHASES[RequestType.UPDATE]


@dataclass
class PhaseKiller:
    """Kills workers of one update; `hits` are the phases that the run was in when they died."""

    curator: Curator
    run_id: str
    hits: list[str] = field(default_factory=list)
    _fence: int = -1
    _workers: list[psutil.Process] = field(default_factory=list)

    def kill_in(self, phase: Phase) -> None:
        """An update that is past the phase is an error: nothing was killed then."""
        deadline = time.monotonic() + SECONDS
        nearby = ORDER[max(ORDER.index(phase) - 2, 0) : ORDER.index(phase) + 1]
        while time.monotonic() < deadline:
            item = self.curator.run_item(self.run_id)
            assert ORDER.index(item.phase) <= ORDER.index(phase), f"{item.phase} already"
            if item.fence != self._fence or not self._workers:
                self._workers, self._fence = self._processes(phase), item.fence
            if item.phase in nearby and self._killed(phase):
                self.hits.append(self.curator.run_item(self.run_id).phase.value)
                return
            time.sleep(WORK_SECONDS)
        raise AssertionError(f"no worker came into the phase {phase}")

    def resume(self) -> None:
        """Sweeps once when the dead worker's lease is over, and waits until somebody has the run.
        (More rings than one would make workers take the run from each other.)"""
        dead = self.curator.run_item(self.run_id)
        time.sleep(max(dead.lease_until - time.time(), 0))
        self.curator.sweep()
        deadline = time.monotonic() + SECONDS
        while self.curator.run_item(self.run_id).fence == dead.fence:
            assert time.monotonic() < deadline, "nobody took the run"
            time.sleep(0.1)

    def _killed(self, phase: Phase) -> bool:
        for worker in self._workers:
            with suppress(psutil.NoSuchProcess):
                worker.suspend()
        now = self.curator.run_item(self.run_id)
        hit = now.phase is phase and now.fence == self._fence and now.is_held
        for worker in self._workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill() if hit else worker.resume()
        return hit and bool(self._workers)

    def _processes(self, phase: Phase) -> list[psutil.Process]:
        """Those in which the local cloud runs the function that works in this phase."""
        function = "FetchWorkerFunction" if phase is Phase.FETCH else "HarvestWorkerFunction"
        name = f"ministack-lambda-{self.curator.physical(function)}-"
        found = []
        for process in psutil.Process(self.curator.stack.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if any(name in argument for argument in process.cmdline()):
                    found.append(process)
        return found
