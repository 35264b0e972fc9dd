"""Malformed sessions against a live relay: many at once, a canary among every hundred, and a judge of every reply.

`python -m hostile.sessions --count 1000000 --seed 7` (PYTHONPATH=tests) is the long form; it prints the seed, a line
every twenty thousand sessions and a report. `--machine` plays them against the machine alone, several times as fast.
`--only NUMBER` plays one session of the seed alone and prints both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import apsw

from e2e.house import SMARTHOST, Relay
from hostile.dialogue import Session, session_of
from hostile.nexthop import NextHop
from hostile.vitals import memory_octets, n_descriptors, n_sessions, troubles
from hostile.vocabulary import strange_lines
from relay365.trial.load import run_load

CANARY_EVERY = 100
TLS_EVERY = 50
TOLD_EVERY = 20_000
AT_ONCE = 50  # of one address, which may have a hundred
ANSWER_S = 120.0  # wrong logins are answered late, each time later
CANARY_S = 10.0
NO_NEXT_HOP = SMARTHOST.format(host="127.0.0.1:9")  # the discard port: nothing listens there
WARM_UP = 0.5  # of a storm; after it memory must not grow any more
WARM_MESSAGES, WARM_LINES = 7000, 420  # these fill the caches of the database, which have a limit
CANARY = (
    b"EHLO canary.test\r\nMAIL FROM:<canary@corp.test>\r\nRCPT TO:<lena@else.test>\r\nDATA\r\n"
    b"Message-ID: <canary-%d@device.test>\r\nSubject: canary\r\n\r\n.sings\r\n.\r\nQUIT\r\n"
)


@dataclass
class Storm:
    """What a storm has seen. faults: in words, with the number of the session."""

    seed: int
    n_played: int = 0
    n_accepted: int = 0
    n_cut: int = 0
    faults: list[str] = field(default_factory=list)
    canaries: list[int] = field(default_factory=list)
    sung: list[int] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    growth: float = 0.0
    seconds: float = 0.0

    def judge(self, number: int, said: bytes, *, is_whole: bool) -> None:
        """Look at all that was said in one session."""
        self.n_played += 1
        self.n_accepted += said.count(b"\r\n250 2.6.0 queued as ")
        for line in said.split(b"\r\n"):
            self.codes[line[:3].decode("ascii", "replace")] += 1
        self.faults += [f"session {number}: said {line!r}" for line in strange_lines(said, is_whole=is_whole)]


class _Peer(asyncio.Protocol):
    """One connection that keeps what it hears."""

    def __init__(self) -> None:
        self.said = bytearray()
        self.gone = asyncio.get_running_loop().create_future()
        self._news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.said += data
        self._news.set()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._news.set()
        if not self.gone.done():
            self.gone.set_result(exc is None)

    async def news(self, patience_s: float) -> None:
        """Wait until more is said, the connection is gone, or patience ends."""
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), patience_s)
        except TimeoutError:
            return


async def play(
    port: int, session: Session, tls: ssl.SSLContext | None, source: str = "127.0.0.1"
) -> tuple[bytes, bool]:
    """One session; gives what was said, and whether all of it was heard. Raises TimeoutError when it does not end."""
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_connection(_Peer, "127.0.0.1", port, local_addr=(source, 0))
    try:
        if tls is not None:
            transport = await _secured(transport, peer, tls)
        waits = len(session.writes) < 12 and len(session.writes[0]) % 3 == 0 if session.writes else False
        for octets in session.writes:
            if transport.is_closing():
                break
            transport.write(octets)
            await (peer.news(0.01) if waits else asyncio.sleep(0))
        return await _end(transport, peer, session.end)
    finally:
        if not peer.gone.done():
            with contextlib.suppress(AttributeError):  # a TLS transport that is gone, and has not told us yet
                transport.abort()


async def _secured(transport: asyncio.Transport, peer: _Peer, tls: ssl.SSLContext) -> asyncio.Transport:
    transport.write(b"EHLO secure.test\r\nSTARTTLS\r\n")
    while b"\r\n220 2.0.0" not in peer.said and not peer.gone.done():
        await peer.news(ANSWER_S)
    secured = await asyncio.get_running_loop().start_tls(transport, peer, tls, server_hostname="localhost")
    assert secured is not None
    return secured


async def _end(transport: asyncio.Transport, peer: _Peer, end: str) -> tuple[bytes, bool]:
    if end in ("reset", "close"):
        raw = transport.get_extra_info("socket")
        if end == "reset" and raw is not None:
            raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort() if end == "reset" else transport.close()
        await asyncio.wait_for(peer.gone, ANSWER_S)
        return bytes(peer.said), False
    if end == "close-unread":
        transport.pause_reading()
        transport.close()
        return bytes(peer.said), False
    if end == "quit" or not transport.can_write_eof():
        transport.write(b"\r\n.\r\nQUIT\r\nQUIT\r\nQUIT\r\n")
    if transport.can_write_eof():
        transport.write_eof()
    elif not transport.is_closing():  # TLS has no half-closed state, and QUIT is not read in every state
        await peer.news(1.0)
        transport.close()
    heard_all = await asyncio.wait_for(peer.gone, ANSWER_S)
    return bytes(peer.said), heard_all


class Runner:
    """Plays the sessions of a seed against one relay, AT_ONCE from each of n_sources addresses."""

    def __init__(self, storm: Storm, relay: Relay, n_sources: int) -> None:
        assert relay.process is not None
        self.storm = storm
        self._pid, self._port = relay.process.pid, relay.port
        self._sources = [f"127.0.0.{1 + n}" for n in range(n_sources)]
        self._tls = ssl.create_default_context(cafile=str(relay.ca_file))

    async def run(self, numbers: Iterable[int]) -> None:
        """All of them; who has ended one begins the next."""
        waiting = iter(numbers)
        async with asyncio.TaskGroup() as group:
            for source in self._sources * AT_ONCE:
                group.create_task(self._work(waiting, source))

    async def _work(self, waiting: Iterator[int], source: str) -> None:
        for number in waiting:
            if number and number % TOLD_EVERY == 0:
                n_octets = memory_octets(self._pid)
                print(f"{number} sessions, {len(self.storm.faults)} faults, {n_octets:,} octets", flush=True)  # noqa: T201 - the long form speaks to a terminal
            try:
                await self._one(number, source)
            except TimeoutError:
                self.storm.faults.append(f"session {number}: not ended within {ANSWER_S} s")
            except ConnectionRefusedError:
                raise  # it must listen, whatever comes
            except OSError:  # it may cut whoever does not behave: a broken handshake, a reset
                self.storm.n_cut += 1

    async def _one(self, number: int, source: str) -> None:
        if number % CANARY_EVERY == CANARY_EVERY - 1:
            await self._canary(number, source)
            return
        tls = self._tls if number % TLS_EVERY == 0 else None
        said, is_whole = await play(self._port, session_of(self.storm.seed, number), tls, source)
        self.storm.judge(number, said, is_whole=is_whole)

    async def _canary(self, number: int, source: str) -> None:
        self.storm.canaries.append(number)
        since = time.monotonic()
        said, _ = await play(self._port, Session((CANARY % number,), "half-close"), None, source)
        self.storm.judge(number, said, is_whole=True)
        took_s = time.monotonic() - since
        if b"\r\n250 2.6.0 queued as " not in said or took_s > CANARY_S:
            self.storm.faults.append(f"canary {number}: {took_s:.1f} s, {said[-200:]!r}")


async def storm(relay: Relay, hop: NextHop, seed: int, count: int, n_sources: int) -> Storm:
    """Play `count` sessions, wait until all mail is out, and look at memory, descriptors and connections."""
    assert relay.process is not None
    pid, found, since = relay.process.pid, Storm(seed), time.monotonic()
    runner = Runner(found, relay, n_sources)
    content = b"Subject: warm\r\n\r\n" + (b"x" * 70 + b"\r\n") * WARM_LINES
    await run_load(("127.0.0.1", relay.port), n_messages=WARM_MESSAGES, content=content, n_sessions=20)
    border = int(count * WARM_UP)
    await runner.run(range(border))
    await _all_out(relay, hop)
    warm, n_before = await _memory_at_rest(pid), n_descriptors(pid)
    await runner.run(range(border, count))
    await _all_out(relay, hop)
    found.sung = _sung(hop)
    found.growth = await _memory_at_rest(pid) / warm - 1.0
    found.seconds = time.monotonic() - since
    found.faults += _left_behind(relay, n_before)
    return found


async def _all_out(relay: Relay, hop: NextHop) -> None:
    """Wait until every session has ended and every accepted message has arrived; then no line need stay open."""
    await _until(lambda: not n_sessions(relay.port))
    await _until(lambda: len(hop.heard) >= _n_committed(relay))
    hop.hang_up()
    await _until(lambda: not hop.n_open)


def _left_behind(relay: Relay, n_descriptors_before: int) -> list[str]:
    """What must not be there after a storm; one segment may stay open."""
    assert relay.process is not None
    if relay.process.poll() is not None:
        return ["the relay ended", *troubles(relay.log_file.read_text("utf-8", "replace"))[:20]]
    n_connections, n_more = n_sessions(relay.port), n_descriptors(relay.process.pid) - n_descriptors_before
    return (
        [f"{n_connections} connections were left"] * (n_connections > 0)
        + [f"{n_more} descriptors were left"] * (n_more > 1)
        + troubles(relay.log_file.read_text("utf-8", "replace"))[:20]
    )


def _n_committed(relay: Relay) -> int:
    """How many messages the spool has taken, read beside the relay."""
    connection = apsw.Connection(str(relay.directory / "data" / "spool.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(next(connection.execute("SELECT count(*) FROM message"))[0])
    finally:
        connection.close()


async def _memory_at_rest(pid: int) -> int:
    """The least of two seconds: while a password is checked, argon2 has 64 MiB for a third of one."""
    samples = []
    for _ in range(20):
        samples.append(memory_octets(pid))
        await asyncio.sleep(0.1)
    return min(samples)


def _sung(hop: NextHop) -> list[int]:
    """The canaries that have arrived, sorted."""
    names = [one.content.partition(b"Message-ID: <canary-")[2].partition(b"@")[0] for one in hop.heard]
    return sorted(int(name) for name in names if name)


async def _until(claim: object, deadline_s: float = 30.0) -> None:
    assert callable(claim)
    until = time.monotonic() + deadline_s
    while not claim() and time.monotonic() < until:
        await asyncio.sleep(0.05)


async def run_all(directory: Path, seed: int, count: int, n_sources: int = 1) -> Storm:
    """A relay and a next hop of its own for one storm from so many addresses."""
    hop = NextHop(keeps_contents=False)
    server = await hop.listen()
    try:
        with Relay(directory, SMARTHOST.format(host=hop.address)) as relay:
            return await storm(relay, hop, seed, count, n_sources)
    finally:
        server.close()
        hop.hang_up()


def main() -> None:
    """The long form; exit code 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="hostile.sessions")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sources", type=int, default=8, help="addresses; each has fifty sessions at once")
    parser.add_argument("--only", type=int, help="print and play one session")
    parser.add_argument("--machine", action="store_true", help="against the machine alone")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - the long form speaks to a terminal
    if options.only is not None:
        sys.exit(_look_at(options.seed, options.only))
    if options.machine:
        from hostile.machine import storm_machine

        found = storm_machine(options.seed, options.count)
    else:
        with tempfile.TemporaryDirectory() as directory:
            found = asyncio.run(run_all(Path(directory), options.seed, options.count, options.sources))
    _say(found)
    sys.exit(bool(found.faults))


def _look_at(seed: int, number: int) -> bool:
    """Print one session and what the relay says to it; True when that is strange."""
    session = session_of(seed, number)
    with tempfile.TemporaryDirectory() as directory, Relay(Path(directory), NO_NEXT_HOP) as relay:
        tls = ssl.create_default_context(cafile=str(relay.ca_file)) if number % TLS_EVERY == 0 else None
        said, is_whole = asyncio.run(play(relay.port, session, tls))
    lines = [*(f"C: {octets!r}" for octets in session.writes), f"C: ({session.end})"]
    strange = strange_lines(said, is_whole=is_whole)
    lines += [*(f"S: {line!r}" for line in said.splitlines()), *(f"strange: {line!r}" for line in strange)]
    print("\n".join(lines))  # noqa: T201 - the long form speaks to a terminal
    return bool(strange)


def _say(found: Storm) -> None:
    for fault in found.faults[:50]:
        print(fault)  # noqa: T201 - the long form speaks to a terminal
    print(  # noqa: T201 - the long form speaks to a terminal
        f"{found.n_played} sessions and {found.n_cut} that were cut, of seed {found.seed}, in {found.seconds:.0f} s: "
        f"{found.n_accepted} messages accepted, "
        f"{len(found.sung)} of {len(found.canaries)} canaries arrived, memory grew by {found.growth:.1%}, "
        f"{len(found.faults)} faults; reply codes {dict(sorted(found.codes.items()))}"
    )


if __name__ == "__main__":
    main()
