"""How a function starts: settings, logs, container, routes; in that order, once per process."""

from collections.abc import Callable

from garner.api.resolver import Api, bearer
from garner.domain.principals import ANONYMOUS
from garner.runtime import logs, settings
from garner.runtime.container import Container

Routes = Callable[[Api, Container], None]
"""Registers a function's routes; `functions/<name>/app.py` has one."""


def serve(function: str, routes: Routes) -> Api:
    """The handler of a function of the Search API; raises `SettingsError` at start."""
    loaded = settings.load(function)
    logs.configure(function, loaded[settings.Logs].level)
    return search_api(routes, Container(loaded))


def serve_open(function: str, routes: Routes) -> Api:
    """The handler of a function that looks at no token and needs no store."""
    loaded = settings.load(function)
    logs.configure(function, loaded[settings.Logs].level)
    return open_api(routes, Container(loaded))


def open_api(routes: Routes, container: Container) -> Api:
    api = Api(authenticate=lambda _: ANONYMOUS, ids=container.ids)
    routes(api, container)
    return api


def search_api(routes: Routes, container: Container) -> Api:
    """The routes of a function on this container."""
    api = Api(
        authenticate=bearer(container.authenticator.caller),
        ids=container.ids,
        after=container.flush_metrics,
    )
    routes(api, container)
    return api
