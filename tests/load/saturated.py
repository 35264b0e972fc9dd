"""One saturated mailbox behind the emulator, in real time, for each way in which a server may count its minute.

`python -m load.saturated [--minutes 5]` runs all of them side by side and prints how much of the 30 a minute was used,
and how many replies said no. The relay is not told which way it is. docs/scheduling.md has the figures of a run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from e2e.house import eventually
from e2e.microsoft import microsoft

PER_MINUTE, WINDOW_S = 30, 60.0
MODELS = (
    ("sliding", "refuse"),
    ("fixed", "refuse"),
    ("bucket", "refuse"),
    ("unforgiving", "refuse"),
    ("sliding", "delay"),
)
"""How the minute is counted, and what becomes of the surplus (emulator scenario)."""


@dataclass(frozen=True)
class Run:
    """One run. instants: when the mailbox took each message, in epoch seconds; most: in any 60 s."""

    model: str
    surplus: str
    instants: tuple[float, ...]
    most: int
    n_refused: int

    @property
    def used(self) -> float:
        """The share of the 30 a minute that was used: the minute by how long after a message the 30th next one went."""
        gaps = [later - at for at, later in zip(self.instants, self.instants[PER_MINUTE:], strict=False)]
        return WINDOW_S * len(gaps) / sum(gaps) if gaps else 0.0

    def __str__(self) -> str:
        seconds = self.instants[-1] - self.instants[0]
        return (
            f"{self.model:<12} {self.surplus:<7} {seconds:5.0f} s  {len(self.instants):4d} taken  "
            f"{100 * self.used:5.1f} %  most in 60 s {self.most:3d}  refused {self.n_refused}"
        )


def run(directory: Path, model: str, surplus: str, seconds: float) -> Run:
    """Keep one mailbox saturated for a time. Gives what the emulator has counted."""
    directory.mkdir(parents=True)
    limits = f'limits = {{ minute = "{model}", surplus = "{surplus}", per_minute = {PER_MINUTE} }}'
    scenario = f'[[mailbox]]\naddress = "scan@contoso.com"\nbasic_auth = true\n{limits}\n'
    with microsoft(directory, scenario) as cloud, cloud.relay(directory / "relay") as relay:
        cloud_mail = f"From: <{cloud.mailbox}>\r\nSubject: page\r\n\r\nhello\r\n".encode()
        n_needed = int(PER_MINUTE * (2 + seconds / WINDOW_S))
        for n in range(n_needed):
            relay.send(b"Message-ID: <%d@saturated.test>\r\n" % n + cloud_mail, sender=cloud.mailbox)
        eventually(cloud.control.messages)
        time.sleep(seconds)
        stats = cloud.control.stats()
        instants = tuple(sorted(float(one["received_at"]) for one in cloud.control.messages()))
    counted = stats["mailboxes"]["scan@contoso.com"]
    return Run(model, surplus, instants, counted["most_in_60_s"], counted["refused"])


def run_all(directory: Path, seconds: float, models: Sequence[tuple[str, str]] = MODELS) -> list[Run]:
    """All of them side by side."""
    with ThreadPoolExecutor(len(models)) as pool:
        jobs = [
            pool.submit(run, directory / f"{model}-{surplus}", model, surplus, seconds)
            for model, surplus in models
        ]
        return [job.result() for job in jobs]


def main() -> int:
    """Print a line for each model; exit code 1 where one is below 97 % or was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    seconds = parser.parse_args().minutes * 60.0
    with tempfile.TemporaryDirectory() as directory:
        runs = run_all(Path(directory), seconds)
    for one in runs:
        print(one)  # noqa: T201
    return int(any(one.n_refused or one.used < 0.97 for one in runs))


if __name__ == "__main__":
    sys.exit(main())
