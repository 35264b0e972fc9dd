"""Ctrl-C for who is interrupted; and, at the end of every run, how long a clean machine took to its first mail."""

from __future__ import annotations

import signal

import pytest

WALL_TIME = "wall time"


def pytest_configure() -> None:
    """A shell that runs the tests in the background ignores Ctrl-C for them: commands that they start must hear it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each test that has noted its parts; from another worker, too."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == WALL_TIME and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
