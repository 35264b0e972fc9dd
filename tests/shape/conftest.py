"""Counts the exemptions aloud at the end of every run."""

from __future__ import annotations

from collections import Counter

import pytest

from shape.tree import exemptions


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line: how many places are exempt from which rule."""
    counts = Counter(one.rule for one in exemptions())
    words = ", ".join(f"{rule} {n}" for rule, n in sorted(counts.items())) or "none"
    terminalreporter.write_line(f"exempt from the rules of the house (tests/shape/allowed.toml): {words}")
