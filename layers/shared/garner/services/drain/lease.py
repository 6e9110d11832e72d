"""The lease on an index: whoever has it writes, and nobody else (ingest protocol 3, step 1)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from garner.domain.protocol import ProtocolSettings
from garner.errors import Unavailable
from garner.ports.clock import Clock
from garner.ports.task_log import Cursor, LeaseLost, TaskLog


class OutOfTime(Exception):
    """The drain's own deadline is over: stop cleanly."""


class Lease:
    """`deadline` is when this drain sends nothing more, whatever becomes of the lease."""

    def __init__(
        self,
        index_id: str,
        cursor: Cursor,
        until: float,
        *,
        log: TaskLog,
        clock: Clock,
        settings: ProtocolSettings,
    ) -> None:
        self.index_id = index_id
        self.epoch = cursor.epoch
        self.settings = settings
        self.deadline = clock.seconds() + settings.lifetime
        self._until = until
        self._log = log
        self._clock = clock
        self._lost = False
        self._stopped = False

    def check(self) -> None:
        """As late as possible before each send. Raises `LeaseLost`, `OutOfTime`."""
        now = self._clock.seconds()
        if self._lost or now > self._until:
            raise LeaseLost
        if self._stopped or now > self.deadline:
            raise OutOfTime

    def renew(self) -> None:
        """Raises `LeaseLost`; after an `Unavailable` the lease just runs on towards its end."""
        until = self._clock.seconds() + self.settings.lease
        try:
            self._log.renew(self.index_id, self.epoch, until)
        except LeaseLost:
            self._lost = True
            raise
        self._until = until

    def stop(self) -> None:
        """Makes every later `check` fail, so that threads come to an end."""
        self._stopped = True


def take_lease(
    index_id: str, *, log: TaskLog, clock: Clock, settings: ProtocolSettings
) -> tuple[Lease, Cursor] | None:
    """The lease and where the log stands, or None: somebody else is at it, or the engine is known
    to be down."""
    now = clock.seconds()
    until = now + settings.lease
    cursor = log.lease(index_id, now, until)
    if cursor is None:
        return None
    return Lease(index_id, cursor, until, log=log, clock=clock, settings=settings), cursor


@contextmanager
def beating(lease: Lease) -> Iterator[None]:
    """Renews the lease in a thread of its own."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(lease.settings.heartbeat):
            try:
                lease.renew()
            except LeaseLost:
                return
            except Unavailable:
                continue

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
