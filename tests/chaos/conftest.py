"""What the chaos tests measured, printed as a table after them: promise, number."""

from collections.abc import Callable

import pytest

Figures = Callable[[str, str], None]
_KEY = pytest.StashKey[list[tuple[str, str]]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Notes a promise and what was measured of it."""
    rows = request.config.stash.setdefault(_KEY, [])

    def note(promise: str, measured: str) -> None:
        rows.append((promise, measured))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    rows = config.stash.get(_KEY, [])
    if rows:
        terminalreporter.section("promises")
    width = max((len(promise) for promise, _ in rows), default=0)
    for promise, measured in rows:
        terminalreporter.write_line(f"{promise.ljust(width)}  {measured}")
