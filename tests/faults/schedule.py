"""Whole schedules of faults over the in-memory ports, deterministic from a seed.

Clients, workers, a sweeper, a purge, somebody who cancels and somebody who deletes and reopens the
index run as threads of which exactly one moves at a time. Every call of a port is a point where
the scheduler may switch, kill or freeze. At the end all faults stop, the system drains, and the
index is compared with the log applied in order.
"""

import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from unittest import mock

import orjson

from garner import limits
from garner.domain import operations
from garner.domain.operations import Verb
from garner.domain.principals import Caller
from garner.domain.protocol import ProtocolSettings
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    NewTask,
    Outcome,
    Task,
    TaskError,
    TaskKind,
    TaskState,
    Verdict,
)
from garner.domain.uploads import Upload
from garner.domain.versions import version
from garner.errors import JsonObject, NoSuchIndex, Unavailable, WrongIndexStatus
from garner.ports.engine_writer import AliasMissing, ItemResult, Write
from garner.ports.task_log import LeaseLost
from garner.services.drain import drain
from garner.services.drain.lease import Lease
from garner.services.drain.lines import numbered_lines
from garner.services.purge import purge_due
from garner.services.submit import RequestIdentity, submit
from garner.services.sweep import ring_for_lagging
from tests.fakes.ingest import INDEX, Killed, ManualClock, World

SETTINGS = ProtocolSettings(
    lease=40.0,
    heartbeat=12.0,
    void_grace=15.0,
    lifetime=200.0,
    engine_request=90.0,
    clock_difference=15.0,
    retry_first=2.0,
    retry_most=8.0,
    patience=60.0,
    backoff=30.0,
    ring_after=30.0,
    purge_after=600.0,
)
CALLER = Caller(identity="urn:globus:auth:identity:00000000-0000-4000-8000-000000000001")
SUBJECTS = "XYZW"
WORDS = ("granite", "basalt")
KILLER, REFUSED = "killer", "refused by the engine"


class Actor:
    """One process of the model, in a thread that moves only when it is told to."""

    def __init__(self, name: str, run: Callable[[], None], skew: float = 0.0) -> None:
        self.name, self.skew = name, skew
        self.wake_at = 0.0
        self.frozen = self.dead = self.done = False
        self.error: BaseException | None = None
        self.lease: Lease | None = None
        self.next_beat = 0.0
        self._run = run
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._body, daemon=True)
        self._thread.start()

    def _body(self) -> None:
        self._go.acquire()
        try:
            if not self.dead:
                self._run()
        except Killed:
            pass
        except BaseException as error:  # told to the test
            self.error = error
        self.done = True
        self._back.release()

    def move(self) -> None:
        """Lets it run to its next pause; called by the scheduler."""
        self._go.release()
        self._back.acquire()

    def pause(self) -> None:
        """Called by the actor itself."""
        self._back.release()
        self._go.acquire()
        if self.dead:
            raise Killed(self.name)


class ScheduleClock(ManualClock):
    """One time for all, and for each worker its own mistake about it."""

    def __init__(self, schedule: "Schedule") -> None:
        super().__init__(0.0)
        self._schedule = schedule

    def seconds(self) -> float:
        actor = self._schedule.current
        return self.time + (actor.skew if actor else 0.0)

    def sleep(self, seconds: float) -> None:
        actor = self._schedule.current
        assert actor
        actor.wake_at = self.time + max(seconds, 1.0)
        actor.pause()


class Schedule:
    """One run. `problems` is empty if the protocol held."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - chooses faults, protects nothing
        self.current: Actor | None = None
        self.actors: list[Actor] = []
        self.late: list[tuple[float, list[Write]]] = []
        self.problems: list[str] = []
        self.trace: list[str] = []
        self.acknowledged: list[int] = []
        self.quiet = False
        self._rung = 0
        self._workers = 0
        self._values = 0
        self._faulty()
        clock = ScheduleClock(self)
        self.world = World(settings=SETTINGS, clock=clock, on_lease=self._leased)
        self.world.faults.every = self._at
        self.world.engine.network = self._network
        self.world.engine.refuses = lambda document: REFUSED in orjson.dumps(document).decode()
        self.world.engine.refuses_field = lambda path: path == "cursed"
        self._people()

    def _faulty(self) -> None:
        pick = self.random.choice
        self.kill = pick((0.001, 0.005, 0.02))
        self.freeze = pick((0.001, 0.005, 0.02))
        self.fail = pick((0.0, 0.01, 0.03))
        self.limbo = pick((0.05, 0.15, 0.35, 0.5))
        self.twice = pick((0.0, 0.1))
        self.skew = pick((0.0, 0.0, 6.0, 15.0))
        self.limits = {
            "PACK_TASKS": pick((1, 2, limits.PACK_TASKS)),  # small ones follow each other closely
            "BLIND_OPERATIONS": pick((2, limits.BLIND_OPERATIONS)),  # full ones share a refresh
            "OUTLINED_OPERATIONS": pick((1, limits.OUTLINED_OPERATIONS)),
        }

    # --- the scheduler ---------------------------------------------------------------------------

    def start(self, name: str, run: Callable[[], None], skew: float = 0.0) -> Actor:
        actor = Actor(name, run, skew)
        self.actors.append(actor)
        return actor

    def run(self) -> "Schedule":
        with mock.patch.multiple(limits, **self.limits):
            return self._run()

    def _run(self) -> "Schedule":
        for _ in range(4_000):
            self._step()
        self.quiet = True
        self.say("faults stop")
        for _ in range(40_000):
            if self._is_over():
                break
            self._step()
        self._judge()
        return self

    def _is_over(self) -> bool:
        head = self.world.log.indexes[INDEX].head
        waiting = len(self.world.doorbell.rung) > self._rung
        return not (self.actors or self.late or waiting or head.lag_since is not None)

    def _step(self) -> None:
        clock, chance = self.world.clock, self.random
        ready = [actor for actor in self.actors if actor.wake_at <= clock.time]
        clock.time += 1.0 if not ready or chance.random() < 0.15 else 0.0
        self._deliver()
        self._ring()
        self._beat()
        if not ready:
            return
        actor = chance.choice(ready)
        actor.frozen = False
        if not self.quiet and chance.random() < self.freeze:
            actor.frozen = True
            actor.wake_at = clock.time + chance.choice((30, 60, 90, 260, 700))
            self.say(f"{actor.name} is frozen until {actor.wake_at:g}")
            return
        if not self.quiet and chance.random() < self.kill and actor.name.startswith("worker"):
            actor.dead = True
            self.say(f"{actor.name} is killed")
        self.current = actor
        actor.move()
        self.current = None
        if actor.done:
            self.actors.remove(actor)
            if actor.error:
                self.problems.append(f"{actor.name} raised {actor.error!r}")

    def _deliver(self) -> None:
        for due in [each for each in self.late if each[0] <= self.world.clock.time]:
            self.late.remove(due)
            with suppress(AliasMissing):  # nobody is there to be told
                self.world.engine.arrive(INDEX, due[1])
                self.say(f"late arrival of {_names(due[1])}")

    def _ring(self) -> None:
        """Doorbells are answered in any order, sometimes twice."""
        rung = self.world.doorbell.rung
        if len(rung) > self._rung and self.random.random() < 0.3:
            if self.quiet or self.random.random() > 0.05:
                self._rung += 1
            self._workers += 1
            skew = self.random.choice((-self.skew, 0.0, self.skew))
            self.start(f"worker {self._workers}", self._work, skew)
        if int(self.world.clock.time) % 60 == 0 and not any(
            actor.name == "sweeper" for actor in self.actors
        ):
            self.start("sweeper", self._sweep)

    def _beat(self) -> None:
        for actor in self.actors:
            lease, now = actor.lease, self.world.clock.time
            if lease and not actor.dead and not actor.frozen and actor.next_beat <= now:
                actor.next_beat = now + SETTINGS.heartbeat
                self.current = actor
                quiet, self.quiet = self.quiet, True  # a thread of its own: no switch in it
                self._beating = True
                try:
                    lease.renew()
                except LeaseLost:
                    actor.lease = None
                finally:
                    self._beating = False
                self.quiet, self.current = quiet, None

    _beating = False

    def _leased(self, lease: Lease) -> None:
        assert self.current
        self.current.lease = lease
        self.current.next_beat = self.world.clock.time + SETTINGS.heartbeat
        self.say(f"leases, epoch {lease.epoch}")

    def say(self, text: str) -> None:
        who = self.current.name if self.current else "--"
        self.trace.append(f"{self.world.clock.time:6.0f} {who:10s} {text}")

    # --- faults ----------------------------------------------------------------------------------

    def _at(self, point: str, when: str) -> None:
        actor = self.current
        if actor is None or self._beating:
            return
        if when == "after" and point == "log.finish":
            self._finished()
        if when == ("after" if point == "engine.bulk" else "before"):
            actor.pause()  # a freeze between the last check and the send is the known residue
        if self.quiet:
            return
        if point != "engine.bulk" and self.random.random() < self.fail:
            self.say(f"{point} fails {when}")
            raise Unavailable(f"injected {when} {point}")

    def _network(self, index_id: str, writes: Sequence[Write]) -> list[ItemResult]:
        engine, chance, clock = self.world.engine, self.random, self.world.clock
        arrival = SETTINGS.engine_request - 15
        self.say(f"sends {_names(writes)}")
        if any(write.body and KILLER.encode() in write.body for write in writes):
            self.say("is killed by what it sends")
            raise Killed
        draw = 1.0 if self.quiet else chance.random()
        if draw < self.limbo:
            if chance.random() < 0.8:
                self.late.append((clock.time + chance.randint(1, int(arrival)), list(writes)))
            if chance.random() < 0.3:
                raise Killed
            raise Unavailable("no answer")
        if draw < self.limbo + 0.08:
            part = chance.sample(list(writes), chance.randint(0, len(writes)))
            engine.arrive(index_id, part)
            if chance.random() < 0.5:
                raise Killed
            raise Unavailable("no answer")
        if draw < self.limbo + 0.08 + self.twice:
            self.late.append((clock.time + chance.randint(1, int(arrival)), list(writes)))
        return engine.arrive(index_id, writes)

    def _finished(self) -> None:
        """SUCCESS means that it can be found."""
        state, engine = self.world.log.indexes[INDEX], self.world.engine.indexes[INDEX]
        applied = state.cursor.applied
        for n in range(1, applied + 1):
            task = state.slots.get(n)
            if task is None or not task.state.is_terminal:
                self.problems.append(f"the cursor passed slot {n}, which is not decided")
        task = state.slots[applied]
        if task.state is not TaskState.SUCCESS or task.kind is TaskKind.DELETE_BY_QUERY:
            return
        by_subject = {each.document["subject"]: each.version for each in engine.view.values()}
        for operation in operations.operations(self.world.payloads.objects[task.payload.key]):
            if by_subject.get(operation.subject, 0) < version(applied, operation.position):
                self.problems.append(f"{applied} says SUCCESS and can't be found")

    # --- who takes part --------------------------------------------------------------------------

    def _people(self) -> None:
        several = self.random.random() < 0.7
        subjects = SUBJECTS[: self.random.choice((1, 2, 2, 3, 4))]
        for client in range(self.random.choice((1, 2, 3))):
            tasks = [
                self._task(several and (client > 0 or at > 0), subjects)
                for at in range(self.random.randint(2, 8))
            ]
            name = f"client {client}"
            self.start(name, lambda name=name, tasks=tasks: self._client(name, tasks))  # type: ignore[misc]
        if self.random.random() < 0.5:
            self.start("canceller", self._cancel)
        if self.random.random() < 0.3:
            self.start("admin", self._admin)
        if self.random.random() < 0.5:
            self.start("purge", self._purge)

    def _task(self, several: bool, subjects: str) -> NewTask:
        pick = self.random.choice
        if self.random.random() < 0.1:
            payload = operations.encode([], {"word": pick(WORDS)})
            return NewTask(kind=TaskKind.DELETE_BY_QUERY, payload=payload, operations=0)
        lines = [self._line(several, subjects) for _ in range(self.random.randint(1, 14))]
        if self.random.random() < 0.03:
            lines.append(operations.upsert(pick(subjects), ["public"], {"text": KILLER}))
        return NewTask(
            kind=TaskKind.INGEST,
            payload=operations.encode(lines),
            operations=len(lines),
            skip_errors=self.random.random() < 0.2,
        )

    def _line(self, several: bool, subjects: str) -> JsonObject:
        pick, draw = self.random.choice, self.random.random()
        subject = pick(subjects)
        entry_id = pick((None, *(f"e{i}" for i in range(11)))) if several else None
        if draw < 0.1:
            return operations.delete_subject(subject)
        if draw < 0.2:
            return operations.delete_entry(subject, entry_id)
        self._values += 1
        content: JsonObject = {"text": f"{pick(WORDS)} {self._values}"}
        draw = self.random.random()
        if draw < 0.2:
            content[pick(("p", "q"))] = pick((1, 2, 3, "four"))
        elif draw < 0.22:
            content["cursed"] = 1
        elif draw < 0.24:
            content["note"] = REFUSED
        elif draw < 0.35:
            content[pick(("p", "q"))] = None
        return operations.upsert(subject, ["public"], content, entry_id=entry_id)

    def _client(self, name: str, tasks: Sequence[NewTask]) -> None:
        last, clock = 0, self.world.clock
        for at, task in enumerate(tasks):
            request = RequestIdentity(f"{name} {at}", f"{name} {at}")
            for _ in range(8):
                try:
                    task_id = submit(INDEX, CALLER, task, request=request, ports=self.world.accept)
                except WrongIndexStatus:
                    clock.sleep(40)
                except Unavailable:
                    clock.sleep(5)
                else:
                    decoded = self.world.task_ids.decode(task_id)
                    assert decoded
                    if decoded[1] <= last:
                        self.problems.append("answers out of order")
                    last = decoded[1]
                    self.acknowledged.append(last)
                    break
            clock.sleep(self.random.choice((1, 1, 30)))

    def _work(self) -> None:
        end = drain(INDEX, ports=self.world.ports)
        self.say(end.value)

    def _sweep(self) -> None:
        world = self.world
        try:
            ring_for_lagging(
                log=world.log,
                doorbell=world.doorbell,
                clock=world.clock,
                metrics=world.metrics,
                ring_after=SETTINGS.ring_after,
            )
        except Unavailable:
            return
        finally:
            world.clock.sleep(2)

    def _cancel(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.world.clock.sleep(self.random.randint(20, 300))
            if not self.acknowledged:
                continue
            n = self.random.choice(self.acknowledged)
            try:
                self.world.log.cancel(INDEX, n, cancelled(self.world.task(n)), 0.0)
            except Unavailable:
                continue
            self.say(f"cancels {n}")

    def _admin(self) -> None:
        world, clock = self.world, self.world.clock
        state = world.log.indexes[INDEX]
        clock.sleep(self.random.randint(50, 600))
        state.head = replace(state.head, status="delete-pending", cancel_upto=state.head.head)
        self.say(f"deletes the index, cancel_upto {state.head.head}")
        clock.sleep(self.random.randint(0, 10))
        world.engine.indexes[INDEX].alias = False
        clock.sleep(self.random.randint(5, 200))
        world.engine.indexes[INDEX].alias = True
        while state.cursor.applied < state.head.cancel_upto:
            world.doorbell.rung.append(INDEX)
            clock.sleep(30)
        state.head = replace(state.head, status="open")
        self.say("reopens it")

    def _purge(self) -> None:
        world = self.world
        while not self.quiet:
            world.clock.sleep(self.random.randint(30, 200))
            with suppress(Unavailable, NoSuchIndex, AliasMissing):  # the next hour goes on
                purge_due(
                    log=world.log,
                    writer=world.engine,
                    clock=world.clock,
                    metrics=world.metrics,
                    purge_after=SETTINGS.purge_after,
                    until=world.clock.time + 1_000,
                )

    # --- the end ---------------------------------------------------------------------------------

    def _judge(self) -> None:
        state = self.world.log.indexes[INDEX]
        if not self._is_over():
            left = [actor.name for actor in self.actors]
            self.problems.append(f"it never came to rest: {left}, lag {state.head.lag_since}")
        for n, task in sorted(state.slots.items()):
            if not task.state.is_terminal:
                self.problems.append(f"task {n} never ended: {task.state}")
        for n in self.acknowledged:
            if n not in state.slots or state.slots[n].state is TaskState.VOID:
                self.problems.append(f"accepted task {n} is lost")
        self.problems += self.world.engine.problems
        world = self.world
        world.engine.indexes[INDEX].view = dict(world.engine.indexes[INDEX].documents)
        found, wanted = world.engine.visible(), log_result(world)
        for subject in sorted({*found, *wanted}):
            if found.get(subject) != wanted.get(subject):
                self.problems.append(
                    f"{subject}: index {found.get(subject)}, log {wanted.get(subject)}"
                )


def cancelled(task: Task) -> Verdict:
    return Verdict(
        state=TaskState.CANCELLED,
        error=TaskError.CANCELLED,
        message="cancelled",
        counts=Counts(rejected=task.operations),
    )


def outcomes(world: World, task: Task) -> list[EntryOutcome]:
    assert task.verdict
    if not task.verdict.pages:
        return list(task.verdict.outcomes)
    return [
        EntryOutcome.from_json(orjson.loads(line))
        for page in task.verdict.pages
        for line in world.payloads.page(page).split(b"\n")
    ]


def log_result(world: World) -> dict[str, dict[str | None, JsonObject]]:
    """The log applied in order: what must be found, given the recorded verdicts."""
    subjects: dict[str, dict[str | None, JsonObject]] = {}
    slots = world.log.indexes[INDEX].slots
    for n in sorted(slots):
        task = slots[n]
        verdict = task.verdict
        if verdict is None or not (task.state is TaskState.SUCCESS or verdict.partial):
            continue
        payload = world.payloads.objects[task.payload.key]
        rejected = {
            each.position: each.subject
            for each in outcomes(world, task)
            if each.outcome is Outcome.REJECTED
        }
        if task.kind is TaskKind.DELETE_BY_QUERY:
            word = operations.header(payload)["word"]
            for subject in [s for s, e in subjects.items() if word in str(list(e.values()))]:
                if subject not in rejected.values():
                    del subjects[subject]
            continue
        for operation in operations.operations(_lines(world, task, payload)):
            if operation.position not in rejected:
                apply(subjects, operation)
    return {subject: entries for subject, entries in subjects.items() if entries}


def _lines(world: World, task: Task, payload: bytes) -> bytes:
    """A payload with all of its operations, those of an uploaded file too."""
    if task.kind is not TaskKind.UPLOAD:
        return payload
    file = Upload.from_json(operations.header(payload)["upload"])
    lines = [line for _, line in numbered_lines(world.payloads.stream(file))]
    return b"\n".join([b"{}", *lines])


def apply(
    subjects: dict[str, dict[str | None, JsonObject]], operation: operations.Operation
) -> None:
    entries = subjects.setdefault(operation.subject, {})
    match operation.verb:
        case Verb.UPSERT:
            entries[operation.entry_id] = operation.entry["content"]
        case Verb.DELETE_ENTRY:
            entries.pop(operation.entry_id, None)
        case Verb.DELETE_SUBJECT:
            entries.clear()


def _names(writes: Sequence[Write]) -> str:
    shown = []
    for write in writes:
        document = orjson.loads(write.body or b"{}")
        entries = [
            f"{entry.get('entry_id', '-')}={entry['content']}"
            for entry in document.get("entries", ())
        ]
        n, k = write.version >> 24, write.version & 0xFFFFFF
        shown.append(f"{document.get('subject')}@{n}.{k} {entries}")
    return "; ".join(shown)
