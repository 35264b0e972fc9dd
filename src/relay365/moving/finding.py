"""What became of each line of an old configuration: taken over, to be looked at, or not understood. Pure.

A reader may say anything but nothing: every line that somebody once wrote leaves a finding with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """What became of a line."""

    OK = "ok"  # taken over, or it needs nothing here
    WARN = "warn"  # taken over, but a person should look
    UNKNOWN = "not-understood"  # not taken over, and mail may depend on it


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the old configuration. where: "main.cf:12"; new: ours, "" where there is nothing to write."""

    state: State
    where: str
    old: str
    new: str
    why: str = ""


@dataclass
class Findings:
    """All of them, in the order in which they were found."""

    all: list[Finding] = field(default_factory=list)

    def ok(self, where: str, old: str, new: str = "", why: str = "") -> None:
        """Taken over; without `new` it needs nothing here, and why says so."""
        self.all.append(Finding(State.OK, where, old, new, why))

    def warn(self, where: str, old: str, new: str = "", why: str = "") -> None:
        """Taken over, or known to be lost; why is what a person should look at."""
        self.all.append(Finding(State.WARN, where, old, new, why))

    def unknown(self, where: str, old: str, why: str) -> None:
        """Not taken over."""
        self.all.append(Finding(State.UNKNOWN, where, old, "", why))

    def count(self, state: State) -> int:
        """How many there are."""
        return sum(one.state is state for one in self.all)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.all)


class SourceError(Exception):
    """The old configuration cannot be read at all: what, why and what to do."""

    def __init__(self, what: str, why: str, do: str) -> None:
        self.what, self.why, self.do = what, why, do
        super().__init__(f"{what}: {why}")
