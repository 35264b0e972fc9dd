"""Says aloud, at the end of every run, how long a clean machine took to its first delivered mail."""

from __future__ import annotations

import pytest

WALL_TIME = "wall time"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each test that has noted its parts; from another worker, too."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == WALL_TIME and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
