"""Fixtures that more than one suite uses: the whole stack, once per run."""

import pytest

from tests.fakes.tls import also_trusted, self_signed
from tests.stack import HOST, RunningStack, run_stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker of pytest-xdist runs all tests of the stack, so that there is one stack; one runs
    those of the real engine, so that there is one engine."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))
        elif parameters.get("engine") == "opensearch":
            item.add_marker(pytest.mark.xdist_group("opensearch"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The stack that `make run` starts, on free ports, with short times and an empty index. Its
    functions trust the certificate of servers that `tests.fakes.tls` makes for it."""
    folder = tmp_path_factory.mktemp("stack")
    trusted = also_trusted(self_signed(HOST, folder))
    with run_stack(folder, SSL_CERT_FILE=str(trusted)) as running:
        assert isinstance(running, RunningStack)
        yield running
