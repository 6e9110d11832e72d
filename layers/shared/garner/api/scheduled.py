"""A scheduled update: the use case of `POST /controller/update`, called by a scheduler."""

import logging

from garner.api.controller import Controller
from garner.api.controller_parameters import ControllerQuery
from garner.api.parameters import Parameters as Query
from garner.domain.harvest.control import IngestHeld, Refused
from garner.domain.harvest.requests import RequestType
from garner.errors import JsonObject
from garner.services.start_workflow import start_workflow

log = logging.getLogger(__name__)


def start_scheduled(request: JsonObject, controller: Controller) -> str | None:
    """The id of the process request; None where the source may not start now, which the next turn
    of the schedule makes good. `request` has the parameters of `update` as on the wire."""
    query = ControllerQuery(Query({name: [str(value)] for name, value in request.items()}))
    try:
        return start_workflow(
            RequestType.UPDATE,
            query.resource_id,
            lambda: (
                query.workflow(RequestType.UPDATE, controller.path_problem),
                query.user_id(controller.users.keys()),
            ),
            sources=controller.sources,
            system=controller.system,
            requests=controller.requests,
            bell=controller.bell,
            clock=controller.clock,
            ids=controller.ids,
        )
    except (Refused, IngestHeld) as refused:
        source = str(query.resource_id)
        log.warning("schedule refused", extra={"source_id": source, "reason": str(refused)})
        return None
