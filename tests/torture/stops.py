"""Ends and beginnings in good order: SIGTERM under load, a second instance, a clock that jumped between two runs.

`python -m torture.stops [--cycles 20] [--seed 1]`. A stop loses nothing and doubles nothing; a second relay on the same
data is told so and the first goes on; a clock that is moved by thirty days between two runs makes nothing expire that
has days to live, and nothing wait for a day that will not come for a month.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

from crash.scene import NOWHERE, SMALL
from e2e.house import Relay
from torture.device import load, send_one
from torture.ledger import Ledger, judge
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import Sink, drained, end_in_order, faults_in_log, in_hand, query, query_at_rest, relay_on

END_S = 10.0
TAKING_S = 0.1  # so that at each stop there is mail on its way that the next hop has and has not answered
DAY_S = 86_400.0
N_SECONDS = 5
LATE_S = 8.0


def terminate(directory: Path, n_cycles: int, seed: int, env: dict[str, str] | None = None) -> Row:
    """SIGTERM at a random moment under load, so many times on the same data."""
    row, dice, began = Row("SIGTERM under load", n_cycles), random.Random(seed), time.monotonic()
    ledger, data, slowest_s = Ledger(), directory / "data", 0.0
    with Sink(directory, TAKING_S) as sink, in_hand(relay_on(directory, sink.address, env=env)) as relay:
        for cycle in range(n_cycles):
            relay.start()
            wanted = len(ledger.accepted) + dice.randrange(1, 150)
            with load(relay.port, ledger, f"t{cycle}"):
                ledger.wait_for(wanted, 20.0)
                threading.Event().wait(dice.random() * 0.02)
                since = time.monotonic()
                code = end_in_order(relay)
                slowest_s = max(slowest_s, time.monotonic() - since)
            left = query_at_rest(
                data, "SELECT 1 FROM recipient WHERE state = 'claimed' OR possible_duplicate = 1"
            )
            row.promise(f"cycle {cycle}: exit code {code}", kept=code == 0)
            row.promise(
                f"cycle {cycle}: {len(left)} recipients claimed or doubtful after a stop", kept=not left
            )
        with relay:
            drained(data, 60.0)
            row.promise("the last stop: not exit code 0", kept=end_in_order(relay) == 0)
        row.count(ledger, judge(ledger, sink.arrivals(), Counter()))
    row.promise(f"a stop took {slowest_s:.1f} s", kept=slowest_s <= END_S)
    row.promise("a traceback in the log", kept=not faults_in_log(relay))
    row.notes.append(f"longest stop {slowest_s:.2f} s; sent without an answer {len(ledger.unanswered)}")
    row.seconds = time.monotonic() - began
    return row


def second(directory: Path) -> Row:
    """A second relay on the same data, while the first is under load: exit 2, a clear line, and nothing else."""
    row, began, ledger = Row("a second instance", N_SECONDS), time.monotonic(), Ledger()
    with Sink(directory) as sink, relay_on(directory, sink.address) as relay:
        with load(relay.port, ledger, "s"):
            others = [relay.command("run") for _ in range(N_SECONDS)]
            row.promise(
                "the first one ended", kept=relay.process is not None and relay.process.poll() is None
            )
        for other in others:
            is_told = other.returncode == 2 and other.stderr.startswith("what: the relay is running already")
            row.promise(f"the second one: exit code {other.returncode}, {other.stderr[:200]!r}", kept=is_told)
        drained(directory / "data", 60.0)
        row.promise("SIGTERM: not exit code 0", kept=end_in_order(relay) == 0)
        row.count(ledger, judge(ledger, sink.arrivals(), Counter()))
    row.seconds = time.monotonic() - began
    return row


def clock_of(directory: Path, offset_s: float) -> dict[str, str]:
    """An environment in which Python's wall clock is off by so much; the monotonic one is not."""
    folder = directory / f"clock{offset_s:+.0f}"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        f"import time\n_true = time.time\ntime.time = lambda: _true() + {offset_s!r}\n"
    )
    return {"PYTHONPATH": str(folder)}


def clock_jumps(directory: Path, days: int) -> Row:
    """Mail is taken and deferred under one clock; the next run has another. A message lives twice the jump."""
    row, began, ledger = Row(f"clock moved by {days:+d} days", 1), time.monotonic(), Ledger()
    data, n_messages = directory / "data", 10
    first, then = (0.0, days * DAY_S) if days > 0 else (-days * DAY_S, 0.0)
    with Sink(directory) as sink:
        with _under(directory, NOWHERE, first, abs(days) * 2) as relay:
            for n in range(n_messages):
                send_one(relay.port, ledger, f"j{n}", SMALL)
            end_in_order(relay)
        relay = _under(directory, sink.address, then, abs(days) * 2)
        with relay:
            send_one(relay.port, ledger, "new", SMALL)
            try:
                drained(data, LATE_S)
            except AssertionError:
                ((n_late, at),) = query(
                    data, "SELECT count(*), min(next_attempt_at) FROM recipient WHERE state = 'queued'"
                )
                days_off = (at - time.time() - then) / DAY_S
                row.broken.append(f"{n_late} recipients wait for an instant {days_off:.0f} days ahead")
            n_expired = len(query(data, "SELECT 1 FROM recipient WHERE state = 'expired'"))
            row.promise(f"{n_expired} recipients expired early", kept=n_expired == 0)
            row.promise("SIGTERM: not exit code 0", kept=end_in_order(relay) == 0)
        row.count(ledger, judge(ledger, sink.arrivals(), Counter()))
    row.seconds = time.monotonic() - began
    return row


def _under(directory: Path, host: str, offset_s: float, life_days: int) -> Relay:
    relay = relay_on(directory, host, env=clock_of(directory, offset_s))
    relay.config_file.write_text(f'{relay.config_file.read_text()}give_up = "{life_days}d"\n')
    return relay


def run(directory: Path, n_cycles: int, seed: int) -> list[Row]:
    """All of them, each in a directory of its own."""
    places = [directory / name for name in ("terminate", "second", "forward", "back")]
    for place in places:
        place.mkdir()
    return [
        terminate(places[0], n_cycles, seed),
        second(places[1]),
        clock_jumps(places[2], 30),
        clock_jumps(places[3], -30),
    ]


if __name__ == "__main__":
    given = arguments(__doc__, 20)
    with workplace() as at:
        finish(run(at, given.cycles, given.seed))
