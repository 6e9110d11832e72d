"""Routes of the registry: sources, their runs, and the names of indexes."""

from dataclasses import dataclass

from garner.api.controller_access import require_controller_role
from garner.api.controller_parameters import ControllerQuery, is_index_name
from garner.api.parameters import Parameters as Query
from garner.api.request import Request
from garner.api.resolver import Api
from garner.contracts.controller import log_row
from garner.contracts.registry import (
    IndexNameDocument,
    SampleDocument,
    ScheduleDocument,
    errors_document,
    index_name_document,
    runs_document,
    source_document,
)
from garner.contracts.source import read_descriptor
from garner.domain.harvest.control import Refused
from garner.domain.harvest.requests import RequestType
from garner.errors import JsonObject, NotFound, ValidationFailed
from garner.limits import MAX_RUN_LIST
from garner.ports.clock import Clock
from garner.ports.harvest import Sampler, Schedules, Stage
from garner.ports.indexes import IndexStore
from garner.ports.registry import IndexNames, SourceRegistry
from garner.ports.runs import RequestLog, RunStore
from garner.ports.sources import Transformers
from garner.services import index_names
from garner.services.check_source import check_source
from garner.services.record_errors import list_record_errors
from garner.services.register_source import (
    change_source,
    delete_source,
    find_source,
    register_source,
)
from garner.services.schedule_source import schedule_source, unschedule_source


@dataclass(frozen=True, kw_only=True)
class Registry:
    """What the routes work with."""

    sources: SourceRegistry
    names: IndexNames
    indexes: IndexStore
    requests: RequestLog
    runs: RunStore
    stage: Stage
    schedules: Schedules
    sampler: Sampler
    transformers: Transformers
    clock: Clock


def add_registry_routes(api: Api, on: Registry) -> None:
    """All routes of this file."""
    _add_source_routes(api, on)
    _add_run_routes(api, on)
    _add_name_routes(api, on)


def _add_source_routes(api: Api, on: Registry) -> None:
    sources, schedules = on.sources, on.schedules

    @api.post("/v1/source")
    def register(request: Request) -> JsonObject:
        require_controller_role(request.caller, "curator")
        document = read_descriptor(request.body)
        row = register_source(
            document, sources=sources, transformers=on.transformers, clock=on.clock
        )
        return source_document(row)

    @api.get("/v1/source")
    def list_all(request: Request) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        return {"sources": [source_document(row) for row in sources.list()]}

    @api.post("/v1/source/sample")
    def try_descriptor(request: Request) -> JsonObject:
        """A descriptor that is not registered yet."""
        require_controller_role(request.caller, "curator")
        descriptor, _ = check_source(read_descriptor(request.body), transformers=on.transformers)
        size = request.parameters.integer("size", 5, 1, 1_000)
        return on.sampler.sample(descriptor.to_json(), size)

    @api.get("/v1/source/<source_id>")
    def show(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        return source_document(find_source(source_id, sources=sources))

    @api.put("/v1/source/<source_id>")
    def change(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "curator")
        row = change_source(
            source_id,
            read_descriptor(request.body),
            sources=sources,
            transformers=on.transformers,
            schedules=schedules,
            clock=on.clock,
        )
        return source_document(row)

    @api.delete("/v1/source/<source_id>")
    def delete(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "admin")
        delete_source(source_id, sources=sources, schedules=schedules)
        return {"source_id": source_id, "acknowledged": True}

    @api.post("/v1/source/<source_id>/sample")
    def sample(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "curator")
        row = find_source(source_id, sources=sources)
        size = request.document(SampleDocument).size if request.body else SampleDocument().size
        return on.sampler.sample(row.descriptor, size)

    @api.put("/v1/source/<source_id>/schedule")
    def schedule(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "curator")
        wanted = request.document(ScheduleDocument)
        _check_parameters(wanted.parameters, on.transformers)
        row = schedule_source(
            source_id, wanted.hours, dict(wanted.parameters), sources=sources, schedules=schedules
        )
        return source_document(row)

    @api.delete("/v1/source/<source_id>/schedule")
    def unschedule(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "curator")
        return source_document(unschedule_source(source_id, sources=sources, schedules=schedules))


def _check_parameters(parameters: dict[str, str], transformers: Transformers) -> None:
    """Those of `update`, before a scheduler sends them for months."""
    query = ControllerQuery(Query({name: [value] for name, value in parameters.items()}))
    try:
        query.workflow(RequestType.UPDATE, transformers.path_problem)
    except Refused as refused:
        text = refused.message.removeprefix("Failed Request : ")
        raise ValidationFailed.of("json", "parameters", text) from None


def _add_run_routes(api: Api, on: Registry) -> None:
    def belongs(source_id: str, run_id: str) -> None:
        request = on.requests.get(run_id)
        if request is None or request.source_id != source_id:
            raise NotFound("The source has no such run")

    @api.get("/v1/source/<source_id>/runs")
    def runs(request: Request, source_id: str) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        row = find_source(source_id, sources=on.sources)
        limit = request.parameters.integer("limit", 20, 1, MAX_RUN_LIST)
        return runs_document(row, on.requests.latest(source_id, limit))

    @api.get("/v1/source/<source_id>/runs/<run_id>/log")
    def log(request: Request, source_id: str, run_id: str) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        belongs(source_id, run_id)
        return {"log": [log_row(row) for row in on.requests.rows(run_id)]}

    @api.get("/v1/source/<source_id>/runs/<run_id>/errors")
    def errors(request: Request, source_id: str, run_id: str) -> JsonObject:
        require_controller_role(request.caller, "viewer")
        belongs(source_id, run_id)
        marker = request.parameters.text("marker") or ""
        found, after = list_record_errors(run_id, marker, runs=on.runs, stage=on.stage)
        return errors_document(found, after)


def _add_name_routes(api: Api, on: Registry) -> None:
    ports = {"names": on.names, "indexes": on.indexes}

    @api.put("/v1/index/<index_id>/name/<name>")
    def set_name(request: Request, index_id: str, name: str) -> JsonObject:
        def read() -> tuple[tuple[str, ...], str]:
            if not is_index_name(name):
                raise ValidationFailed.of("path", "name", "Not a legal index name (lower case).")
            wanted = request.document(IndexNameDocument)
            return tuple(wanted.sources), wanted.move_from

        row = index_names.set_index_name(index_id, name, read, request.caller, **ports)  # type: ignore[arg-type]
        return index_name_document(row)

    @api.get("/v1/index/<index_id>/name_list")
    def list_names(request: Request, index_id: str) -> JsonObject:
        rows = index_names.list_index_names(index_id, request.caller, **ports)  # type: ignore[arg-type]
        return {"names": [index_name_document(row) for row in rows]}

    @api.delete("/v1/index/<index_id>/name/<name>")
    def delete_name(request: Request, index_id: str, name: str) -> JsonObject:
        index_names.delete_index_name(index_id, name, request.caller, **ports)  # type: ignore[arg-type]
        return {"name": name, "acknowledged": True}
