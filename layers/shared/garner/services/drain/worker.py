"""One turn at the log of an index: what the steps of the drain share, and their fenced writes."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson

from garner import limits
from garner.domain import documents as doc
from garner.domain.fields import FieldType, Schema
from garner.domain.tasks import EntryOutcome, Outcome, Task, TaskState, Verdict
from garner.errors import JsonObject, NoSuchIndex, QueryTimeout, Unavailable
from garner.ports.engine_indexes import MappingRefused
from garner.ports.engine_writer import AliasMissing, StoredDocument
from garner.ports.task_log import Begin, Cursor, GiveBack, TaskMoved
from garner.services.drain.judge import Judge
from garner.services.drain.landed import LandedPacks
from garner.services.drain.lease import Lease
from garner.services.drain.ports import DrainPorts, EngineDown, OutOfSync
from garner.services.drain.send import Sender
from garner.services.drain.verdicts import fit

_LOG = logging.getLogger("garner.drain")

Answer = TypeVar("Answer")


class Worker:
    """`applied` and `sent` are the cursor's. `begun` holds the attempts of this turn that have no
    verdict yet, by slot: the `dead_by` they were begun with. `head` is the last slot that was
    filled when the turn last looked."""

    def __init__(self, lease: Lease, cursor: Cursor, ports: DrainPorts) -> None:
        self.index_id = lease.index_id
        self.lease = lease
        self.ports = ports
        self.sender = Sender(lease, ports)
        self._readers = ports.senders()
        self.applied = cursor.applied
        self.sent = cursor.sent
        self.head = 0
        self._noted = 0
        self.begun: dict[int, float] = {}
        self.judge = Judge(Schema())
        self._mapped: Schema | None = None
        self.landed = LandedPacks(self)

    # --- the log ---------------------------------------------------------------------------------

    def begin(self, tasks: Sequence[Task]) -> list[Task]:
        """Counts an attempt before any side effect; the tasks as they are then."""
        dead_by = self.lease.deadline + self.ports.settings.arrival
        self.lease.check()
        begins = [Begin(task, dead_by) for task in tasks]
        self.begun.update((task.n, dead_by) for task in tasks)  # also if the answer is lost
        try:
            self.ports.log.begin(self.index_id, self.lease.epoch, begins)
        except TaskMoved:
            for task in tasks:
                del self.begun[task.n]
            raise
        return [
            replace(
                task,
                state=TaskState.PROGRESS,
                attempts=task.attempts + 1,
                dead_before=max(task.dead_before, task.dead_by),
                dead_by=dead_by,
            )
            for task in tasks
        ]

    def save_progress(self, n: int, progress: JsonObject) -> None:
        self.ports.log.save_progress(self.index_id, self.lease.epoch, n, progress)

    def put_outcomes(self, name: str, outcomes: Iterable[EntryOutcome]) -> None:
        lines = [orjson.dumps(outcome.to_json()) for outcome in outcomes]
        self.ports.payloads.put_page(name, b"\n".join(lines))

    def get_outcomes(self, name: str) -> list[EntryOutcome]:
        lines = self.ports.payloads.page(name).split(b"\n")
        return [EntryOutcome.from_json(orjson.loads(line)) for line in lines]

    def first_rejected(self, pages: Iterable[str]) -> tuple[EntryOutcome, ...]:
        """As many as the document of a task shows."""
        found: list[EntryOutcome] = []
        for page in pages:
            if len(found) >= limits.MAX_REPORTED_FAILURES:
                break
            outcomes = self.get_outcomes(page)
            found += [each for each in outcomes if each.outcome is Outcome.REJECTED]
        return tuple(found[: limits.MAX_REPORTED_FAILURES])

    def require_wanted(self, n: int) -> None:
        """A border at which a task may end early: raises `TaskMoved` if it is to be cancelled."""
        self.lease.check()
        task = self.ports.log.tasks(self.index_id, [n]).get(n)
        head = self.ports.log.head(self.index_id)
        if task is None or task.cancel or head is None or n <= head.cancel_upto:
            raise TaskMoved

    def raise_sent(self, n: int) -> None:
        if n > self.sent:
            self.ports.log.raise_sent(self.index_id, self.lease.epoch, n)
            self.sent = n

    def give_back(self, numbers: Iterable[int]) -> None:
        """Ends attempts that decided nothing, as if they had not been made."""
        mine = {n: self.begun[n] for n in numbers if n in self.begun}
        found = self.ports.log.tasks(self.index_id, sorted(mine))
        back = [
            GiveBack(task, max(task.dead_before, self.sender.quiet_at), pending=n > self.sent)
            for n, task in found.items()
            if task.state is TaskState.PROGRESS and task.dead_by == mine[n]
        ]
        if back:
            self.ports.log.give_back(self.index_id, self.lease.epoch, back)
        for n in mine:
            del self.begun[n]

    def finish(self, last: int, verdicts: Mapping[int, Verdict], passed: Sequence[Task]) -> None:
        """Writes the verdicts and moves the cursor to `last`, past `passed`."""
        fitting = {
            n: fit(self.index_id, n, verdict, self.ports.payloads)
            for n, verdict in verdicts.items()
        }
        self.ports.log.finish(
            self.index_id,
            self.lease.epoch,
            (self.applied, last),
            verdicts=fitting,
            now=self.ports.clock.seconds(),
            size=sum(task.payload.size for task in passed),
        )
        self.applied = last
        for n in verdicts:
            self.begun.pop(n, None)
        self._count(verdicts.values())

    @property
    def reached(self) -> int:
        """The slot up to which everything is decided, or has landed."""
        return self.landed.last or self.applied

    def meanwhile(self, what: Callable[[], None]) -> Future[None]:
        """Does something while the caller goes on."""
        return self._readers.submit(what)

    def _count(self, verdicts: Iterable[Verdict]) -> None:
        metrics = self.ports.metrics
        for verdict in verdicts:
            metrics.count(f"tasks_{verdict.state.value.lower()}")
            if verdict.counts.applied:
                metrics.count("entries_indexed", verdict.counts.applied)
            if verdict.counts.rejected:
                metrics.count("entries_rejected", verdict.counts.rejected)

    def payloads_of(self, tasks: Sequence[Task]) -> dict[int, Future[bytes]]:
        """Read ahead of being judged."""
        get = self.ports.payloads.get
        return {task.n: self._readers.submit(get, task.payload) for task in tasks}

    def close(self) -> None:
        """Joins all threads."""
        self.sender.close()
        self.landed.close()
        self._readers.shutdown(wait=True, cancel_futures=True)

    # --- the registry ----------------------------------------------------------------------------

    def read_schema(self) -> None:
        """Under the lease: from here on nobody else binds."""
        self.judge.rebind(self.ports.log.schema(self.index_id))

    @property
    def schema(self) -> Schema:
        return self.judge.schema

    def bind(self, schema: Schema) -> None:
        """The registry first, then the mapping: what is mapped is always bound."""
        self.ports.log.save_schema(self.index_id, self.lease.epoch, schema)
        self.judge.rebind(schema)

    def mapped(self) -> Schema:
        """What the engine's mapping says of itself; it is only ours to change."""
        if self._mapped is None:
            self._mapped = self.engine(lambda: self.ports.indexes.schema(self.index_id))
        return self._mapped

    def unmapped(self) -> set[str]:
        """Fields that are bound and not mapped: a worker died between the two."""
        return self.schema.fields.keys() - self.mapped().fields.keys()

    def map_fields(self, fields: Mapping[str, FieldType]) -> bool:
        """False if the engine definitely refuses these fields."""
        mapped = self.mapped()
        known = replace(
            self.schema,
            fields={
                path: kind
                for path, kind in self.schema.fields.items()
                if path in mapped.fields or path in fields
            },
        )
        try:
            self.engine(lambda: self.ports.indexes.put_fields(self.index_id, fields, known))
        except MappingRefused:
            return False
        self._mapped = known
        return True

    # --- the engine ------------------------------------------------------------------------------

    def engine(self, call: Callable[[], Answer]) -> Answer:
        """Repeats a call that may be repeated until it is answered.

        Raises `EngineDown` when patience is over, `OutOfSync` if the alias is not there.
        """
        clock, settings = self.ports.clock, self.ports.settings
        wait, since = settings.retry_first, clock.seconds()
        while True:
            self.lease.check()
            try:
                return call()
            except (Unavailable, QueryTimeout):
                if clock.seconds() - since > settings.patience:
                    raise EngineDown from None
            except NoSuchIndex:
                raise OutOfSync from None
            clock.sleep(wait * (0.5 + self.ports.ids.jitter()))
            wait = min(2 * wait, settings.retry_most)

    def refresh(self, build: int | None = None) -> None:
        self.engine(lambda: self.ports.writer.refresh(self.index_id, build))

    def note_cursor(self, n: int, *, again: bool = False) -> None:
        """A restored snapshot says where to replay from: everything up to `n` is acknowledged.
        Best effort: an older note only means that more is replayed."""
        if n <= self._noted and not again:
            return
        try:
            self.ports.indexes.write_cursor(self.index_id, n)
            self._noted = n
        except (Unavailable, QueryTimeout, NoSuchIndex, AliasMissing):
            _LOG.info("The cursor document was not written", extra={"index_id": self.index_id})

    def read(self, subjects: Iterable[str], build: int | None = None) -> dict[str, StoredDocument]:
        """The stored documents of subjects that have one, in real time."""
        names = {doc.document_id(subject): subject for subject in subjects}
        ids, writer = list(names), self.ports.writer
        found: dict[str, StoredDocument] = {}
        for start in range(0, len(ids), limits.BULK_OPERATIONS):
            some = ids[start : start + limits.BULK_OPERATIONS]
            found.update(self.engine(partial(writer.read, self.index_id, some, build)))
        return {names[each]: document for each, document in found.items()}

    # --- time ------------------------------------------------------------------------------------

    def outlive(self, until: float) -> bool:
        """Waits until nothing sent before can arrive any more; whether there was need to."""
        clock = self.ports.clock
        if clock.seconds() > until:
            return False
        while (left := until - clock.seconds()) >= 0:
            self.lease.check()
            clock.sleep(min(left + 0.001, 1.0))
        return True
