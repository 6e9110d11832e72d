"""How a function starts: settings, logs, container, routes; in that order, once per process."""

from collections.abc import Callable

from garner.api.resolver import Api, bearer
from garner.runtime import logs, settings
from garner.runtime.container import Container

Routes = Callable[[Api, Container], None]
"""Registers a function's routes; `functions/<name>/app.py` has one."""


def serve(function: str, routes: Routes) -> Api:
    """The handler of a function of the Search API; raises `SettingsError` at start."""
    loaded = settings.load(function)
    logs.configure(function, loaded[settings.Logs].level)
    return search_api(routes, Container(loaded))


def search_api(routes: Routes, container: Container) -> Api:
    """The routes of a function on this container."""
    api = Api(authenticate=bearer(container.authenticator.caller), ids=container.ids)
    routes(api, container)
    return api
