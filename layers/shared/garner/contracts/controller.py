"""What the controller's read routes show, under the names of its tables (contract 6.3 to 6.5)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import LogRow, ProcessRequest, RequestType
from garner.domain.harvest.tables import Statistics, SystemRow
from garner.errors import JsonObject

_GROUPS = {
    "ERROR": "Error",
    "RUNNING": "Running",
    "HOLD": "On Hold",
    "STUCK": "Stuck",
    "INACTIVE": "Inactive",
}


def iso(seconds: float | None) -> str:
    """ISO 8601 in UTC; empty while there is no time."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def process_request(request: ProcessRequest, rows: Sequence[LogRow] | None = None) -> JsonObject:
    """A row of `process_request`; with `rows` also its log, and the counts of its run."""
    document: JsonObject = {
        "requestID": request.request_id,
        "userID": request.user_id,
        "resourceID": request.source_id,
        "status": request.state.value,
        "processType": request.type.value,
        "startTime": iso(request.created_at),
        "endTime": iso(request.completed_at),
        "message": request.message,
        "counts": request.counts,
    }
    if rows is not None:
        document["ingestion_logs"] = [log_row(row) for row in rows]
    return document


def log_row(row: LogRow) -> JsonObject:
    return {
        "logID": f"{row.request_id}-{row.number}",
        "requestID": row.request_id,
        "userID": row.user_id,
        "resourceID": row.source_id,
        "status": row.status,
        "type": row.type,
        "startDate": iso(row.started_at),
        "endDate": iso(row.ended_at),
        "message": row.message,
        "counts": row.counts,
    }


def ingest_log(request: ProcessRequest) -> JsonObject:
    """An ingest log record (6.3) of a crawl or a run."""
    counts = request.counts
    document: JsonObject = {
        "resourceID": request.source_id,
        "dataSource": request.source_id,
        "startDate": iso(request.created_at),
        "endDate": iso(request.completed_at),
        "newCount": counts.get("newCount", 0),
        "sameCount": counts.get("sameCount", 0),
        "changeCount": counts.get("changeCount", 0),
        "errorCount": counts.get("errorCount", 0),
        "finished": request.state.is_terminal,
        "opType": "full" if request.type.crawls else "partial__transform__to_end",
    }
    if request.message and request.state.value == "FAILED":
        document["errorMessage"] = request.message
    return document


def shows_ingest(kind: RequestType) -> bool:
    return kind.crawls or kind in (RequestType.RUN, RequestType.REPROCESS)


def statistics(row: Statistics) -> JsonObject:
    return {
        "importID": row.import_id,
        "resourceID": row.source_id,
        "requestID": row.request_id,
        "totalRecCount": row.total,
        "ingestedRecCount": row.ingested,
        "finishedRecCount": row.finished,
        "errorCount": row.errors,
    }


def ingestor(source: RegisteredSource) -> JsonObject:
    """A row of `ingestors`, and the dashboard's group it belongs to (6.5)."""
    descriptor = source.descriptor
    status = source.status.value
    return {
        "resourceID": source.source_id,
        "resourceName": descriptor.get("name", ""),
        "mappingType": descriptor.get("dataModel", ""),
        "scheduleFreq": source.schedule.get("hours", ""),
        "resourceStatus": status,
        "creationTimeStamp": iso(source.last_run_at),
        "group": _GROUPS.get(status, "Scheduled"),
    }


def system_status(rows: Iterable[SystemRow]) -> JsonObject:
    """The open rows; ALL_CLEAR stands alone when there are none."""
    found = [
        {
            "resourceStatus": row.status.value,
            "creationTimeStamp": iso(row.opened_at),
            "recoverTimeStamp": iso(row.recovered_at) or None,
        }
        for row in rows
    ]
    banner = [row["resourceStatus"] for row in found if row["recoverTimeStamp"] is None]
    return {"currentStatus": banner or ["ALL_CLEAR"], "system_status": found}
