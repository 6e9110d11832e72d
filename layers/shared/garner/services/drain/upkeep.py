"""What an operator does to a whole index, under its lease: nobody drains it meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from garner.domain.versions import slot_of
from garner.errors import Conflict, NoSuchIndex, Unavailable
from garner.ports.engine_writer import AliasMissing
from garner.ports.task_log import LeaseLost
from garner.services.drain.lease import OutOfTime, take_lease
from garner.services.drain.ports import DrainPorts, EngineDown, NeedsOperator, OutOfSync
from garner.services.drain.worker import Worker

_POLL_SECONDS = 2.0


@contextmanager
def at_work(index_id: str, ports: DrainPorts) -> Iterator[Worker]:
    """A worker with the lease of the index. What waits in the log is rung for afterwards.

    Raises `Conflict` if the lease does not come free, `Unavailable` if engine or table do not
    answer, `NoSuchIndex` for an index without aliases.
    """
    worker = _worker(index_id, ports)
    try:
        with ports.heart(worker.lease):
            yield worker
    except (EngineDown, OutOfTime) as error:
        raise Unavailable("The search engine does not answer; do it again when it does.") from error
    except (OutOfSync, AliasMissing) as error:
        raise NoSuchIndex(index_id) from error
    except LeaseLost as error:
        raise Conflict("The lease of the index was lost; do it again") from error
    except NeedsOperator as error:
        raise Conflict(f"Documents of the index are not from its log ({error.reason})") from error
    finally:
        worker.close()
        _let_go(worker)


def _worker(index_id: str, ports: DrainPorts) -> Worker:
    """Waits for as long as a worker that died or backed off may keep the lease."""
    if ports.log.head(index_id) is None:
        raise NoSuchIndex(index_id)
    until = ports.clock.seconds() + ports.settings.lease + ports.settings.backoff
    while True:
        taken = take_lease(index_id, log=ports.log, clock=ports.clock, settings=ports.settings)
        if taken:
            return Worker(*taken, ports)
        if ports.clock.seconds() > until:
            raise Conflict("A worker is at this index; do it again when its backlog is done")
        ports.clock.sleep(_POLL_SECONDS)


def _let_go(worker: Worker) -> None:
    try:
        worker.ports.log.let_go(worker.index_id, worker.lease.epoch)
    except LeaseLost:
        return
    worker.ports.doorbell.ring(worker.index_id)


def rebuild_index(index_id: str, *, ports: DrainPorts) -> int:
    """A new build of the engine's index, with today's settings and mapping, and both aliases on it;
    the number of the build. Broken off, it is begun again. Raises what `at_work` does."""
    with at_work(index_id, ports) as worker:
        head = ports.log.head(index_id)
        assert head
        build = head.build + 1
        ports.indexes.rebuild(index_id, build, ports.log.schema(index_id))
        ports.log.set_build(index_id, worker.lease.epoch, build)
        # The purge may have deleted a tombstone that was copied before.
        ports.log.mark_tombstones(index_id, ports.clock.seconds())
    return build


def follow_engine(index_id: str, *, ports: DrainPorts) -> int:
    """After the table was put back to an earlier time: the log goes on above everything that the
    engine holds (fault F36), and knows the fields that it has. The slot it goes on from.

    Nothing may be accepted until this is done: a write that gets a slot below would be taken for
    an old one. Raises what `at_work` does.
    """
    with at_work(index_id, ports) as worker:
        worker.read_schema()
        mapped = worker.mapped()
        if mapped.version > worker.schema.version:
            worker.bind(replace(mapped, fields={**worker.schema.fields, **mapped.fields}))
        highest = slot_of(worker.engine(lambda: ports.indexes.highest_version(index_id)))
        return ports.log.raise_head(index_id, highest, ports.clock.seconds())
