"""Death in the midst of coming back: the relay is killed at each file-system call of a start after a kill -9.

`python -m torture.starts [--cycles N] [--seed 1]` counts the calls of such a start, then takes each of them (or N
by lot) as the point of death. What such a start repairs (the log, claims, segments without a row) the next one must
still repair.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from e2e.house import DEADLINE_S, Relay
from torture.calls import CALLS, counted, injection, paths
from torture.device import load
from torture.ledger import Ledger, judge
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import Sink, drained, end_in_order, end_life, in_hand, on_its_way, orphans, relay_on

N_BEFORE = 20


def run(directory: Path, n_points: int | None, seed: int, env: dict[str, str] | None = None) -> Row:
    """All points, or so many by lot."""
    began, ledger, allowed, n_deaths = time.monotonic(), Ledger(), Counter[str](), 0
    data = directory / "data"
    with Sink(directory) as sink, in_hand(relay_on(directory, sink.address, env=env)) as relay:
        _leave_a_mess(relay, ledger, "clean")
        allowed.update(on_its_way(data))
        _start_under(relay, ["-e", f"trace={','.join(CALLS)}"])
        allowed.update(on_its_way(data))
        some = list(counted(directory / "trace", "start", 0))
        if n_points is not None:
            some = random.Random(seed).sample(some, min(n_points, len(some)))
        row = Row("kill in the midst of a start", len(some))
        for n, point in enumerate(some):
            _leave_a_mess(relay, ledger, f"b{n}")
            allowed.update(on_its_way(data))
            has_died = _start_under(relay, injection(point, "signal=SIGKILL"))
            n_deaths += has_died
            if not has_died:  # it lived past its point, claimed, and was killed when it was ready
                allowed.update(on_its_way(data))
        with relay:
            row.broken += [f"{name} is named by no row after a start" for name in orphans(data)]
            drained(data, 60.0)
            row.promise("SIGTERM at the end: not exit code 0", kept=end_in_order(relay) == 0)
        row.count(ledger, judge(ledger, sink.arrivals(), allowed), sum(allowed.values()))
    row.notes.append(f"died at {n_deaths} of {len(some)} points")
    row.promise("too few deaths: strace does not reach the calls", kept=n_deaths >= len(some) * 3 // 4)
    row.seconds = time.monotonic() - began
    return row


def _leave_a_mess(relay: Relay, ledger: Ledger, label: str) -> None:
    """Mail of every size, half on its way, and a kill -9 in the midst of it."""
    relay.start()
    with load(relay.port, ledger, label, n_devices=3):
        ledger.wait_for(len(ledger.accepted) + N_BEFORE, 20.0)
        end_life(relay)


def _start_under(relay: Relay, what: list[str]) -> bool:
    """A start under strace, killed by it or when it is ready; gives whether it died before."""
    command = ["strace", "-f", "-o", str(relay.directory / "trace"), *what]
    for path in paths(relay.directory / "data", at_rest=True):
        command += ["-P", str(path)]
    command += [sys.executable, "-m", "relay365", "run", "--config", str(relay.config_file), "--json"]
    with relay.log_file.open("a") as log:
        tracer = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=relay.directory, env=relay.environ
        )
    assert tracer.stdout is not None
    is_ready = tracer.stdout.readline() != ""
    if is_ready:
        for child in Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split():
            subprocess.run(["kill", "-9", child], check=False)
    tracer.wait(DEADLINE_S)
    tracer.stdout.close()
    return not is_ready


if __name__ == "__main__":
    given = arguments(__doc__, 0)
    with workplace() as place:
        finish([run(place, given.cycles or None, given.seed)])
