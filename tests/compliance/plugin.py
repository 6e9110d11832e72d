"""Which numbered assertion is proved by which test: collects `@pytest.mark.compliance(…)`.

`pytest --compliance docs/compliance.md` writes the table from the run it is part of. A number that
is not in the checklist is an error of the test.
"""

from collections import defaultdict
from pathlib import Path

import pytest

from tests.compliance.checklist import ASSERTIONS, CONTROLLER, SEARCH

KEY = "compliance"
RANK = {"skipped": 0, "passed": 1, "failed": 2}
"""Of a test's variants, e.g. the engines it runs on, one that passed makes up for one left out."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--compliance", metavar="FILE", help="write the table of assertions to FILE")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "compliance(*numbers): the assertions of the contracts that the test proves"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(config.getoption("--compliance")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers(KEY):
            for number in mark.args:
                if str(number) not in ASSERTIONS:
                    raise pytest.UsageError(f"{item.nodeid}: no assertion has number {number}")
                item.user_properties.append((KEY, str(number)))


class Table:
    """Gathers reports (from all workers, they arrive at the controller) and writes the file."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._states: dict[str, dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0].partition("@")[0]  # neither variant nor worker group
        for key, number in report.user_properties:
            if key != KEY or (report.when != "call" and report.outcome == "passed"):
                continue
            tests = self._states[str(number)]
            tests[test] = max(tests.get(test, "skipped"), report.outcome, key=RANK.__getitem__)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._path:
            return
        Path(self._path).write_text(self._page(), "utf-8")
        unproved = [number for number in ASSERTIONS if not self._proved(number)]
        terminalreporter.write_line(
            f"compliance: {len(ASSERTIONS) - len(unproved)} of {len(ASSERTIONS)} proved;"
            f" open: {', '.join(unproved) or 'none'}"
        )

    def _proved(self, number: str) -> bool:
        tests = self._states.get(number)
        return bool(tests) and set(tests.values()) == {"passed"}

    def _page(self) -> str:
        answers = Path(__file__).with_name("answers.md").read_text("utf-8")
        return "\n".join(
            [
                "# Compliance",
                "",
                "Written by `make compliance` from a run of the tests; not to be edited by hand.",
                "",
                *self._section("Search API", "", SEARCH),
                *self._section("Controller", "C", CONTROLLER),
                answers,
            ]
        )

    def _section(self, title: str, prefix: str, texts: dict[int, str]) -> list[str]:
        rows = [f"## {title}", "", "| # | assertion | state | tests |", "|---|---|---|---|"]
        for n, text in texts.items():
            number = f"{prefix}{n}"
            tests = self._states.get(number, {})
            state = "proved" if self._proved(number) else _why_not(tests)
            names = "<br>".join(f"`{test}`" for test in sorted(tests))
            rows.append(f"| {number} | {text} | {state} | {names} |")
        return [*rows, ""]


def _why_not(tests: dict[str, str]) -> str:
    if "failed" in tests.values():
        return "**failed**"
    return "**left out**" if tests else "**open**"
