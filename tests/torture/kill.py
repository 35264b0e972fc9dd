"""kill -9 of the whole relay under load, again and again on the same data.

`python -m torture.kill [--cycles 500] [--seed 1]`. Six devices send mail of every size, the sink takes it; the relay is
killed at a random moment and started again. In the end every accepted message has arrived as it was sent, and only
messages that were claimed at a death came twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.house import Relay
from torture.device import Manner, load, of_any_size
from torture.ledger import Ledger, judge
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import Sink, drained, end_in_order, end_life, in_hand, on_its_way, relay_on

DRAIN_S = 120.0


@dataclass(frozen=True)
class Play:
    """What is played. sink: the module of the next hop, and how long it takes for each message, in seconds.

    claimed: the names of what may come once more, from the data of a dead relay; most: of those at any death.
    """

    harness: str
    relay: Callable[[Path, str, dict[str, str] | None], Relay]
    manner: Manner
    claimed: Callable[[Path], Sequence[str]]
    most: int
    sink: tuple[str, float] = ("torture.sink", 0.0)


SINGLY = Play(
    "kill -9 under load",
    lambda directory, host, env: relay_on(directory, host, env=env),
    of_any_size,
    on_its_way,
    150,  # 20 connections, claims that wait for them, and outcomes that wait for their commit
)


def run(
    directory: Path,
    n_cycles: int,
    seed: int,
    env: dict[str, str] | None = None,
    *,
    drain_s: float = DRAIN_S,
    play: Play = SINGLY,
) -> Row:
    """So many lives and deaths."""
    row, dice, began = Row(play.harness, n_cycles), random.Random(seed), time.monotonic()
    ledger, allowed, starts_s = Ledger(), Counter[str](), []
    data, (module, delay_s) = directory / "data", play.sink
    with (
        Sink(directory, delay_s, module=module) as sink,
        in_hand(play.relay(directory, sink.address, env)) as relay,
    ):
        for cycle in range(n_cycles):
            since = time.monotonic()
            relay.start()
            starts_s.append(time.monotonic() - since)
            wanted = len(ledger.accepted) + dice.randrange(1, 200)
            with load(relay.port, ledger, f"k{cycle}", play.manner):
                is_quick = ledger.wait_for(wanted, 20.0)
                row.promise(f"cycle {cycle}: {len(ledger.accepted)} of {wanted} accepted", kept=is_quick)
                threading.Event().wait(dice.random() * 0.02)  # so that no kill comes right behind a 250
                end_life(relay)
            claimed = play.claimed(data)
            allowed.update(claimed)
            row.promise(f"cycle {cycle}: {len(claimed)} claims at a death", kept=len(claimed) <= play.most)
        with relay:
            try:
                drained(data, drain_s)
            except AssertionError:
                row.broken.append(f"the queue is not empty after {drain_s:.0f} s")
            row.promise("SIGTERM at the end: not exit code 0", kept=end_in_order(relay) == 0)
        row.count(ledger, judge(ledger, sink.arrivals(), allowed), sum(allowed.values()))
    starts_s.sort()
    row.notes.append(
        f"start to ready: p50 {starts_s[len(starts_s) // 2]:.2f} s, longest {starts_s[-1]:.2f} s; "
        f"slowest answer {ledger.slowest_answer_s:.2f} s; sent without an answer {len(ledger.unanswered)}"
    )
    row.seconds = time.monotonic() - began
    return row


if __name__ == "__main__":
    given = arguments(__doc__, 500)
    with workplace() as place:
        finish([run(place, given.cycles, given.seed)])
