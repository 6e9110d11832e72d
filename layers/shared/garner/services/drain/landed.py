"""What the engine has acknowledged and nobody can search yet: packs that wait for their refresh.

A refresh takes the engine as much of one core as a third of the indexing did, writes a few
segments, and ten of those are merged into one, which costs that much again. So while there is more
to send, large packs share a refresh, and it goes on while the next ones are sent (docs/adr/0017).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from garner import limits
from garner.domain.tasks import Task, Verdict

if TYPE_CHECKING:
    from garner.services.drain.worker import Worker


@dataclass(slots=True)
class Landed:
    """A pack that was acknowledged as a whole. `refreshed` began after that, or has to."""

    verdicts: Mapping[int, Verdict]
    passed: Sequence[Task]
    refreshed: Future[None] | None = None

    @property
    def operations(self) -> int:
        return sum(task.operations for task in self.passed)

    @property
    def is_large(self) -> bool:
        """Half as large as a pack can be."""
        size = sum(task.payload.expanded for task in self.passed)
        return 2 * self.operations >= limits.BLIND_OPERATIONS or 2 * size >= limits.PACK_BYTES


class LandedPacks:
    """In the order of the log. What has landed is decided all but its verdicts."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._packs: deque[Landed] = deque()
        self._refreshed_at = worker.ports.clock.seconds()

    @property
    def last(self) -> int | None:
        """The last slot of them all."""
        return self._packs[-1].passed[-1].n if self._packs else None

    def add(self, verdicts: Mapping[int, Verdict], passed: Sequence[Task]) -> None:
        self._packs.append(Landed(verdicts, passed))
        if self._is_due:
            self.refresh()

    @property
    def _is_due(self) -> bool:
        newest = self._packs[-1]
        if newest.passed[-1].n >= self._worker.head or not newest.is_large:
            return True
        waiting = sum(pack.operations for pack in self._packs if not pack.refreshed)
        since = self._worker.ports.clock.seconds() - self._refreshed_at
        return waiting >= limits.REFRESH_OPERATIONS or since >= limits.REFRESH_SECONDS

    def refresh(self) -> None:
        """Makes all that has landed searchable, and what of the next pack has arrived."""
        self._refreshed_at = self._worker.ports.clock.seconds()
        refreshed = self._worker.refresh_meanwhile()
        for pack in self._packs:
            pack.refreshed = pack.refreshed or refreshed

    def settle(self, *, wait: bool) -> None:
        """Gives verdicts to those that are searchable; with `wait` to all of them. After an error
        none of them is known any more: the log says what became of them."""
        if wait and any(not pack.refreshed for pack in self._packs):
            self.refresh()
        try:
            while self._packs and self._packs[0].refreshed:
                refreshed = self._packs[0].refreshed
                if not (wait or refreshed.done()):
                    return
                refreshed.result()
                pack = self._packs.popleft()
                self._worker.finish(pack.passed[-1].n, pack.verdicts, pack.passed)
        except BaseException:
            self._packs.clear()
            raise
