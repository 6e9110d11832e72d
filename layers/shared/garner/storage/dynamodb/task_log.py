"""The numbered log in the table (ingest protocol, section 1).

H#<key>            HEAD: last slot handed out, `cancel_upto`, bytes accepted; `due_kind` and
                   `due_at` (lag) while work waits
C#<key>            CURSOR: applied, epoch, lease, highest slot that may have sent;
                   under the sort key `tombstones` the mark for the purge
L#<key>#<n>        LOG[n]
K#<identity>#<key>#<sha256>   IDEM
S#<key>            SCHEMA
"""

import hashlib
import uuid
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import orjson

from garner import limits
from garner.domain.fields import Schema
from garner.domain.slots import index_key
from garner.domain.tasks import (
    Counts,
    EntryOutcome,
    PayloadRef,
    Task,
    TaskError,
    TaskKind,
    TaskState,
    Verdict,
)
from garner.errors import JsonObject, NoSuchIndex, Unavailable, WrongIndexStatus
from garner.ports.clock import Clock
from garner.ports.task_log import (
    Backlog,
    Begin,
    Cursor,
    Due,
    GiveBack,
    Head,
    LeaseLost,
    Remembered,
    RequestKey,
    TakenSlot,
    TaskMoved,
)
from garner.storage.dynamodb.table import (
    SINGLE,
    Action,
    Check,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Put,
    Table,
    TransactionRefused,
    Update,
)

LAG = "lag"  # the sweeper's `due_kind`
TOMBSTONES = "tombstones"  # the sweeper's, too
UNTOLD = "notify"  # the notifier's
_STATUS = {"status": "status"}  # reserved words
_STATE = {"state": "state"}
_RETENTION_SECONDS = limits.RETENTION_DAYS * 86_400
_FREE = "(attribute_not_exists(lease_until) OR lease_until <= :now)"
_UP = "(attribute_not_exists(backoff_until) OR backoff_until <= :now)"


class DynamoTaskLog:
    """Implements `garner.ports.task_log.TaskLog`."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    # --- accept ----------------------------------------------------------------------------------

    def head(self, index_id: str) -> Head | None:
        head = self.head_by_key(index_key(index_id))
        return head if head and head.index_id == index_id else None

    def head_by_key(self, key: str) -> Head | None:
        item = self._table.get((f"H#{key}", SINGLE))
        return _head(item) if item else None

    def cursor(self, index_id: str) -> Cursor:
        return _cursor(self._table.get(_cursor_key(index_id)) or {})

    def backlog(self, index_id: str) -> Backlog:
        head_key, cursor_key = _head_key(index_id), _cursor_key(index_id)
        items = self._table.batch_get([head_key, cursor_key])
        head, cursor = items.get(head_key, {}), items.get(cursor_key, {})
        return Backlog(
            head.get("head", 0) - cursor.get("applied", 0),
            head.get("accepted_bytes", 0) - cursor.get("applied_bytes", 0),
        )

    def take_slot(self, index_id: str, now: float, size: int) -> TakenSlot:
        try:
            head = self._table.update(
                Update(
                    _head_key(index_id),
                    "SET due_kind = :lag, due_at = if_not_exists(due_at, :now) "
                    "ADD head :one, accepted_bytes :size",
                    "index_id = :index AND #status = :open",
                    {
                        "lag": LAG,
                        "now": now,
                        "one": 1,
                        "size": size,
                        "index": index_id,
                        "open": "open",
                    },
                    _STATUS,
                )
            )
        except ConditionFailed as refused:
            if refused.item is None or refused.item["index_id"] != index_id:
                raise NoSuchIndex(index_id) from None
            raise WrongIndexStatus(refused.item["status"], "open") from None
        return TakenSlot(head["head"], ring=head["due_at"] == now)

    def put(self, index_id: str, task: Task) -> bool:
        try:
            self._table.put(Put(_item(index_id, task), "attribute_not_exists(pk)"))
        except ConditionFailed as refused:
            return _is_ours(refused.item, task)
        return True

    def put_once(self, index_id: str, task: Task, request: RequestKey, expires_at: float) -> bool:
        key = _idem_key(index_id, request.identity, request.key)
        memory = {
            "pk": key[0],
            "sk": key[1],
            "request_hash": request.request_hash,
            "n": task.n,
            "expires_at": int(expires_at),
        }
        actions: list[Action] = [
            Put(_item(index_id, task), "attribute_not_exists(pk)"),
            Put(
                memory,
                "attribute_not_exists(pk) OR expires_at <= :now",
                {"now": int(task.created_at)},
            ),
        ]
        try:
            self._transact_surely(actions)
        except TransactionRefused as refused:
            return _is_ours(refused.failed.get(0), task)
        return True

    def _transact_surely(self, actions: list[Action]) -> None:
        """Once more with the same token if the answer was lost."""
        token = str(uuid.uuid4())
        try:
            self._table.transact(actions, token=token)
        except Unavailable:
            self._table.transact(actions, token=token)

    def remembered(self, index_id: str, identity: str, key: str, now: float) -> Remembered | None:
        item = self._table.get(_idem_key(index_id, identity, key))
        if item is None or item["expires_at"] <= now:
            return None
        return Remembered(item["request_hash"], item["n"], item["expires_at"])

    def void(self, index_id: str, n: int) -> None:
        pk, sk = _log_key(index_id, n)
        now = self._clock.seconds()
        nothing = {
            "pk": pk,
            "sk": sk,
            "n": n,
            "state": TaskState.VOID.value,
            "created_at": now,
            "expires_at": int(now + _RETENTION_SECONDS),
        }
        try:
            self._table.put(Put(nothing, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return

    # --- show and cancel -------------------------------------------------------------------------

    def tasks(self, index_id: str, slots: Sequence[int]) -> dict[int, Task]:
        found = self._table.batch_get([_log_key(index_id, n) for n in slots])
        return {item["n"]: _task(item) for item in found.values()}

    def cancel(self, index_id: str, n: int, verdict: Verdict, now: float) -> Task | None:
        key = _log_key(index_id, n)
        try:
            item = self._table.update(
                _verdict_update(key, verdict, now, "#state = :pending", {"pending": "PENDING"})
            )
        except ConditionFailed as refused:
            item = refused.item or {}
            if item.get("state") == TaskState.PROGRESS:
                item = self._mark_cancel(key, item)
        return _task(item) if item else None

    def _mark_cancel(self, key: Key, item: Item) -> Item:
        mark = Update(
            key, "SET cancel = :yes", "#state = :was", {"yes": True, "was": "PROGRESS"}, _STATE
        )
        try:
            return self._table.update(mark)
        except ConditionFailed as refused:
            return refused.item or item

    # --- drain -----------------------------------------------------------------------------------

    def lease(self, index_id: str, now: float, until: float) -> Cursor | None:
        take = Update(
            _cursor_key(index_id),
            "SET lease_until = :until REMOVE backoff_until ADD epoch :one",
            f"{_FREE} AND {_UP}",
            {"until": until, "one": 1, "now": now},
        )
        try:
            return _cursor(self._table.update(take))
        except ConditionFailed:
            return None

    def renew(self, index_id: str, epoch: int, until: float) -> None:
        self._fenced(index_id, epoch, "SET lease_until = :until", until=until)

    def _fenced(self, index_id: str, epoch: int, expression: str, **values: Any) -> None:
        try:
            self._table.update(
                Update(
                    _cursor_key(index_id),
                    expression,
                    "epoch = :epoch AND attribute_exists(lease_until)",
                    {"epoch": epoch, **values},
                )
            )
        except ConditionFailed:
            raise LeaseLost from None

    def begin(self, index_id: str, epoch: int, begins: Sequence[Begin]) -> None:
        self._fenced_transaction(
            index_id,
            epoch,
            [
                Update(
                    _log_key(index_id, each.task.n),
                    "SET #state = :progress, attempts = :next, dead_by = :by, "
                    "dead_before = :before",
                    "#state IN (:pending, :progress) AND attempts = :attempts",
                    {
                        "progress": "PROGRESS",
                        "pending": "PENDING",
                        "attempts": each.task.attempts,
                        "next": each.task.attempts + 1,
                        "by": each.dead_by,
                        "before": max(each.task.dead_before, each.task.dead_by),
                    },
                    _STATE,
                )
                for each in begins
            ],
        )

    def _fenced_transaction(self, index_id: str, epoch: int, actions: Sequence[Action]) -> None:
        fence = Check(_cursor_key(index_id), "epoch = :epoch", {"epoch": epoch})
        try:
            self._table.transact([fence, *actions])
        except TransactionRefused as refused:
            raise LeaseLost if 0 in refused.failed else TaskMoved from None

    def raise_sent(self, index_id: str, epoch: int, n: int) -> None:
        self._fenced(index_id, epoch, "SET sent = :n", n=n)

    def save_progress(self, index_id: str, epoch: int, n: int, progress: JsonObject) -> None:
        saved = Update(
            _log_key(index_id, n), "SET progress = :progress", values={"progress": _pack(progress)}
        )
        self._fenced_transaction(index_id, epoch, [saved])

    def give_back(self, index_id: str, epoch: int, attempts: Sequence[GiveBack]) -> None:
        self._fenced_transaction(
            index_id,
            epoch,
            [
                Update(
                    _log_key(index_id, back.task.n),
                    "SET #state = :then, attempts = :less, dead_by = :by",
                    "#state = :progress AND attempts = :attempts",
                    {
                        "then": "PENDING" if back.pending else "PROGRESS",
                        "progress": "PROGRESS",
                        "attempts": back.task.attempts,
                        "less": back.task.attempts - 1,
                        "by": back.dead_by,
                    },
                    _STATE,
                )
                for back in attempts
            ],
        )

    def finish(
        self,
        index_id: str,
        epoch: int,
        applied: tuple[int, int],
        *,
        verdicts: Mapping[int, Verdict],
        now: float,
        size: int,
    ) -> None:
        move = Update(
            _cursor_key(index_id),
            "SET applied = :to ADD applied_bytes :size",
            "epoch = :epoch AND (applied = :from OR (:from = :none "
            "AND attribute_not_exists(applied)))",
            {"epoch": epoch, "from": applied[0], "to": applied[1], "none": 0, "size": size},
        )
        ends = [
            _verdict_update(
                _log_key(index_id, n),
                verdict,
                now,
                "#state IN (:progress, :pending)"
                if verdict.state is TaskState.CANCELLED
                else "#state = :progress",
                {"progress": "PROGRESS"}
                | ({"pending": "PENDING"} if verdict.state is TaskState.CANCELLED else {}),
            )
            for n, verdict in verdicts.items()
        ]
        try:
            self._table.transact([move, *ends])
        except TransactionRefused as refused:
            raise LeaseLost if 0 in refused.failed else TaskMoved from None

    def release(self, index_id: str, epoch: int, applied: int) -> bool:
        drop = Update(
            _cursor_key(index_id),
            "SET applied_bytes = :none REMOVE lease_until",
            "epoch = :epoch",
            {"epoch": epoch, "none": 0},
        )
        unmark = Update(
            _head_key(index_id),
            "SET accepted_bytes = :none REMOVE due_kind, due_at",
            "head = :applied",
            {"applied": applied, "none": 0},
        )
        try:
            self._table.transact([drop, unmark])
        except TransactionRefused as refused:
            if 0 in refused.failed:
                raise LeaseLost from None
            return False
        return True

    def let_go(self, index_id: str, epoch: int, backoff_until: float | None = None) -> None:
        if backoff_until is None:
            self._fenced(index_id, epoch, "REMOVE lease_until")
        else:
            self._fenced(
                index_id,
                epoch,
                "SET backoff_until = :until REMOVE lease_until",
                until=backoff_until,
            )

    def schema(self, index_id: str) -> Schema:
        item = self._table.get(_schema_key(index_id))
        if item:
            return Schema.from_json(_unpack(item["document"]))
        head = self._table.get(_head_key(index_id)) or {}
        return Schema(date_detection=head.get("date_detection", True))

    def save_schema(self, index_id: str, epoch: int, schema: Schema) -> None:
        pk, sk = _schema_key(index_id)
        item = {"pk": pk, "sk": sk, "version": schema.version, "document": _pack(schema.to_json())}
        self._fenced_transaction(index_id, epoch, [Put(item)])

    # --- upkeep ----------------------------------------------------------------------------------

    def set_build(self, index_id: str, epoch: int, build: int) -> None:
        change = Update(_head_key(index_id), "SET build = :build", values={"build": build})
        self._fenced_transaction(index_id, epoch, [change])

    def raise_head(self, index_id: str, n: int, now: float) -> int:
        try:
            head = self._table.update(
                Update(
                    _head_key(index_id),
                    "SET head = :n, due_kind = :lag, due_at = if_not_exists(due_at, :now)",
                    "index_id = :index AND (attribute_not_exists(head) OR head < :n)",
                    {"n": n, "lag": LAG, "now": now, "index": index_id},
                )
            )
        except ConditionFailed as refused:
            if refused.item is None:
                raise NoSuchIndex(index_id) from None
            head = refused.item
        return int(head.get("head", 0))

    # --- sweep -----------------------------------------------------------------------------------

    def mark_tombstones(self, index_id: str, at: float) -> None:
        try:
            self._table.put(Put(_mark(index_id, at), "attribute_not_exists(pk)"))
        except ConditionFailed:
            return

    def tombstones_due(self, until: float) -> list[str]:
        return [item["index_id"] for item in self._table.due(TOMBSTONES, until)]

    def put_off_tombstones(self, index_id: str, at: float | None) -> None:
        if at is None:
            self._table.delete(Delete(_mark_key(index_id)))
        else:
            self._table.put(Put(_mark(index_id, at)))

    def lagging(self, until: float) -> list[Due]:
        return [Due(item["index_id"], item["due_at"]) for item in self._table.due(LAG, until)]

    # --- tell (`garner.ports.webhooks.Announcements`) --------------------------------------------

    def untold(self, now: float, limit: int) -> list[tuple[str, Task]]:
        finished = self._table.due(UNTOLD, now, limit=limit)
        return [(item["index_id"], _task(item)) for item in finished]

    def told(self, index_id: str, n: int) -> None:
        with suppress(ConditionFailed):
            self._table.update(
                Update(
                    _log_key(index_id, n),
                    "REMOVE due_kind, due_at",
                    "due_kind = :untold",
                    {"untold": UNTOLD},
                )
            )


def _head_key(index_id: str) -> Key:
    return f"H#{index_key(index_id)}", SINGLE


def _cursor_key(index_id: str) -> Key:
    return f"C#{index_key(index_id)}", SINGLE


def _mark_key(index_id: str) -> Key:
    return f"C#{index_key(index_id)}", "tombstones"


def _mark(index_id: str, at: float) -> Item:
    pk, sk = _mark_key(index_id)
    return {"pk": pk, "sk": sk, "index_id": index_id, "due_kind": TOMBSTONES, "due_at": at}


def _schema_key(index_id: str) -> Key:
    return f"S#{index_key(index_id)}", SINGLE


def _log_key(index_id: str, n: int) -> Key:
    return f"L#{index_key(index_id)}#{n}", SINGLE


def _idem_key(index_id: str, identity: str, key: str) -> Key:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"K#{identity}#{index_key(index_id)}#{digest}", SINGLE


def _head(item: Item) -> Head:
    return Head(
        index_id=item["index_id"],
        head=item.get("head", 0),
        status=item["status"],
        cancel_upto=item.get("cancel_upto", 0),
        lag_since=item.get("due_at"),
        date_detection=item.get("date_detection", True),
        build=item.get("build", 1),
    )


def _cursor(item: Item) -> Cursor:
    return Cursor(
        applied=item.get("applied", 0),
        epoch=item.get("epoch", 0),
        lease_until=item.get("lease_until", 0.0),
        backoff_until=item.get("backoff_until", 0.0),
        sent=item.get("sent", 0),
    )


def _is_ours(item: Item | None, task: Task) -> bool:
    """A repetition finds what its first try has written."""
    return bool(item and item.get("request_id") == task.request_id)


def _pack(document: JsonObject) -> bytes:
    return zlib.compress(orjson.dumps(document), 1)


def _unpack(packed: bytes) -> JsonObject:
    document: JsonObject = orjson.loads(zlib.decompress(packed))
    return document


def _item(index_id: str, task: Task) -> Item:
    """A new LOG item; everything else is added by updates."""
    pk, sk = _log_key(index_id, task.n)
    payload = {name: value for name, value in asdict(task.payload).items() if value is not None}
    return {
        "pk": pk,
        "sk": sk,
        "index_id": index_id,
        "n": task.n,
        "kind": task.kind.value,
        "caller": task.caller,
        "request_id": task.request_id,
        "payload": payload,
        "operations": task.operations,
        "created_at": task.created_at,
        "skip_errors": task.skip_errors,
        "state": task.state.value,
        "attempts": 0,
        "dead_by": 0.0,
        "dead_before": 0.0,
    }


def _task(item: Item) -> Task:
    return Task(
        n=item["n"],
        kind=TaskKind(item.get("kind", TaskKind.INGEST)),
        caller=item.get("caller", ""),
        request_id=item.get("request_id", ""),
        payload=PayloadRef(
            **item.get("payload", {"key": "", "sha256": "", "size": 0, "expanded": 0})
        ),
        operations=item.get("operations", 0),
        created_at=item["created_at"],
        skip_errors=item.get("skip_errors", False),
        state=TaskState(item["state"]),
        attempts=item.get("attempts", 0),
        dead_by=item.get("dead_by", 0.0),
        dead_before=item.get("dead_before", 0.0),
        cancel=item.get("cancel", False),
        progress=_unpack(item["progress"]) if "progress" in item else None,
        verdict=_verdict(item),
        completed_at=item.get("completed_at"),
    )


def _verdict_update(
    key: Key, verdict: Verdict, now: float, condition: str, values: Mapping[str, Any]
) -> Update:
    document = {
        "error": verdict.error,
        "message": verdict.message,
        "counts": verdict.counts.to_json(),
        "partial": verdict.partial,
        "outcomes": [outcome.to_json() for outcome in verdict.outcomes],
        "pages": list(verdict.pages),
    }
    return Update(
        key,
        "SET #state = :state, verdict = :verdict, completed_at = :now, expires_at = :over, "
        "due_kind = :untold, due_at = :now",
        condition,
        {
            "state": verdict.state.value,
            "verdict": _pack(document),
            "now": now,
            "over": int(now + _RETENTION_SECONDS),
            "untold": UNTOLD,
            **values,
        },
        _STATE,
    )


def _verdict(item: Item) -> Verdict | None:
    if "verdict" not in item:
        return None
    document = _unpack(item["verdict"])
    return Verdict(
        state=TaskState(item["state"]),
        error=TaskError(document["error"]) if document["error"] else None,
        message=document["message"],
        counts=Counts(**document["counts"]),
        partial=document["partial"],
        outcomes=tuple(EntryOutcome.from_json(each) for each in document["outcomes"]),
        pages=tuple(document["pages"]),
    )
