"""The controller's routes: exact bodies, codes and order of checks (controller contract 2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from garner.api.answer import Answer
from garner.api.controller_access import require_controller_role
from garner.api.controller_parameters import ControllerQuery, PathProblem
from garner.api.request import Request
from garner.api.resolver import Api, Authenticate
from garner.contracts import controller as shown
from garner.domain.harvest.control import IngestHeld
from garner.domain.harvest.requests import SYSTEM_SOURCE, RequestType
from garner.domain.principals import Caller
from garner.errors import Forbidden, GarnerError, JsonObject, NotFound, Unauthorized
from garner.limits import MAX_RUN_LIST
from garner.ports.clock import Clock, Ids
from garner.ports.harvest import JobBell
from garner.ports.registry import SourceRegistry, SystemStore
from garner.ports.runs import RequestLog, RunStore
from garner.services.control_source import control_source, reset_source
from garner.services.control_system import pause_system, recover_system, resume_system
from garner.services.known_source import known_source
from garner.services.start_workflow import start_workflow
from garner.services.workflow_status import workflow_status

PREFIX = "/controller"
STARTED = "Your Request started"
_WORKFLOWS = (
    RequestType.UPDATE,
    RequestType.INGEST,
    RequestType.INDEX,
    RequestType.RUN,
    RequestType.REPROCESS,
)
_NO_REQUEST = {
    RequestType.UPDATE: "No ongoing update",
    RequestType.INGEST: "No ongoing ingest",
    RequestType.INDEX: "No ongoing update",  # sic: what clients saw
    RequestType.RUN: "No ongoing run",
    RequestType.REPROCESS: "No ongoing reprocess",
}
_CONTROLS = {
    RequestType.HOLD: ("curator", "Source is on HOLD"),
    RequestType.CLEAR: ("curator", "Source is CLEAR now"),
    RequestType.INACTIVATE: ("admin", "Source is INACTIVE now"),
}


@dataclass(frozen=True, kw_only=True)
class Controller:
    """What the routes work with; `users` maps the known user ids to names."""

    sources: SourceRegistry
    system: SystemStore
    requests: RequestLog
    runs: RunStore
    bell: JobBell
    clock: Clock
    ids: Ids
    path_problem: PathProblem
    users: Mapping[int, str] = field(default_factory=dict)


def by_api_key(caller_of: Callable[[str], Caller]) -> Authenticate:
    """Authentication by `api_key` in the query, or in the header `api_key` or `x-api-key`; the
    query wins. Raises `Unauthorized`."""

    def authenticate(request: Request) -> Caller:
        key = request.parameters.text("api_key")
        for header in ("api_key", "x-api-key"):
            key = request.headers.get(header) if key is None else key
        if not key:
            raise Unauthorized("No api_key")
        return caller_of(key)

    return authenticate


def controller_document(error: GarnerError, status: int, request_id: str) -> JsonObject:
    """Errors in this dialect have one key; 401 and 403 have one text each."""
    if isinstance(error, Unauthorized):
        return {"message": "Unauthorized access"}
    if isinstance(error, Forbidden):
        return {"message": "Access Denied"}
    return {"message": error.message}


def add_controller_routes(api: Api, controller: Controller) -> None:
    """All 18 routes, and the reads of 6.5."""
    for kind in _WORKFLOWS:
        api.post(f"{PREFIX}/{kind.value}")(_start(controller, kind))
        for method in ("GET", "POST"):
            api.route(method, f"{PREFIX}/{kind.value}_status")(_status(controller, kind))
    for kind, (role, text) in _CONTROLS.items():
        api.post(f"{PREFIX}/{kind.value}")(_control(controller, kind, role, text))
    _add_system_routes(api, controller)
    _add_reads(api, controller)


def _message(text: str) -> JsonObject:
    return {"message": text}


def _created(text: str) -> Answer:
    return Answer(orjson.dumps(_message(text)), status=201)


def _start(controller: Controller, kind: RequestType) -> Callable[[Request], JsonObject | Answer]:
    def start(request: Request) -> JsonObject | Answer:
        require_controller_role(request.caller, "curator")
        query = ControllerQuery(request.parameters)
        try:
            start_workflow(
                kind,
                query.resource_id,
                lambda: (
                    query.workflow(kind, controller.path_problem),
                    query.user_id(controller.users.keys()),
                ),
                sources=controller.sources,
                system=controller.system,
                requests=controller.requests,
                bell=controller.bell,
                clock=controller.clock,
                ids=controller.ids,
            )
        except IngestHeld as held:
            return _created(held.message)
        return _message(STARTED)

    return start


def _status(controller: Controller, kind: RequestType) -> Callable[[Request], JsonObject]:
    def status(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        query = ControllerQuery(request.parameters)
        word = workflow_status(
            kind, query.resource_id, sources=controller.sources, requests=controller.requests
        )
        return {"status": _NO_REQUEST[kind] if word == "None" else word}

    return status


def _control(
    controller: Controller, kind: RequestType, role: str, text: str
) -> Callable[[Request], JsonObject]:
    def control(request: Request) -> JsonObject:
        require_controller_role(request.caller, role)
        query = ControllerQuery(request.parameters)
        control_source(
            kind,
            query.resource_id,
            lambda: query.user_id(controller.users.keys()),
            sources=controller.sources,
            system=controller.system,
            requests=controller.requests,
            clock=controller.clock,
            ids=controller.ids,
        )
        return _message(text)

    return control


def _add_system_routes(api: Api, controller: Controller) -> None:
    ports = {
        "system": controller.system,
        "requests": controller.requests,
        "clock": controller.clock,
        "ids": controller.ids,
    }

    @api.post(f"{PREFIX}/reset")
    def reset(request: Request) -> JsonObject:
        require_controller_role(request.caller, "admin")
        reset_source(
            ControllerQuery(request.parameters).resource_id,
            sources=controller.sources,
            system=controller.system,
            requests=controller.requests,
            runs=controller.runs,
            clock=controller.clock,
        )
        return _message("FINISHED")

    @api.post(f"{PREFIX}/pause")
    def pause(request: Request) -> JsonObject:
        require_controller_role(request.caller, "admin")
        pause_system(**ports)  # type: ignore[arg-type]
        return _message("System Paused, Controller Cannot schedule any jobs.")

    @api.post(f"{PREFIX}/resume")
    def resume(request: Request) -> JsonObject | Answer:
        require_controller_role(request.caller, "admin")
        if resume_system(**ports):  # type: ignore[arg-type]
            return _message("System Resumed")
        return _created("System is not Paused, Controller can schedule jobs ")

    @api.post(f"{PREFIX}/recover")
    def recover(request: Request) -> JsonObject:
        require_controller_role(request.caller, "admin")
        recover_system(**ports)  # type: ignore[arg-type]
        return _message("System Recovered")

    @api.post(f"{PREFIX}/reboot")
    def reboot(request: Request) -> JsonObject:
        require_controller_role(request.caller, "admin")
        return _message("SUCCESS : Primary Consumer Rebooted")


def _add_reads(api: Api, controller: Controller) -> None:
    def about(request: Request) -> str:
        """The source that a read is about; `system_state` has requests, too."""
        asked = ControllerQuery(request.parameters).resource_id
        if asked == SYSTEM_SOURCE:
            return asked
        return known_source(asked, sources=controller.sources).source_id

    @api.get(f"{PREFIX}/process_request")
    def process_requests(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        found = controller.requests.latest(about(request), MAX_RUN_LIST)
        return {"process_request": [shown.process_request(each) for each in found]}

    @api.get(f"{PREFIX}/process_request/<request_id>")
    def process_request(request: Request, request_id: str) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        found = controller.requests.get(request_id)
        if found is None:
            raise NotFound("There is no such process request")
        return shown.process_request(found, controller.requests.rows(request_id))

    @api.get(f"{PREFIX}/ingest_logs")
    def ingest_logs(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        found = controller.requests.latest(about(request), MAX_RUN_LIST)
        return {
            "ingestLogs": [
                shown.ingest_log(each) for each in found if shown.shows_ingest(each.type)
            ]
        }

    @api.get(f"{PREFIX}/statistics")
    def statistics(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        found = controller.requests.statistics(about(request), MAX_RUN_LIST)
        return {"ingestion_statistics": [shown.statistics(each) for each in found]}

    @api.get(f"{PREFIX}/resources")
    def resources(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        return {"ingestors": [shown.ingestor(each) for each in controller.sources.list()]}

    @api.get(f"{PREFIX}/system_status")
    def system_status(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        return shown.system_status(controller.system.rows())
