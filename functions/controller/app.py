"""The Foundry-compatible controller: `/controller/…` (controller contract 2)."""

from garner.api.controller import add_controller_routes, by_api_key, controller_document
from garner.api.resolver import Api
from garner.runtime import logs, settings
from garner.runtime.harvest import HarvestContainer


def controller_api(on: HarvestContainer) -> Api:
    """The routes on this container, in the controller's dialect."""
    api = Api(
        authenticate=by_api_key(on.authenticator.token), ids=on.ids, document=controller_document
    )
    add_controller_routes(api, on.controller)
    return api


def _start() -> Api:
    loaded = settings.load("controller")
    logs.configure("controller", loaded[settings.Logs].level)
    return controller_api(HarvestContainer(loaded))


handler = _start()
