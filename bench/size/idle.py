"""Memory: idle, with a thousand sessions that say nothing, and how far one very large message makes it rise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.loads import idle_sessions
from bench.measure import PEERS, Case, Figures, Run, at_least, send
from bench.peers import NOBODY, Peer, postfix, relay365
from relay365.clock import SystemClock
from relay365.net.tls import own_certificate
from relay365.trial.bench import Load, sink_process

N_SESSIONS = 1000


def idle(name: str, folder: Path) -> Figures:
    """After the start, and again after some mail, when every cache has been used."""
    with PEERS[name](folder, NOBODY) as peer:
        began = peer.memory_mb()
        send(peer.port, Load(1000, 2048, 20))
        worked = peer.memory_mb()
        return {
            "idle_pss_mb": began.pss, "idle_rss_mb": began.rss,
            "after_mail_pss_mb": worked.pss, "after_mail_rss_mb": worked.rss,
        }  # fmt: skip


def sessions(*, tls: bool) -> Run:
    """How far a thousand sessions make it rise, which said EHLO (and STARTTLS) and nothing more."""

    def run(name: str, folder: Path) -> Figures:
        with _started(name, folder, tls=tls) as peer:
            before = peer.memory_mb()
            with idle_sessions(peer.port, N_SESSIONS, tls=tls):
                during = peer.memory_mb()
            return {"rise_pss_mb": during.pss - before.pss, "rise_rss_mb": during.rss - before.rss}

    return run


@contextmanager
def _started(name: str, folder: Path, *, tls: bool) -> Iterator[Peer]:
    if name == "relay365":
        with relay365(folder, NOBODY, "optional" if tls else "none") as peer:
            yield peer
        return
    pair = None
    if tls:
        pair = own_certificate(folder / "certificates", ["localhost"], SystemClock().now())
    with postfix(folder, NOBODY, pair) as peer:
        yield peer


def large(size_octets: int) -> Run:
    """One very large message, all the way to a sink: how far the memory's peak rises above that of a small one."""

    def run(name: str, folder: Path) -> Figures:
        with sink_process() as sink, PEERS[name](folder, sink.port) as peer:
            send(peer.port, Load(1, 2048, 1))
            at_least(sink.n_messages, 1)
            before, began = peer.peak_mb(), time.perf_counter()
            send(peer.port, Load(1, size_octets, 1))
            at_least(sink.n_messages, 2)
            seconds = time.perf_counter() - began
            return {"rise_mb": peer.peak_mb() - before, "seconds": seconds}

    return run


def cases(part: int) -> list[Case]:
    """Beside Postfix with its process limit raised to 1,200: at its default of 100 it would serve no more."""
    both = ("relay365", "postfix")
    size_octets = 150_000_000 // part
    return [
        Case("idle", "memory at rest", both, idle),
        Case("sessions", "memory for 1,000 idle sessions", both, sessions(tls=False)),
        Case("tls-sessions", "memory for 1,000 idle TLS sessions", both, sessions(tls=True)),
        Case(
            "large",
            f"one message of {size_octets // 1_000_000} MB through to a sink",
            both,
            large(size_octets),
        ),
    ]
