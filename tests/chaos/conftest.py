"""What the chaos tests measured, printed as a table after them: promise, number."""

from collections.abc import Callable
from typing import cast

import pytest

Figures = Callable[[str, str], None]
FIGURE = "figure"
_ROWS = pytest.StashKey[list[tuple[str, str]]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Notes a promise and what was measured of it."""

    def note(promise: str, measured: str) -> None:
        request.node.user_properties.append((FIGURE, (promise, measured)))

    return note


class _Table:
    """Collects the rows from the reports, which come from all processes of a run."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self._rows = rows

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows when a test is over."""
        if report.when == "teardown":
            rows = [cast("tuple[str, str]", row) for name, row in report.user_properties if name == FIGURE]
            self._rows += [(promise, measured) for promise, measured in rows]


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the reports."""
    rows = config.stash.setdefault(_ROWS, [])
    config.pluginmanager.register(_Table(rows))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    rows = config.stash.get(_ROWS, [])
    if rows:
        terminalreporter.section("promises")
    width = max((len(promise) for promise, _ in rows), default=0)
    for promise, measured in rows:
        terminalreporter.write_line(f"{promise.ljust(width)}  {measured}")
