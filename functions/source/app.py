"""The source registry and the names of indexes (extensions; controller contract 4, harvest 1)."""

from garner.api.resolver import Api, bearer
from garner.api.source_routes import add_registry_routes
from garner.runtime import logs, settings
from garner.runtime.harvest import HarvestContainer


def source_api(on: HarvestContainer) -> Api:
    """The routes on this container."""
    api = Api(authenticate=bearer(on.authenticator.caller), ids=on.ids)
    add_registry_routes(api, on.registry)
    return api


def _start() -> Api:
    loaded = settings.load("source")
    logs.configure("source", loaded[settings.Logs].level)
    return source_api(HarvestContainer(loaded))


handler = _start()
