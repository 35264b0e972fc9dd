"""A relay under a mixed load for a long time: whatever grows by a little with each message is seen in the end.

`python -m torture.soak [--minutes 20] [--seed 1]`. Devices of every manner, paced: short and long sessions, STARTTLS,
logins, wrong passwords, unknown recipients, nonsense, hang-ups, silence; behind the relay stands torture.moody. The
first quarter warms up; then all rests for a moment, memory and descriptors are taken, and at the end once more.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import argon2

from crash.scene import SHARED, SMALL
from e2e.house import Relay, eventually
from hostile.vitals import memory_octets, n_descriptors, n_sessions
from torture.device import Connection, send_one
from torture.ledger import Ledger, judge
from torture.manners import PASSWORD, USER, Company
from torture.report import Row
from torture.scale import workplace
from torture.stage import (
    Sink,
    drained,
    end_in_order,
    faults_in_log,
    in_hand,
    orphans,
    query,
    query_at_rest,
    relay_on,
)

N_DEVICES = 8
FILL_PER_MINUTE = 600
MOST_GROWTH = 0.05
MOST_ANSWER_S = 5.0
REST_S = 30.0  # a warm line is given up after twenty seconds
DRAIN_S = 180.0  # the next hop has been away, and tries are spaced out
_LOGIN = '[[user]]\nname = "{name}"\npassword_hash = "{stored}"\n'


@dataclass(frozen=True)
class Sample:
    """What was seen from outside at a moment."""

    seconds: float
    memory_octets: int
    n_descriptors: int
    n_threads: int
    n_waiting: int
    n_accepted: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.0f} s  {self.memory_octets / 1e6:6.1f} MB  {self.n_descriptors:4} descriptors  "
            f"{self.n_threads:3} threads  {self.n_waiting:5} waiting  {self.n_accepted:7} accepted"
        )


@dataclass
class Soak:
    """What a run has seen. row: the promises; rests: (octets, descriptors) after a quarter and at the end."""

    row: Row
    n_delivered: int = 0
    n_reports: int = 0
    slowest_answer_s: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    rests: list[tuple[int, int]] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """By what share memory grew between the two rests."""
        (first, _), (last, _) = self.rests[0], self.rests[-1]
        return last / first - 1

    @property
    def n_left_open(self) -> int:
        """Descriptors more than after the first quarter."""
        (_, first), (_, last) = self.rests[0], self.rests[-1]
        return last - first


def run(
    directory: Path,
    minutes: float,
    seed: int,
    env: dict[str, str] | None = None,
    *,
    growth: float = MOST_GROWTH,
) -> Soak:
    """So many minutes of load; then everything is delivered, counted and compared."""
    soak = Soak(Row("soak", 1))
    company, data, began = Company(seed), directory / "data", time.monotonic()
    with (
        Sink(directory, seed, module="torture.moody") as sink,
        in_hand(_relay(directory, sink, env)) as relay,
    ):
        relay.start()
        _fill(relay, company.ledger, int(minutes * FILL_PER_MINUTE))
        for share in (0.25, 0.75):
            with (
                _sampling(soak, relay, company.ledger, minutes * 60 / 20, began),
                company.at_work(relay, N_DEVICES),
            ):
                threading.Event().wait(minutes * 60 * share)
            drained(data, DRAIN_S)
            soak.rests.append(_rest(relay, sink, company.ledger, soak))
        soak.row.promise("a segment is named by no row", kept=not orphans(data))
        soak.row.promise("SIGTERM at the end: not exit code 0", kept=end_in_order(relay) == 0)
        _count(soak, company, sink)
        soak.row.promise("a traceback in the log", kept=not faults_in_log(relay))
        left = query_at_rest(
            data, "SELECT 1 FROM recipient WHERE state IN ('queued', 'claimed', 'held', 'expired')"
        )
        soak.row.promise(f"{len(left)} recipients are neither delivered nor failed", kept=not left)
    soak.row.promise(f"memory grew by {soak.growth:.1%}", kept=soak.growth <= growth)
    soak.row.promise(f"{soak.n_left_open} descriptors were left open", kept=soak.n_left_open <= 0)
    soak.row.seconds = time.monotonic() - began
    return soak


def _relay(directory: Path, sink: Sink, env: dict[str, str] | None) -> Relay:
    """A relay with a login and with TLS for whoever asks."""
    relay = relay_on(directory, sink.address, env=env)
    stored = argon2.PasswordHasher().hash(PASSWORD)
    text = relay.config_file.read_text().replace('tls = "none"\n[[allow]]', 'tls = "optional"\n[[allow]]')
    relay.config_file.write_text(text + _LOGIN.format(name=USER, stored=stored))
    return relay


def _fill(relay: Relay, ledger: Ledger, n_messages: int) -> None:
    """As much history as the caches of the database hold (8 MB, under a kilobyte a message): else they would grow for
    longer than a quarter of the time.
    """
    connection = Connection(relay.port, ledger)
    try:
        for n in range(n_messages):
            connection.send(f"fill-{n}", SMALL)
    finally:
        connection.close()


def _rest(relay: Relay, sink: Sink, ledger: Ledger, soak: Soak) -> tuple[int, int]:
    """Memory and descriptors of the relay when nobody wants anything from it.

    One more message, so that the segment for large ones is open at each rest. Warm lines are no leak: the first rest
    subtracts them, the last one waits until they are given up, if it sees more than the first.
    """
    assert relay.process is not None
    pid, port = relay.process.pid, int(sink.address.rpartition(":")[2])
    reply = send_one(relay.port, ledger, f"rest{len(soak.rests)}", SHARED)
    soak.row.promise(f"at rest: answered {reply!r}", kept=reply.startswith("250"))
    drained(relay.directory / "data", DRAIN_S)
    eventually(lambda: not n_sessions(relay.port), REST_S)
    n_open = n_descriptors(pid) - n_sessions(port)
    until = time.monotonic() + REST_S
    while soak.rests and n_descriptors(pid) > soak.rests[0][1] and time.monotonic() < until:
        threading.Event().wait(0.1)
    if soak.rests:
        n_open = n_descriptors(pid)
    return memory_octets(pid), n_open


@contextmanager
def _sampling(soak: Soak, relay: Relay, ledger: Ledger, every_s: float, began: float) -> Iterator[None]:
    """Look at the relay again and again while the block runs, in a thread; each sample is said at once."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(min(60.0, every_s)):
            sample = _sample(relay, ledger, time.monotonic() - began)
            soak.samples.append(sample)
            sys.stderr.write(f"{sample}\n")

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _sample(relay: Relay, ledger: Ledger, seconds: float) -> Sample:
    assert relay.process is not None
    pid = relay.process.pid
    ((n_waiting,),) = query(
        relay.directory / "data", "SELECT count(*) FROM recipient WHERE state IN ('queued', 'claimed')"
    )
    n_threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return Sample(seconds, memory_octets(pid), n_descriptors(pid), n_threads, n_waiting, len(ledger.accepted))


def _count(soak: Soak, company: Company, sink: Sink) -> None:
    """Judge promise and delivery; every message to nobody must have been reported to its sender."""
    arrivals = list(zip(sink.arrivals(), sink.envelopes(), strict=True))
    mail = [arrival for arrival, envelope in arrivals if not envelope.startswith(">")]
    soak.n_delivered, soak.n_reports = len(mail), len(arrivals) - len(mail)
    soak.row.count(company.ledger, judge(company.ledger, mail, Counter()))
    n_undeliverable = len(company.undeliverable.accepted)
    soak.row.promise(
        f"{soak.n_reports} reports about {n_undeliverable} undeliverable messages",
        kept=soak.n_reports == n_undeliverable,
    )
    soak.row.broken += company.surprises
    soak.slowest_answer_s = max(company.ledger.slowest_answer_s, company.undeliverable.slowest_answer_s)
    soak.row.promise(
        f"an answer took {soak.slowest_answer_s:.1f} s", kept=soak.slowest_answer_s <= MOST_ANSWER_S
    )


def table(soak: Soak) -> str:
    """What was seen beside its limit, and below it what was broken."""
    row = soak.row
    first, last = soak.rests[0], soak.rests[-1]
    lines = [
        ("seconds", f"{row.seconds:.0f}", ""),
        ("accepted", f"{row.n_accepted}", ""),
        ("delivered", f"{soak.n_delivered}", ""),
        ("lost", f"{row.n_lost}", "0"),
        ("damaged", f"{row.n_damaged}", "0"),
        ("twice", f"{row.n_duplicates}", "0"),
        ("reports of failure", f"{soak.n_reports}", ""),
        ("memory at rest, MB", f"{first[0] / 1e6:.1f} -> {last[0] / 1e6:.1f}", ""),
        ("growth of memory", f"{soak.growth:+.1%}", f"{MOST_GROWTH:.0%}"),
        ("most memory under load, MB", f"{max(s.memory_octets for s in soak.samples) / 1e6:.1f}", ""),
        ("descriptors left open", f"{soak.n_left_open:+}", "0"),
        ("most threads", f"{max(s.n_threads for s in soak.samples)}", ""),
        ("slowest answer, s", f"{soak.slowest_answer_s:.2f}", f"{MOST_ANSWER_S:.0f}"),
    ]
    text = [f"{'what':<28}{'seen':>18}{'limit':>8}"]
    text += [f"{what:<28}{seen:>18}{limit:>8}" for what, seen, limit in lines]
    return "\n".join(text + [f"BROKEN {words}" for words in row.broken])


def _main(show: Callable[[str], None]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stderr.write(f"minutes {given.minutes:g}, seed {given.seed}\n")
    with workplace() as place:
        soak = run(place, given.minutes, given.seed)
        show(table(soak))
        if soak.row.broken:
            sys.exit(1)
    return 0


if __name__ == "__main__":
    sys.exit(_main(print))
