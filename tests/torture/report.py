"""One row per harness, and the table that all of them make."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from torture.ledger import Ledger, Verdict

_HEAD = ("harness", "cycles", "accepted", "lost", "damaged", "duplicates", "allowed", "seconds", "kept")


@dataclass
class Row:
    """What a harness has seen. broken: each promise that was not kept, in words."""

    harness: str
    n_cycles: int = 0
    n_accepted: int = 0
    n_lost: int = 0
    n_damaged: int = 0
    n_duplicates: int = 0
    n_allowed: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def promise(self, words: str, *, kept: bool) -> None:
        """One promise; words say how it was broken, if it was."""
        if not kept:
            self.broken.append(words)

    def count(self, ledger: Ledger, verdict: Verdict, n_allowed: int = 0) -> None:
        """Take in a verdict, and say what it breaks."""
        self.n_accepted += len(ledger.accepted)
        self.n_lost += len(verdict.lost)
        self.n_damaged += len(verdict.damaged)
        self.n_duplicates += verdict.n_duplicates
        self.n_allowed += n_allowed
        for what, which in (
            ("lost", verdict.lost),
            ("damaged", verdict.damaged),
            ("twice without a reason", verdict.unexplained),
        ):
            if which:
                self.broken.append(f"{what}: {len(which)}, such as {sorted(which)[:3]}")


def table(rows: Iterable[Row]) -> str:
    """The rows for people, and below them what was broken."""
    rows = list(rows)
    lines = [_HEAD] + [
        (
            row.harness, str(row.n_cycles), str(row.n_accepted), str(row.n_lost), str(row.n_damaged),
            str(row.n_duplicates), str(row.n_allowed), f"{row.seconds:.0f}", "no" if row.broken else "yes",
        )
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEAD))]
    text = [
        "  ".join(
            cell.ljust(w) if n == 0 else cell.rjust(w)
            for n, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    text += [f"{row.harness}: {note}" for row in rows for note in row.notes]
    text += [f"BROKEN {row.harness}: {words}" for row in rows for words in row.broken]
    return "\n".join(text)


def finish(rows: Iterable[Row]) -> None:
    """Print the table and end: 1 when a promise was broken."""
    rows = list(rows)
    print(table(rows), flush=True)  # noqa: T201 - a command's output
    sys.exit(int(any(row.broken for row in rows)))
