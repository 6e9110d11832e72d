"""Apply the log of an index in order until it is at its end, or until there is reason to stop.

Reads like section 3 of the ingest protocol: lease, next slots, begin, crash limit, validate, bind,
apply, finish, release. What a pack of tasks goes through is in `pack`.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from enum import Enum

from garner import limits
from garner.domain.tasks import Task, TaskError, TaskKind
from garner.errors import NoSuchIndex, QueryTimeout, Unavailable
from garner.ports.engine_writer import AliasMissing
from garner.ports.task_log import Head, LeaseLost, TaskMoved
from garner.services.drain.deletes import delete_by_query
from garner.services.drain.early import end_early
from garner.services.drain.large import apply_load
from garner.services.drain.lease import OutOfTime, take_lease
from garner.services.drain.pack import apply_pack
from garner.services.drain.ports import DrainPorts, EngineDown, NeedsOperator, OutOfSync
from garner.services.drain.worker import Worker

_LOG = logging.getLogger("garner.drain")
_HOLE_POLL = 0.25  # of the grace time
_PACKED = (
    TaskKind.INGEST,
    TaskKind.DECLARE,
    TaskKind.REPLAY,
    TaskKind.DELETE_ENTRY,
    TaskKind.DELETE_SUBJECTS,
)


class DrainEnd(Enum):
    """How a turn ended."""

    BUSY = "busy"  # somebody else has the lease, or the engine is known to be down
    DONE = "done"  # nothing waits any more
    OUT_OF_TIME = "out_of_time"  # work waits, the bell was rung
    LEASE_LOST = "lease_lost"
    UNAVAILABLE = "unavailable"  # engine or table; work waits until the back-off is over
    NEEDS_OPERATOR = "needs_operator"


def drain(index_id: str, *, ports: DrainPorts) -> DrainEnd:
    """One worker's turn. Never raises for what the engine, the table or a task does."""
    started = ports.clock.seconds()
    try:
        taken = take_lease(index_id, log=ports.log, clock=ports.clock, settings=ports.settings)
    except Unavailable:
        return DrainEnd.UNAVAILABLE
    if taken is None:
        return DrainEnd.BUSY
    lease, cursor = taken
    with ports.heart(lease):
        end = _turn(Worker(lease, cursor, ports))
    ports.metrics.count(f"drains_{end.value}")
    ports.metrics.seconds("drain_seconds", ports.clock.seconds() - started)
    return end


def _turn(worker: Worker) -> DrainEnd:
    end = _run(worker)
    if end not in (DrainEnd.DONE, DrainEnd.LEASE_LOST):
        _clean_stop(worker, end)
    return end


def _run(worker: Worker) -> DrainEnd:
    try:
        _Turn(worker).run()
    except LeaseLost:
        return DrainEnd.LEASE_LOST
    except OutOfTime:
        return DrainEnd.OUT_OF_TIME
    except (EngineDown, Unavailable, QueryTimeout):
        return DrainEnd.UNAVAILABLE
    except NeedsOperator as stop:
        worker.ports.metrics.count(stop.reason)
        _LOG.error("The drain needs an operator", extra={"index_id": worker.index_id})
        return DrainEnd.NEEDS_OPERATOR
    finally:
        worker.close()  # all threads are joined before the lease goes
    return DrainEnd.DONE


def _clean_stop(worker: Worker, end: DrainEnd) -> None:
    """Takes this turn's attempts back and lets the lease go; nothing that waits is forgotten. What
    has landed is kept: else a turn that ends within its second pack would begin again for ever."""
    ports, epoch = worker.ports, worker.lease.epoch
    out_of_time = end is DrainEnd.OUT_OF_TIME
    backoff = None if out_of_time else ports.clock.seconds() + ports.settings.backoff
    try:
        with suppress(OutOfTime, EngineDown, OutOfSync, CancelledError):  # of its refresh
            worker.landed.settle(wait=False)
        worker.give_back(list(worker.begun))
        ports.log.let_go(worker.index_id, epoch, backoff)
        if out_of_time:
            ports.doorbell.ring(worker.index_id)
    except (LeaseLost, TaskMoved, Unavailable):
        _LOG.warning("The lease runs out by itself", extra={"index_id": worker.index_id})


class _Turn:
    """The loop over the log."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._ports = worker.ports
        self._empty_since: dict[int, float] = {}

    def run(self) -> None:
        """Returns when the log is at its end and the lease released."""
        worker, log = self._worker, self._ports.log
        worker.read_schema()
        while True:
            worker.lease.check()
            head = log.head(worker.index_id)
            if head is None:  # removed with all its data
                log.let_go(worker.index_id, worker.lease.epoch)
                return
            try:
                if worker.reached < head.head:
                    self._step(head)
                    continue
                worker.landed.settle(wait=True)
                if self._release():
                    return
            except (OutOfSync, AliasMissing, NoSuchIndex):
                self._require_deleted()
            except TaskMoved:
                continue

    def _release(self) -> bool:
        worker = self._worker
        if worker.applied:
            worker.note_cursor(worker.applied)
        return self._ports.log.release(worker.index_id, worker.lease.epoch, worker.applied)

    def _require_deleted(self) -> None:
        """Without its alias an index is deleted, and its tasks end CANCELLED; or somebody has to
        look at it."""
        worker = self._worker
        head = self._ports.log.head(worker.index_id)
        if head is not None and head.cancel_upto <= worker.applied:
            raise NeedsOperator("aliases_missing")

    def _step(self, head: Head) -> None:
        """Brings at least the next slot to its end, or waits for it."""
        worker = self._worker
        worker.head = head.head
        first = worker.reached + 1
        slots = range(first, min(head.head, worker.reached + limits.LOOK_AHEAD_SLOTS) + 1)
        window = self._ports.log.tasks(worker.index_id, slots)
        task = window.get(first)
        if not task or task.state.is_terminal or not _may_share(task, head):
            # Only a pack is sent while others wait for their refresh.
            worker.landed.settle(wait=True)
        self._void_holes([n for n in slots if n not in window])
        if task is None:
            return
        if task.state.is_terminal:
            decided = _decided_from(window, first)
            worker.finish(decided[-1].n, {}, decided)
        elif task.n <= head.cancel_upto or task.cancel:
            end_early(worker, task, TaskError.CANCELLED, head)
        elif task.attempts >= self._ports.settings.max_attempts:
            end_early(worker, task, TaskError.WORKER_CRASH, head)
        elif task.kind is TaskKind.DELETE_BY_QUERY:
            delete_by_query(worker, task)
        elif task.kind is TaskKind.UPLOAD:
            apply_load(worker, task)
        else:
            most = limits.PACK_OPERATIONS if worker.schema.multi_entry else limits.BLIND_OPERATIONS
            passed = _pack_at(window, task, head, most)
            apply_pack(worker, [each for each in passed if not each.state.is_terminal], passed)

    def _void_holes(self, holes: Sequence[int]) -> None:
        """An empty slot is decided after a grace time, counted for all holes in sight at once."""
        clock, grace = self._ports.clock, self._ports.settings.void_grace
        now = clock.seconds()
        for n in holes:
            self._empty_since.setdefault(n, now)
        over = [n for n in holes if now - self._empty_since[n] >= grace]
        for n in over:
            self._ports.log.void(self._worker.index_id, n)
            self._ports.metrics.count("slots_voided")
        if holes and holes[0] == self._worker.applied + 1 and not over:
            clock.sleep(grace * _HOLE_POLL)


def _decided_from(window: Mapping[int, Task], first: int) -> list[Task]:
    run: list[Task] = []
    while (task := window.get(first + len(run))) and task.state.is_terminal:
        run.append(task)
    return run


def _pack_at(window: Mapping[int, Task], first: Task, head: Head, most: int) -> list[Task]:
    """The longest run that may share bulks and one finish: plain tasks without earlier attempts,
    and slots between them that are decided already."""
    pack, live = [first], 1
    operations, size = first.operations, first.payload.expanded
    while first.attempts == 0 and (task := window.get(pack[-1].n + 1)):
        if not task.state.is_terminal:
            live += 1
            operations += task.operations
            size += task.payload.expanded
            if (
                not _may_share(task, head)
                or live > limits.PACK_TASKS
                or operations > most
                or size > limits.PACK_BYTES
            ):
                break
        pack.append(task)
    return pack


def _may_share(task: Task, head: Head) -> bool:
    return (
        task.kind in _PACKED
        and task.attempts == 0
        and not task.cancel
        and task.n > head.cancel_upto
    )
