"""What was sent and nobody can search yet: a pack in the air, packs that wait for their refresh.

A large pack is left in the air while the next one is begun and judged, so that the engine always
has something to do. A refresh leaves a few segments, and many small ones are soon merged, which
costs the engine as much again as they did. So while there is more to send, large packs share a
refresh, which goes on while the next ones are sent (docs/adr/0017).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from garner import limits
from garner.domain.tasks import Task, Verdict

if TYPE_CHECKING:
    from garner.services.drain.worker import Worker


def is_large(passed: Sequence[Task]) -> bool:
    """Half as large as a pack can be."""
    operations = sum(task.operations for task in passed)
    size = sum(task.payload.expanded for task in passed)
    return 2 * operations >= limits.BLIND_OPERATIONS or 2 * size >= limits.PACK_BYTES


class Aloft(Protocol):
    """A pack whose bulks have all been launched."""

    @property
    def passed(self) -> Sequence[Task]: ...

    def conclude(self) -> None:
        """Waits for the bulks, and brings the pack to `LandedPacks.add` or to its verdicts."""
        ...

    def wait(self) -> None:
        """Until nothing of it is in the air, whatever came of it."""
        ...


@dataclass(slots=True)
class Landed:
    """A pack that was acknowledged as a whole. `refreshed` began after that, or has to."""

    verdicts: Mapping[int, Verdict]
    passed: Sequence[Task]
    refreshed: Future[None] | None = None


class LandedPacks:
    """In the order of the log. What has landed is decided all but its verdicts; behind that one
    pack may be in the air."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._packs: deque[Landed] = deque()
        self._aloft: Aloft | None = None
        self._noted: Future[None] | None = None
        self._refreshed_at = worker.ports.clock.seconds()

    @property
    def last(self) -> int | None:
        """The last slot of them all."""
        pack = self._aloft or (self._packs[-1] if self._packs else None)
        return pack.passed[-1].n if pack else None

    @property
    def in_the_air(self) -> bool:
        return self._aloft is not None

    def follow(self, pack: Aloft) -> None:
        """Leaves a large pack in the air until `land`; a small one is concluded at once."""
        self._aloft = pack
        if not is_large(pack.passed):
            self.land()

    def land(self) -> None:
        if pack := self._aloft:
            self._aloft = None
            pack.conclude()

    def add(self, verdicts: Mapping[int, Verdict], passed: Sequence[Task]) -> None:
        self._packs.append(Landed(verdicts, passed))
        if self._is_due:
            self._refresh()

    def settle(self, *, wait: bool) -> None:
        """Gives verdicts to those that are searchable; with `wait` to all of them. After an error
        none of them is known any more: the log says what became of them."""
        if wait:
            self.land()
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
            self._forget()
            raise
        if wait and self._noted:
            self._noted.result()

    def close(self) -> None:
        """The threads are joined: what they had not sent of the pack in the air never will be."""
        self._aloft = None

    def _forget(self) -> None:
        self._packs.clear()
        if pack := self._aloft:
            self._aloft = None
            pack.wait()

    # --- when, and how ---------------------------------------------------------------------------

    @property
    def _waiting(self) -> list[Landed]:
        return [pack for pack in self._packs if not pack.refreshed]

    @property
    def _is_due(self) -> bool:
        since = self._worker.ports.clock.seconds() - self._refreshed_at
        return not is_large(self._packs[-1].passed) or since >= limits.REFRESH_SECONDS

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
