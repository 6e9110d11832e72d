"""The models of what the controller's read routes show, for the OpenAPI document (contract 6.3 to
6.5). Apart from `garner.contracts.controller`, which makes the answers, because no request needs
them. Keys that are not here are never sent.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from garner.domain.harvest.control import ResourceStatus, SystemStatus
from garner.domain.harvest.requests import RequestState, RequestType


class Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LogRowDocument(Shown):
    """A row of `ingestion_logs`."""

    logID: str
    requestID: str
    userID: int
    resourceID: str
    status: str
    type: str
    startDate: str
    endDate: str
    message: str
    counts: dict[str, int]


class ProcessRequestDocument(Shown):
    """A row of `process_request`; `endTime` is empty until it has ended."""

    requestID: str
    userID: int
    resourceID: str
    status: RequestState
    processType: RequestType
    startTime: str
    endTime: str
    message: str
    counts: dict[str, int]


class LoggedProcessRequest(ProcessRequestDocument):
    ingestion_logs: list[LogRowDocument]


class ProcessRequestList(Shown):
    """The newest first."""

    process_request: list[ProcessRequestDocument]


class IngestLog(Shown):
    """`errorMessage` is there when it failed; `opType` is `full` for a crawl."""

    resourceID: str
    dataSource: str
    startDate: str
    endDate: str
    newCount: int
    sameCount: int
    changeCount: int
    errorCount: int
    finished: bool
    opType: Literal["full", "partial__transform__to_end"]
    errorMessage: str = ""


class IngestLogList(Shown):
    """The newest first."""

    ingestLogs: list[IngestLog]


class StatisticsRow(Shown):
    """A row of `ingestion_statistics`: one a run, the latest has the highest `importID`."""

    importID: int
    resourceID: str
    requestID: str
    totalRecCount: int
    ingestedRecCount: int
    finishedRecCount: int
    errorCount: int


class StatisticsList(Shown):
    ingestion_statistics: list[StatisticsRow]


class Ingestor(Shown):
    """A row of `ingestors`: `creationTimeStamp` is when the source last ran, `group` the one that
    the dashboard shows it in."""

    resourceID: str
    resourceName: str
    mappingType: str
    scheduleFreq: int | Literal[""]
    resourceStatus: ResourceStatus
    creationTimeStamp: str
    group: Literal["Error", "Running", "On Hold", "Stuck", "Inactive", "Scheduled"]


class IngestorList(Shown):
    ingestors: list[Ingestor]


class SystemStatusRow(Shown):
    """`recoverTimeStamp` null is still open."""

    resourceStatus: SystemStatus
    creationTimeStamp: str
    recoverTimeStamp: str | None


class SystemStatusDocument(Shown):
    """`currentStatus` has the open ones, or ALL_CLEAR alone."""

    currentStatus: list[SystemStatus]
    system_status: list[SystemStatusRow]
