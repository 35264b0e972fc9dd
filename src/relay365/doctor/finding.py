"""Findings: what one question found, in words for a person; and how a whole examination ends.

Pure values, so that a page, a terminal and a program show the same. A remote that cannot be asked is UNKNOWN and never
BAD: "nobody answers" is not "no".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class State(Enum):
    """How good it is."""

    GOOD = "good"
    WARN = "warn"  # mail flows, but something will hurt, or hurts somebody else
    BAD = "bad"  # mail does not flow, or not safely
    UNKNOWN = "unknown"  # it could not be asked


@dataclass(frozen=True, slots=True)
class Mend:
    """What `--fix` may do: give a file or folder these rights (0 where it is left alone); make: a folder that lacks."""

    file: Path
    mode: int
    make: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. text: what is; why: our reading; do: the one command or step that heals it.

    said: the words of a remote, as they came. mend: how we could put it right ourselves.
    """

    state: State
    text: str
    why: str = ""
    do: str = ""
    said: str = ""
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A finding with its question. name: "area.subject.question"; behind: what stood in the way of asking, or ""."""

    name: str
    finding: Finding
    took_s: float = 0.0
    behind: str = ""

    @property
    def area(self) -> str:
        """local, lan, upstream, dns or connector."""
        return self.name.partition(".")[0]

    @property
    def subject(self) -> str:
        """The listener, road or domain that it is about; "" for none."""
        return ".".join(self.name.split(".")[1:-1])

    @property
    def question(self) -> str:
        """What was asked, in one word."""
        return self.name.rpartition(".")[2]


def good(text: str, said: str = "") -> Finding:
    """It is well."""
    return Finding(State.GOOD, text, said=said)


def warn(text: str, why: str, do: str, said: str = "") -> Finding:
    """It works, and should not stay so."""
    return Finding(State.WARN, text, why, do, said)


def bad(text: str, why: str, do: str, said: str = "") -> Finding:
    """It does not work."""
    return Finding(State.BAD, text, why, do, said)


def unknown(text: str, why: str, do: str, said: str = "") -> Finding:
    """It could not be asked."""
    return Finding(State.UNKNOWN, text, why, do, said)


def counts(results: Iterable[Result]) -> dict[str, int]:
    """How many of each state; what could not be asked because of another finding is counted as `behind`."""
    found = {**{state.value: 0 for state in State}, "behind": 0}
    for one in results:
        found["behind" if one.behind else one.finding.state.value] += 1
    return found


def verdict(results: Iterable[Result]) -> str:
    """How it ends: "bad" where something is, else "unknown" where something could not be asked, "warn" or "good"."""
    found = counts(results)
    for word in ("bad", "unknown", "warn"):
        if found[word]:
            return word
    return "good"
