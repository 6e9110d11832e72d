"""What the engine has acknowledged and nobody can search yet: packs that wait for their refresh.

A refresh takes one core of the engine for up to half as long as the indexing did and leaves a few
segments, and ten segments are merged into one, which costs as much again. So while there is more to
send, large packs share a refresh, which goes on while the next ones are sent; and so that the last
one is short, there is one whenever as much waits for it as is still to come (docs/adr/0017).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from garner import limits
from garner.domain.tasks import Task, Verdict
from garner.services.drain.send import Flight

if TYPE_CHECKING:
    from garner.services.drain.worker import Worker


@dataclass(slots=True)
class Landed:
    """A pack that was acknowledged as a whole. `refreshed` began after that, or has to."""

    verdicts: Mapping[int, Verdict]
    passed: Sequence[Task]
    refreshed: Future[None] | None = None

    @property
    def is_large(self) -> bool:
        """Half as large as a pack can be."""
        operations, size = sum(task.operations for task in self.passed), _bytes_of(self.passed)
        return 2 * operations >= limits.BLIND_OPERATIONS or 2 * size >= limits.PACK_BYTES


class LandedPacks:
    """In the order of the log. What has landed is decided all but its verdicts."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._packs: deque[Landed] = deque()
        self._noted: Future[None] | None = None
        self._refreshed_at = worker.ports.clock.seconds()

    @property
    def last(self) -> int | None:
        """The last slot of them all."""
        return self._packs[-1].passed[-1].n if self._packs else None

    def add(self, verdicts: Mapping[int, Verdict], passed: Sequence[Task]) -> None:
        self._packs.append(Landed(verdicts, passed))
        if self._is_due:
            self._refresh()

    def settle(self, *, wait: bool) -> None:
        """Gives verdicts to those that are searchable; with `wait` to all of them. After an error
        none of them is known any more: the log says what became of them."""
        if wait and self._waiting:
            self._refresh()
        try:
            while self._packs and (refreshed := self._packs[0].refreshed):
                if not (wait or refreshed.done()):
                    return
                refreshed.result()
                pack = self._packs.popleft()
                self._worker.finish(pack.passed[-1].n, pack.verdicts, pack.passed)
        except BaseException:
            self._packs.clear()
            raise
        if wait and self._noted:
            self._noted.result()

    def refresh_during(self, flight: Flight, passed: Sequence[Task]) -> None:
        """Refreshes on the way while a pack is sent, each time that as much waits as is to come.
        Everything of the pack is made; returns when there is no more to do but to wait for it."""
        flight.close()
        to_come = flight.size + self._bytes_behind(passed)
        waiting, reached = sum(_bytes_of(pack.passed) for pack in self._waiting), 0
        while True:
            even = max(reached, (to_come + reached - waiting) // 2)
            if even >= flight.size or waiting + even - reached < limits.REFRESH_BYTES:
                return
            flight.wait(even)
            self._refresh()
            waiting, reached = 0, even

    # --- when, and how ---------------------------------------------------------------------------

    @property
    def _waiting(self) -> list[Landed]:
        return [pack for pack in self._packs if not pack.refreshed]

    @property
    def _is_due(self) -> bool:
        newest, waiting = self._packs[-1], self._waiting
        since = self._worker.ports.clock.seconds() - self._refreshed_at
        size = sum(_bytes_of(pack.passed) for pack in waiting)
        return (
            not newest.is_large
            or size >= self._bytes_behind(newest.passed)
            or since >= limits.REFRESH_SECONDS
        )

    def _bytes_behind(self, passed: Sequence[Task]) -> int:
        """Of the tasks behind these in the log, if they are of the same size."""
        return _bytes_of(passed) * (self._worker.head - passed[-1].n) // len(passed)

    def _refresh(self) -> None:
        """Makes all that has landed searchable, and what of the next pack has arrived.

        Whatever is written while the engine refreshes lends the refresh its thread first. Behind
        the end of the log nothing else is sent, so the cursor is noted right then, which makes the
        refresh of a load nearly twice as fast.
        """
        worker = self._worker
        self._refreshed_at = worker.ports.clock.seconds()
        refreshed = worker.meanwhile(worker.refresh)
        for pack in self._waiting:
            pack.refreshed = refreshed
        last = self.last
        if last and last >= worker.head:
            self._noted = worker.meanwhile(lambda: self._note(last, refreshed))

    def _note(self, last: int, refreshed: Future[None]) -> None:
        """The first note may be written before the refresh has begun, the second one is not."""
        self._worker.note_cursor(last)
        if not refreshed.done():
            self._worker.note_cursor(last, again=True)


def _bytes_of(tasks: Sequence[Task]) -> int:
    return sum(task.payload.expanded for task in tasks)
