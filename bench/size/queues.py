"""A queue of a million: what it costs to accept, to claim, to send, to start and to look, beside a short one."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import (
    Case,
    CountWrong,
    Figures,
    at_least,
    check,
    command,
    ground_of,
    n_kept,
    send,
)
from bench.peers import NOBODY, relay365
from bench.size import ground
from relay365.clock import SystemClock
from relay365.mail.dsn import Debt
from relay365.net.loop import loop_factory
from relay365.rules.quota.fair import PASSES
from relay365.spool.api import Claim, Fate, Selection, Settlement, State
from relay365.spool.ids import spool_id_of
from relay365.spool.later import Search
from relay365.spool.sqlite.spool import SqliteSpool
from relay365.trial.bench import Load, sink_process

CLAIM_SIZE = 20  # as many as a lane of a smart host has connections
LEASE_S = 1800.0
N_LOOKS = 5
NOTHING = "nothing queued"
_WAITING = frozenset({State.QUEUED, State.CLAIMED, State.HELD})

Question = Callable[[SqliteSpool], Awaitable[Any]]


def _waiting(n: int) -> str:
    return f"{n:,} queued" if n else NOTHING


@dataclass(frozen=True)
class Queues:
    """n_long and n_short: queues that are made once; n_some: how much one run sends, accepts or claims."""

    n_long: int
    n_short: int
    n_some: int

    def _ground(self, name: str, folder: Path) -> tuple[Path, int]:
        """The relay's folder for a variant, and how many it was made with."""
        n = 0 if name == NOTHING else int(name.partition(" ")[0].replace(",", ""))
        if not n:
            return folder, 0
        is_shared = n in {self.n_long, self.n_short}
        return ground.queue(ground_of(folder, f"queue-{n}") if is_shared else folder, n), n

    def accept(self, name: str, folder: Path) -> Figures:
        """Durable accepting with the next hop away."""
        place, n_made = self._ground(name, folder)
        with relay365(place, NOBODY, fresh=not n_made) as peer:
            send(
                peer.port, Load(max(20, self.n_some // 10), ground.SIZE_OCTETS, 20)
            )  # until the caches are warm
            n_before, before_s = n_kept("relay365", place), peer.cpu_s()
            result = send(peer.port, Load(self.n_some, ground.SIZE_OCTETS, 20))
            cpu_ms = (peer.cpu_s() - before_s) * 1000 / self.n_some
            check(n_kept("relay365", place) - n_before, self.n_some)
            return {
                "per_second": result.per_second, "cpu_ms": cpu_ms, "p99_ms": result.percentile_ms(99),
                "peak_mb": peer.peak_mb(),
            }  # fmt: skip

    def claim(self, name: str, folder: Path) -> Figures:
        """The spool alone: a look at the heads of all flows, a claim of twenty, and the twenty settled as delivered.

        Claim and settle are commits that were synced.
        """
        place, _ = self._ground(name, folder)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_claim(place / ground.DATA, self.n_some))

    def relay(self, name: str, folder: Path) -> Figures:
        """From a queue to a sink that is there again: some messages, from the tenth of them that came first on."""
        place, _ = self._ground(name, folder)
        n_before = ground.n_delivered(place)
        with sink_process() as sink:
            with relay365(place, sink.port, fresh=False) as peer:
                first = at_least(sink.n_messages, self.n_some // 10)
                began, before_s = time.perf_counter(), peer.cpu_s()
                last = at_least(sink.n_messages, self.n_some)
                seconds, cpu_s = time.perf_counter() - began, peer.cpu_s() - before_s
                figures = {
                    "per_second": (last - first) / seconds, "cpu_ms": cpu_s * 1000 / (last - first),
                    "peak_mb": peer.peak_mb(),
                }  # fmt: skip
            check(ground.n_delivered(place) - n_before, sink.n_messages())
            return figures

    def start(self, name: str, folder: Path) -> Figures:
        """From the start of the process to the first 250."""
        place, n_made = self._ground(name, folder)
        began = time.perf_counter()
        with relay365(place, NOBODY, fresh=not n_made) as peer:
            send(peer.port, Load(1, ground.SIZE_OCTETS, 1))
            seconds = time.perf_counter() - began
            return {"first_250_ms": seconds * 1000, "peak_mb": peer.peak_mb()}

    def commands(self, name: str, folder: Path) -> Figures:
        """What a person waits for, beside a running service; --version is what starting the program costs."""
        place, n_made = self._ground(name, folder)
        figures = {}
        with relay365(place, NOBODY, fresh=False):
            for key, words in _commands(n_made).items():
                began = time.perf_counter()
                command(place, words)
                figures[key] = (time.perf_counter() - began) * 1000
        return figures

    def questions(self, name: str, folder: Path) -> Figures:
        """What the questions behind the commands take in the database: the median of some, the caches warm."""
        place, n_made = self._ground(name, folder)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_ask(place / ground.DATA, n_made))


async def _claim(data: Path, n: int) -> Figures:
    clock = SystemClock()
    spool = await SqliteSpool.open(data, clock=clock)
    seen: set[str] = set()
    claim_s = settle_s = 0.0
    try:
        while len(seen) < n:
            now, began = clock.now(), time.perf_counter()
            heads = await spool.heads(ground.LANE, now=now, most=CLAIM_SIZE + PASSES)
            oldest = sorted(
                heads, key=lambda head: head.due_at
            )  # as all clients in turn: they have the same pace
            which = [head.spool_id for head in oldest[:CLAIM_SIZE]]
            claims = await spool.claim(ground.LANE, which=which, now=now, lease_until_at=now + LEASE_S)
            claim_s += time.perf_counter() - began
            if not claims:
                raise CountWrong(f"{n} were queued, {len(seen)} could be claimed")
            seen |= {claim.spool_id for claim in claims}
            began = time.perf_counter()
            lost = await spool.settle([_delivered(claim) for claim in claims])
            settle_s += time.perf_counter() - began
            check(len(lost), 0)
    finally:
        await spool.close()
    return {"claimed_per_second": len(seen) / claim_s, "settled_per_second": len(seen) / settle_s}


def _delivered(claim: Claim) -> Settlement:
    fates = tuple(Fate(one.n, State.DELIVERED) for one in claim.recipients)
    return Settlement(claim.spool_id, claim.lease, fates)


def _commands(n_made: int) -> dict[str, list[str]]:
    middle = n_made // 2
    return {
        "--version_ms": ["--version"],
        "status_ms": ["status", "--json"],
        "queue list --limit 20_ms": ["queue", "list", "--limit", "20", "--json"],
        "queue list_ms": ["queue", "list", "--json"],
        "queue list --all --limit 20_ms": ["queue", "list", "--all", "--limit", "20", "--json"],
        "queue show_ms": ["queue", "show", spool_id_of(middle), "--json"],
        "trace --to_ms": ["trace", "--to", ground.reader(middle), "--json"],
        "trace --message-id_ms": ["trace", "--message-id", f"<{middle}@relay.example>", "--json"],
    }


async def _ask(data: Path, n_made: int) -> Figures:
    now = SystemClock().now()
    name = frozenset({f"<{n_made // 2}@relay.example>"})
    questions: dict[str, Question] = {
        "counts_ms": lambda spool: spool.counts(),
        "oldest that waits_ms": lambda spool: spool.list(Selection(states=_WAITING, limit=1)),
        "list of 1,000_ms": lambda spool: spool.list(Selection(states=_WAITING, limit=1000)),
        "one message_ms": lambda spool: spool.show(spool_id_of(n_made // 2)),
        "lanes and when due_ms": lambda spool: spool.due(),
        "reports owed_ms": lambda spool: spool.debts(Debt.FAILURE, limit=50),
        "fates unknown_ms": lambda spool: spool.unresolved(
            0.0, now, lanes=frozenset({ground.LANE}), limit=100
        ),
        "by Message-ID_ms": lambda spool: spool.search(Search(name)),
        "to an address_ms": lambda spool: spool.search(Search(to=ground.reader(1), since_at=1.0)),
        "to nobody_ms": lambda spool: spool.search(Search(to="nobody@relay.example", since_at=1.0)),
    }
    spool = await SqliteSpool.open(data, clock=SystemClock(), exclusive=False)
    try:
        return {key: await _median_ms(spool, question) for key, question in questions.items()}
    finally:
        await spool.close()


async def _median_ms(spool: SqliteSpool, question: Question) -> float:
    took_ms = []
    for _ in range(N_LOOKS):
        began = time.perf_counter()
        await question(spool)
        took_ms.append((time.perf_counter() - began) * 1000)
    return statistics.median(took_ms)


def cases(part: int, n_long: int) -> list[Case]:
    """The looks come first, while the long queue is as it was made."""
    n_some = 4000 // part
    queues = Queues(n_long, min(10_000, n_long // 2), n_some)
    long, short = _waiting(n_long), _waiting(queues.n_short)
    few, some = _waiting(min(n_some, 1000)), _waiting(2 * n_some)  # half of it stays: it does not run dry
    title = f"a queue of {n_long:,}"
    return [
        Case("queue-start", "process start to first 250 with a queue", (short, long, NOTHING), queues.start),
        Case("queue-commands", f"commands beside {title}", (long, few), queues.commands, is_list=True),
        Case("queue-questions", f"questions to {title}", (long, few), queues.questions, is_list=True),
        Case("queue-accept", f"accept onto {title}", (long, short, NOTHING), queues.accept),
        Case("queue-claim", f"claim from {title}, 20 at a time", (long, some), queues.claim),
        Case("queue-relay", f"send from {title} to a sink", (long, some), queues.relay),
    ]
