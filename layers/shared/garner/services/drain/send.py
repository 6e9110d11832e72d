"""Send documents until each has an answer (ingest protocol 3, step 7 and item outcomes)."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait

import orjson

from garner import limits
from garner.domain.versions import slot_of
from garner.errors import QueryTimeout, Unavailable
from garner.ports.engine_writer import BulkTooLarge, ItemResult, StoredDocument, Write
from garner.services.drain.lease import Lease
from garner.services.drain.ports import DrainPorts, EngineDown, NeedsOperator

_BYTES_BESIDE_BODY = 120  # the action line of a bulk


class Sent:
    """What became of documents: ids that the engine refused for good, and ids that a newer write
    stands on. `quiet_at` is when the last request without an answer can have arrived."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.superseded: set[str] = set()


class Sender:
    """Several bulks in flight. Threads touch nothing but this object, the ports and the lease."""

    def __init__(self, lease: Lease, ports: DrainPorts) -> None:
        self._lease = lease
        self._ports = ports
        self._pool = ports.senders()
        self._lock = threading.Lock()
        self._marked = False
        self.quiet_at = 0.0

    def close(self) -> None:
        """Joins the threads; what they were at is given up before its next send."""
        self._lease.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def send(self, writes: Iterable[Write]) -> Sent:
        """Returns when every document is acknowledged or refused for good.

        Raises `LeaseLost`, `OutOfTime`, `EngineDown`, `AliasMissing`, `NeedsOperator`.
        """
        flight = self.open()
        flight.add(writes)
        return flight.land()

    def open(
        self, before_launch: Callable[[], None] = lambda: None, *, hurry: bool = True
    ) -> "Flight":
        """Documents that are sent while more of them are made; `before_launch` is called before
        each bulk. With `hurry` the first bulks are small, for an engine with nothing to do."""
        sent = Sent()

        def launch(bulk: list[Write]) -> Future[None]:
            before_launch()
            self._mark_tombstones(bulk)
            return self._pool.submit(self._deliver, bulk, sent)

        return Flight(launch, sent, self._ports.settings.bulks_in_flight if hurry else 0)

    def _mark_tombstones(self, bulk: Sequence[Write]) -> None:
        """Before the first is sent: from then on the purge has to look at this index."""
        if self._marked or not any(write.tombstone for write in bulk):
            return
        at = self._ports.clock.seconds() + self._ports.settings.purge_after
        self._ports.log.mark_tombstones(self._lease.index_id, at)
        self._marked = True

    def _deliver(self, bulk: Sequence[Write], sent: Sent) -> None:
        clock, settings = self._ports.clock, self._ports.settings
        todo, wait, since = list(bulk), settings.retry_first, clock.seconds()
        while todo:
            left, answered = self._try(todo, sent)
            if not left or (answered and len(left) < len(todo)):
                wait, since = settings.retry_first, clock.seconds()
            elif clock.seconds() - since > settings.patience:
                raise EngineDown
            if left and not (answered and self._all_known(left, todo)):
                self._ports.metrics.count("bulk_retries")
                clock.sleep(wait * (0.5 + self._ports.ids.jitter()))
                wait = min(2 * wait, settings.retry_most)
            todo = left

    def _all_known(self, left: Sequence[Write], todo: Sequence[Write]) -> bool:
        """Only documents that were superseded are left, to be acknowledged as they stand."""
        versions = {write.document_id: write.version for write in todo}
        return all(write.version > versions[write.document_id] for write in left)

    def _try(self, todo: Sequence[Write], sent: Sent) -> tuple[list[Write], bool]:
        """One request: what has to be sent again, and whether an answer came."""
        self._lease.check()
        try:
            results = self._ports.writer.bulk(self._lease.index_id, todo)
        except BulkTooLarge:
            return self._halve(todo, sent), True
        except (Unavailable, QueryTimeout):
            self._no_answer()
            return list(todo), False
        if results.count(ItemResult.APPLIED) == len(todo):
            return [], True
        left: list[Write] = []
        late: list[Write] = []
        for write, result in zip(todo, results, strict=True):
            match result:
                case ItemResult.SUPERSEDED:
                    late.append(write)
                case ItemResult.REJECTED:
                    self._note(sent.refused, write)
                case ItemResult.RETRYABLE:
                    left.append(write)
        return left + self._standing(late, sent), True

    def _halve(self, todo: Sequence[Write], sent: Sent) -> list[Write]:
        if len(todo) == 1:
            self._note(sent.refused, todo[0])
            return []
        middle = len(todo) // 2
        for half in (todo[:middle], todo[middle:]):
            self._deliver(half, sent)
        return []

    def _standing(self, late: Sequence[Write], sent: Sent) -> list[Write]:
        """After a conflict the newer document is read and sent as it is, at its own version, until
        that is acknowledged: a fail-over may still lose it."""
        if not late:
            return []
        current = self._read(late)
        if current is None:
            return list(late)
        again = []
        for write in late:
            found = current.get(write.document_id)
            if found is None or found.version < write.version:
                again.append(write)
                continue
            self._require_ours(found.version)
            if found.version > write.version:
                self._note(sent.superseded, write)
            again.append(Write(write.document_id, found.version, orjson.dumps(found.document)))
        return again

    def _read(self, writes: Sequence[Write]) -> dict[str, StoredDocument] | None:
        try:
            return self._ports.writer.read(
                self._lease.index_id, [write.document_id for write in writes]
            )
        except (Unavailable, QueryTimeout):
            return None

    def _require_ours(self, found: int) -> None:
        """A version above everything the log has handed out was written by somebody else."""
        index_id, log = self._lease.index_id, self._ports.log
        head = log.head(index_id)
        if head and slot_of(found) > head.head:
            if log.cursor(index_id).epoch != self._lease.epoch:
                self._lease.renew()  # raises LeaseLost: a thawed worker raises no alarm
            raise NeedsOperator("foreign_writes")

    def _no_answer(self) -> None:
        quiet_at = self._ports.clock.seconds() + self._ports.settings.arrival
        with self._lock:
            self.quiet_at = max(self.quiet_at, quiet_at)

    def _note(self, ids: set[str], write: Write) -> None:
        with self._lock:
            ids.add(write.document_id)


class Flight:
    """Gathers documents into bulks of at most 5 MB or 1,000 and sends each when it is full. The
    `first` ones are full sooner, so that the engine has something to do at once.

    Of two versions of one document that wait for the same bulk only the newer one is sent.
    """

    def __init__(
        self, launch: Callable[[list[Write]], Future[None]], sent: Sent, first: int
    ) -> None:
        self._launch = launch
        self._first = first
        self._sent = sent
        self._flying: list[Future[None]] = []
        self._waiting: dict[str, Write] = {}
        self._size = 0

    def add(self, writes: Iterable[Write]) -> None:
        for write in writes:
            before = self._waiting.get(write.document_id)
            length = _length(write)
            if before:
                if before.version > write.version:  # only a replay can come that late
                    self._sent.superseded.add(write.document_id)
                    continue
                self._size -= _length(before)
            if self._size + length > limits.BULK_BYTES and self._waiting:
                self.launch()
            self._size += length
            self._waiting[write.document_id] = write
            if len(self._waiting) >= self._most:
                self.launch()

    @property
    def _most(self) -> int:
        is_first = len(self._flying) < self._first
        return limits.FIRST_BULK_OPERATIONS if is_first else limits.BULK_OPERATIONS

    def launch(self) -> None:
        """Sends what waits for its bulk to be full."""
        if self._waiting:
            self._flying.append(self._launch(list(self._waiting.values())))
            self._waiting, self._size = {}, 0

    def land(self) -> Sent:
        """What became of all of them; raises only when none of them is in the air any more."""
        self.launch()
        self.wait()
        for flight in self._flying:
            flight.result()
        return self._sent

    def wait(self) -> None:
        """Until nothing of it is in the air, whatever came of it."""
        wait(self._flying)


def _length(write: Write) -> int:
    return len(write.body or b"") + _BYTES_BESIDE_BODY
