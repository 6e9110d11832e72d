"""The controller (its contract, section 2, and the reads of 6.5): parameters with their dashes, and
every text that is fixed."""

from typing import Any

from garner.api.controller import STARTED
from garner.contracts import controller_models as shown
from garner.domain.harvest.control import NO_RESOURCE, UNKNOWN_RESOURCE, IngestHeld
from garner.domain.harvest.requests import AUTO_RUN_USER, SOURCE_TYPES
from garner.limits import CRAWL_OFFSET_DAYS
from tools.operations.model import FLAG, TEXT, Operation, Schema, Security, Shape, in_query

TAG = "Controller"
SECURITY_SCHEMES: dict[str, Schema] = {
    "api_key": {"type": "apiKey", "in": "query", "name": "api_key"},
    "api_key_header": {"type": "apiKey", "in": "header", "name": "api_key"},
    "x_api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
KEY: Security = [{name: []} for name in SECURITY_SCHEMES]


def _fixed(*texts: str, key: str = "message") -> Schema:
    """An object of one key that has one of these texts."""
    return {
        "type": "object",
        "required": [key],
        "properties": {key: {"enum": list(texts)}},
        "additionalProperties": False,
    }


def _message(schema: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": ["message"],
        "properties": {"message": schema},
        "additionalProperties": False,
    }


FREE: dict[str, Schema] = {
    "Message": _message(TEXT, "What the controller answers to what no status below is for."),
    "UnknownResource": _message(
        {"enum": [NO_RESOURCE, UNKNOWN_RESOURCE]}, "No resourceID, or one that is not registered."
    ),
    "FailedRequest": _message(
        {"type": "string", "pattern": "^Failed Request : ."}, "Refused, with the reason."
    ),
    "Refusal": {
        "anyOf": [
            {"$ref": "#/components/schemas/UnknownResource"},
            {"$ref": "#/components/schemas/FailedRequest"},
        ]
    },
    "UnauthorizedAccess": _fixed("Unauthorized access"),
    "AccessDenied": _fixed("Access Denied"),
}

_PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
_FIRST_DAY, _LAST_DAY = CRAWL_OFFSET_DAYS
_NAME: Schema = {"type": "string", "maxLength": 255}


def _bare_flag(name: str, text: str) -> Schema:
    """The name alone is true."""
    return in_query(name, FLAG, text) | {"allowEmptyValue": True}


RESOURCE = in_query("resourceID", TEXT, "A registered source.", required=True)
USER = in_query(
    "userID",
    {"type": "integer", "default": AUTO_RUN_USER},
    "Whom the request is attributed to: a known user.",
)
_INDEX_TEXT = "The name of an index, or its alias; lower case."
INDEX_NAME = in_query("indexName", _NAME, _INDEX_TEXT, required=True)
INDEX_NAME_OF_REPROCESS = in_query("index_name", _NAME, _INDEX_TEXT, required=True)
JSON_PATH = in_query(
    "jsonPath", TEXT, "Where a transformed record has its id, such as $.dc.identifier."
)
CRAWL_OFFSET = in_query(
    "crawlOffset",
    {"type": "integer", "minimum": _FIRST_DAY, "maximum": _LAST_DAY},
    "Index what was crawled in the past so many days.",
)
DUP_PERC = in_query("-dupPerc", _PERCENT, "Allowed percentage of duplicates.")
ERR_PERC = in_query("-errPerc", _PERCENT, "Index if fewer than these percent are in error.")
FORCE = _bare_flag("-f", "Crawl although records are left in error.")
SOURCE_TYPE = in_query(
    "-sourceType", {"enum": list(SOURCE_TYPES), "default": SOURCE_TYPES[0]}, "The source's family."
)
SKIP_CHECK = _bare_flag("-skipCheck", "Leave the accounting check out.")

_CRAWL = (DUP_PERC, ERR_PERC, FORCE, SOURCE_TYPE, SKIP_CHECK)
_PUBLISH = (INDEX_NAME, JSON_PATH, CRAWL_OFFSET)


def _operation(
    name: str,
    summary: str,
    gives: Shape,
    parameters: tuple[Schema, ...] = (),
    refusal: Shape = None,
    **more: Any,
) -> Operation:
    """`refusal` is what a 400 looks like, if there can be one."""
    answers: dict[int, Shape] = {401: "UnauthorizedAccess", 403: "AccessDenied"}
    if refusal:
        answers[400] = refusal
    answers |= more.pop("answers", {})
    return Operation(
        f"controller_{name}",
        TAG,
        summary,
        gives,
        parameters=parameters,
        answers=dict(sorted(answers.items())),
        error="Message",
        security=KEY,
        **more,
    )


def _change(
    name: str, summary: str, text: str, *parameters: Schema, **more: Any
) -> dict[tuple[str, str], Operation]:
    """A POST that answers one text."""
    refusal = more.pop("refusal", "Refusal")
    operation = _operation(name, summary, _fixed(text), parameters, refusal, **more)
    return {("POST", f"/controller/{name}"): operation}


def _workflow(
    name: str, summary: str, none: str, *parameters: Schema, answers: dict[int, Shape] | None = None
) -> dict[tuple[str, str], Operation]:
    """A workflow and its status, which may be asked for by GET and POST."""
    asked = (RESOURCE, USER) if name == "run" else (RESOURCE,)
    gives = _fixed("Running", "Finished", none, key="status")
    text = f"The state of the latest {name}"
    return _change(name, summary, STARTED, RESOURCE, *parameters, USER, answers=answers or {}) | {
        (method, f"/controller/{name}_status"): _operation(
            f"{name}_status{suffix}", text, gives, asked, "UnknownResource"
        )
        for method, suffix in (("GET", ""), ("POST", "_post"))
    }


def _read(
    path: str, summary: str, gives: Shape, *parameters: Schema, **more: Any
) -> dict[tuple[str, str], Operation]:
    name = path.replace("/{request_id}", "_get")
    refusal = "UnknownResource" if parameters else None
    operation = _operation(name, summary, gives, parameters, refusal, **more)
    return {("GET", f"/controller/{path}"): operation}


OPERATIONS: dict[tuple[str, str], Operation] = {
    **_workflow("update", "Crawl, then index", "No ongoing update", *_PUBLISH, *_CRAWL),
    **_workflow(
        "ingest",
        "Crawl",
        "No ongoing ingest",
        *_CRAWL,
        answers={201: _fixed(IngestHeld.message)},
    ),
    # sic: what clients saw
    **_workflow("index", "Index", "No ongoing update", *_PUBLISH, SOURCE_TYPE),
    **_workflow("run", "Work on records in error again", "No ongoing run"),
    **_workflow(
        "reprocess",
        "Work on all records again, then index all",
        "No ongoing reprocess",
        INDEX_NAME_OF_REPROCESS,
    ),
    **_change("hold_source", "Let no workflow start", "Source is on HOLD", RESOURCE, USER),
    **_change("clear_source", "Lift a hold", "Source is CLEAR now", RESOURCE, USER),
    **_change(
        "inactivate_source",
        "Take a source out of service (admins)",
        "Source is INACTIVE now",
        RESOURCE,
        USER,
    ),
    **_change("reset", "Free a busy source (admins)", "FINISHED", RESOURCE),
    **_change(
        "pause",
        "Let nothing start (admins)",
        "System Paused, Controller Cannot schedule any jobs.",
        refusal="FailedRequest",
    ),
    **_change(
        "resume",
        "End a pause (admins)",
        "System Resumed",
        refusal=None,
        answers={201: _fixed("System is not Paused, Controller can schedule jobs ")},
    ),
    **_change(
        "recover", "End a system failure (admins)", "System Recovered", refusal="FailedRequest"
    ),
    **_change(
        "reboot",
        "Nothing: there is no consumer to restart (admins)",
        "SUCCESS : Primary Consumer Rebooted",
        refusal=None,
    ),
    **_read(
        "process_request",
        "The latest process requests of a source",
        shown.ProcessRequestList,
        RESOURCE,
    ),
    **_read(
        "process_request/{request_id}",
        "A process request with its log",
        shown.LoggedProcessRequest,
        answers={404: "Message"},
    ),
    **_read("ingest_logs", "The latest crawls and runs", shown.IngestLogList, RESOURCE),
    **_read("statistics", "Record counts of the latest runs", shown.StatisticsList, RESOURCE),
    **_read("resources", "All sources as the dashboard lists them", shown.IngestorList),
    **_read("system_status", "The state of the system", shown.SystemStatusDocument),
}
