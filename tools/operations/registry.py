"""The registry of sources, their runs, and the names of indexes (extensions)."""

from typing import Any

from garner.contracts import registry, registry_models
from garner.contracts.source import SourceDescriptor
from garner.limits import MAX_RUN_LIST
from tools.operations.model import TEXT, Operation, Security, Shape, in_query

TAG = "Sources"
_SOURCES, _S = "/v1/source", "/v1/source/{source_id}"
_NAME = "/v1/index/{index_id}/name/{name}"
_DESCRIPTOR_TYPES = ("application/json", "application/yaml")

LIMIT = in_query(
    "limit",
    {"type": "integer", "default": 20, "minimum": 1, "maximum": MAX_RUN_LIST},
    "How many, at most.",
)
SIZE = in_query(
    "size", {"type": "integer", "default": 5, "minimum": 1, "maximum": 1_000}, "How many records."
)
MARKER = in_query("marker", TEXT, "That of the page before.")


def _operation(
    name: str, summary: str, gives: Shape, errors: tuple[int, ...], tag: str = TAG, **more: Any
) -> Operation:
    answers = dict.fromkeys(sorted((401, 403, *errors)), "GError")
    security: Security = [{"token": []}]
    return Operation(name, tag, summary, gives, answers=answers, security=security, **more)


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", _SOURCES): _operation("source_list", "List sources", registry_models.SourceList, ()),
    ("POST", _SOURCES): _operation(
        "source_create",
        "Register a source (curators)",
        registry_models.SourceDocument,
        (400, 409),
        takes=SourceDescriptor,
        takes_types=_DESCRIPTOR_TYPES,
    ),
    ("POST", f"{_SOURCES}/sample"): _operation(
        "descriptor_sample",
        "Try a descriptor that is not registered (curators)",
        registry_models.SampleAnswer,
        (400,),
        takes=SourceDescriptor,
        parameters=(SIZE,),
        takes_types=_DESCRIPTOR_TYPES,
    ),
    ("GET", _S): _operation("source_get", "Show a source", registry_models.SourceDocument, (404,)),
    ("PUT", _S): _operation(
        "source_update",
        "Replace the descriptor of a source (curators)",
        registry_models.SourceDocument,
        (400, 404),
        takes=SourceDescriptor,
        takes_types=_DESCRIPTOR_TYPES,
    ),
    ("DELETE", _S): _operation(
        "source_delete",
        "Take a source out of the registry; what it published stays (admins)",
        registry_models.SourceAcknowledgement,
        (404, 409),
    ),
    ("POST", f"{_S}/sample"): _operation(
        "source_sample",
        "The first records, raw and transformed (curators)",
        registry_models.SampleAnswer,
        (400, 404),
        takes=registry.SampleDocument,
        takes_always=False,
    ),
    ("PUT", f"{_S}/schedule"): _operation(
        "schedule_set",
        "Update a source by itself (curators)",
        registry_models.SourceDocument,
        (400, 404),
        takes=registry.ScheduleDocument,
    ),
    ("DELETE", f"{_S}/schedule"): _operation(
        "schedule_delete",
        "Update a source by itself no more (curators)",
        registry_models.SourceDocument,
        (404,),
    ),
    ("GET", f"{_S}/runs"): _operation(
        "run_list",
        "The latest process requests of a source",
        registry_models.RunList,
        (400, 404),
        parameters=(LIMIT,),
    ),
    ("GET", f"{_S}/runs/{{run_id}}/log"): _operation(
        "run_log", "The log of a run", registry_models.RunLog, (404,)
    ),
    ("GET", f"{_S}/runs/{{run_id}}/errors"): _operation(
        "run_errors",
        "The records of a run that are in error",
        registry_models.RecordErrorList,
        (400, 404),
        parameters=(MARKER,),
    ),
    ("PUT", _NAME): _operation(
        "name_set",
        "Give an index a name that sources may publish to",
        registry_models.IndexNameShown,
        (400, 404, 409),
        takes=registry.IndexNameDocument,
        tag="Names",
    ),
    ("GET", "/v1/index/{index_id}/name_list"): _operation(
        "name_list",
        "List the names of an index",
        registry_models.IndexNameList,
        (404,),
        tag="Names",
    ),
    ("DELETE", _NAME): _operation(
        "name_delete",
        "Take a name from an index",
        registry_models.IndexNameAcknowledgement,
        (404,),
        tag="Names",
    ),
}
