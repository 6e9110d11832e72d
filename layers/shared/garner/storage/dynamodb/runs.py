"""Runs, their markers, process requests, log rows and statistics.

X#R#<request id>    sk -            the process request
                    sk RUN          its run; `fence` guards every change
                    sk M#<kind>#…   a marker
                    sk L#…          a log row
X#L#<source id>     sk <ms>#<id>    which requests a source has, in order
X#T#<source id>     sk <import id>  a row of statistics
"""

from collections.abc import Iterator
from dataclasses import asdict

import orjson

from garner import limits
from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import LogRow, ProcessRequest, RequestType
from garner.domain.harvest.run import Phase, Run
from garner.domain.harvest.tables import Statistics
from garner.errors import Conflict, JsonObject
from garner.ports.runs import LeaseLost, Markers
from garner.storage.dynamodb.harvest_items import (
    DUE_KIND,
    EXPIRY_KIND,
    REQUEST,
    REQUESTS_OF,
    RUN,
    document_of,
    new_run_item,
    request_items,
    source_put,
)
from garner.storage.dynamodb.table import (
    SINGLE,
    Action,
    ConditionFailed,
    Item,
    Put,
    Table,
    TransactionRefused,
    Update,
)

_STATISTICS = "X#T#"
_DAY = 86_400


class DynamoRunStore:
    """Implements `garner.ports.runs.RunStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, run_id: str) -> Run | None:
        item = self._table.get((REQUEST + run_id, RUN))
        return _run(item) if item else None

    def lease(self, run_id: str, *, now: float, seconds: float) -> Run | None:
        run = self.get(run_id)
        if run is None or run.phase is Phase.DONE or run.lease_until > now:
            return None
        before = run.fence
        run.fence += 1
        run.slices += 1
        run.stalls += 1
        run.lease_until = now + seconds
        try:
            self._table.put(_guarded(run, before))
        except ConditionFailed:
            return None
        return run

    def save(self, run: Run, markers: Markers | None = None) -> None:
        run.stalls = 0
        puts: list[Action] = [_guarded(run, run.fence)]
        puts += [Put(_marker_item(run.run_id, *at, value)) for at, value in (markers or {}).items()]
        try:
            if len(puts) == 1:
                self._table.put(_guarded(run, run.fence))
            else:
                self._table.transact(puts)
        except (ConditionFailed, TransactionRefused):
            raise LeaseLost from None

    def renew(self, run: Run) -> None:
        update = Update(
            (REQUEST + run.run_id, RUN),
            "SET lease_until = :until, due_at = :until",
            "fence = :fence AND phase <> :done",
            {"until": run.lease_until, "fence": run.fence, "done": Phase.DONE.value},
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            raise LeaseLost from None

    def marker(self, run_id: str, kind: str, unit: int) -> JsonObject | None:
        item = self._table.get((REQUEST + run_id, f"M#{kind}#{unit:08d}"))
        return document_of(item) if item else None

    def markers(self, run_id: str, kind: str) -> dict[int, JsonObject]:
        prefix = f"M#{kind}#"
        return {
            int(item["sk"].removeprefix(prefix)): document_of(item)
            for item in self._table.query(REQUEST + run_id, prefix=prefix)
        }

    def revoke(self, run_id: str) -> Run | None:
        while run := self.get(run_id):
            before = run.fence
            run.fence += 1
            run.end()
            try:
                self._table.put(Put(new_run_item(run), "fence = :before", {"before": before}))
            except ConditionFailed:
                continue
            return run
        return None

    def finish(
        self, run: Run, request: ProcessRequest, source: RegisteredSource, statistics: Statistics
    ) -> None:
        expiry = {
            "due_kind": EXPIRY_KIND,
            "due_at": statistics.at + limits.HARVEST_RETENTION_DAYS * _DAY,
        }
        ended = _guarded(run, run.fence)
        actions = [
            Put({**ended.item, **expiry}, ended.condition, ended.values),
            source_put(source, source.revision),
            *map(Put, request_items(request)),
            Put(_statistics_item(statistics)),
        ]
        try:
            self._table.transact(actions)
        except TransactionRefused as refused:
            if 0 in refused.failed:
                raise LeaseLost from None
            raise Conflict("The source changed meanwhile") from None

    def due(self, now: float) -> list[Run]:
        return [_run(item) for item in self._table.due(DUE_KIND, now)]

    def expired(self, now: float) -> list[Run]:
        return [_run(item) for item in self._table.due(EXPIRY_KIND, now)]

    def expire(self, run_id: str, *, again_at: float | None) -> None:
        key = (REQUEST + run_id, RUN)
        if again_at is None:
            self._table.update(Update(key, "REMOVE due_kind, due_at"))
        else:
            self._table.update(Update(key, "SET due_at = :at", values={"at": again_at}))


class DynamoRequestLog:
    """Implements `garner.ports.runs.RequestLog`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, request_id: str) -> ProcessRequest | None:
        item = self._table.get((REQUEST + request_id, SINGLE))
        return ProcessRequest.from_json(document_of(item)) if item else None

    def put(self, request: ProcessRequest) -> None:
        self._table.transact([Put(item) for item in request_items(request)])

    def latest(
        self, source_id: str, limit: int, *, kind: RequestType | None = None
    ) -> list[ProcessRequest]:
        ids = [item["request_id"] for item in self._newest(source_id, limit, kind)]
        keys = [(REQUEST + request_id, SINGLE) for request_id in ids]
        found = self._table.batch_get(keys)
        return [ProcessRequest.from_json(document_of(found[key])) for key in keys if key in found]

    def _newest(self, source_id: str, limit: int, kind: RequestType | None) -> Iterator[Item]:
        most = limit if kind is None else None
        left = limit
        for item in self._table.query(REQUESTS_OF + source_id, newest_first=True, limit=most):
            if kind in (None, item["type"]):
                yield item
                left -= 1
            if not left:
                return

    def write(self, row: LogRow) -> None:
        item = {
            "pk": REQUEST + row.request_id,
            "sk": f"L#{row.number:04d}",
            "doc": orjson.dumps(row.to_json()).decode(),
        }
        self._table.put(Put(item))

    def rows(self, request_id: str) -> list[LogRow]:
        items = self._table.query(REQUEST + request_id, prefix="L#")
        return [LogRow.from_json(document_of(item)) for item in items]

    def statistics(self, source_id: str, limit: int) -> list[Statistics]:
        items = self._table.query(_STATISTICS + source_id, newest_first=True, limit=limit)
        return [Statistics(**document_of(item)) for item in items]


def _guarded(run: Run, fence: int) -> Put:
    """Writes the run if the stored one has this fence and is not over."""
    values = {"fence_before": fence, "done": Phase.DONE.value}
    return Put(new_run_item(run), "fence = :fence_before AND phase <> :done", values)


def _run(item: Item) -> Run:
    guarded = {"fence": item["fence"], "lease_until": item["lease_until"]}
    return Run.from_json({**document_of(item), **guarded})


def _marker_item(run_id: str, kind: str, unit: int, value: JsonObject) -> Item:
    return {
        "pk": REQUEST + run_id,
        "sk": f"M#{kind}#{unit:08d}",
        "doc": orjson.dumps(value).decode(),
    }


def _statistics_item(row: Statistics) -> Item:
    return {
        "pk": _STATISTICS + row.source_id,
        "sk": f"{row.import_id:020d}",
        "doc": orjson.dumps(asdict(row)).decode(),
    }
