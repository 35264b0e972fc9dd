"""Every file-system call of one message's way, by strace: the relay dies at it, or it fails.

`python -m torture.calls [--cycles N] [--seed 1]` counts the calls of one message that is accepted, delivered and
settled, and of one stop, in a clean run of each size; then it takes each of them (or N of them by lot) as the point
where the relay is killed, and as the point where the call fails with EIO and with ENOSPC.
The calls of each thread are counted apart, and only those on the data directory. The first message of a life makes
more of them than a later one: who dies at each point meets first messages, who lives through all of it later ones.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crash.scene import OWN, SHARED, SMALL
from e2e.house import DEADLINE_S, Relay, eventually
from torture.device import send_one
from torture.ledger import Ledger, judge
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import (
    Sink,
    drained,
    end_in_order,
    end_life,
    faults_in_log,
    in_hand,
    is_waiting,
    on_its_way,
    orphans,
    query,
    query_at_rest,
    relay_on,
)

CALLS = ("openat", "pwrite64", "write", "writev", "fdatasync", "fsync", "rename", "unlink", "ftruncate")
ERRORS = ("EIO", "ENOSPC")
SYNCS = ("fdatasync", "fsync")
ANSWER_S, HEAL_S = 2.0, 5.0
DETACH_S = 2.0
_HIGHEST = (
    "SELECT max(coalesce(max(seq), 0), (SELECT value - 1 FROM meta WHERE key = 'next_seq')) FROM message"
)
_CALL = re.compile(r"^(\d+) +(\w+)\(")


@dataclass(frozen=True)
class Point:
    """The n-th call of a kind in a thread: on the way of a life's "first" or a "later" message, or in a "stop"."""

    phase: str
    size: int
    call: str
    n: int

    def __str__(self) -> str:
        return f"{self.phase} {self.size} {self.call} {self.n}"


def missing() -> str:
    """Why this cannot be run here, or ""."""
    return "" if shutil.which("strace") else "strace is not installed"


@contextmanager
def traced(relay: Relay, what: list[str], data: Path | None = None) -> Iterator[Path]:
    """Attach strace to all threads of a running relay, for its data directory only; gives the trace's file."""
    assert relay.process is not None
    data, trace = data or relay.directory / "data", relay.directory / "trace"
    trace.unlink(missing_ok=True)
    command = ["strace", "-f", "-p", str(relay.process.pid), "-o", str(trace), *what]
    for path in paths(data):
        command += ["-P", str(path)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    try:
        first = tracer.stderr.readline()
        while first and "attached" not in first:
            first = tracer.stderr.readline()
        if not first:
            raise RuntimeError("strace may not attach here")
        yield trace
    finally:
        detach(tracer, relay.process)


def detach(tracer: subprocess.Popen[str], traced_one: subprocess.Popen[str]) -> None:
    """End strace. One whose process has died under it may wait for ever; then there is nothing to detach from."""
    if traced_one.poll() is None:
        tracer.terminate()
    try:
        tracer.wait(DETACH_S)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait(DEADLINE_S)
    if tracer.stderr is not None:
        tracer.stderr.close()


def paths(data: Path, *, at_rest: bool = False) -> Iterator[Path]:
    """The files of the next messages: strace knows a file by its name only. at_rest: nobody runs on the data."""
    yield from (data / name for name in ("spool.db", "spool.db-wal", "spool.db-shm", "segments"))
    ((highest,),) = (query_at_rest if at_rest else query)(data, _HIGHEST)
    for seq in range(highest - 1, highest + 4):
        yield data / "segments" / f"{seq:010d}-0.seg"
        yield data / "segments" / f"{seq:010d}-own-0.seg"
    yield from (data / "segments").glob("*.seg")


def injection(point: Point, effect: str) -> list[str]:
    """What strace must be told for a point."""
    return ["-e", f"trace={point.call}", "-e", f"inject={point.call}:{effect}:when={point.n}"]


def points(directory: Path, host: str) -> list[Point]:
    """Count the calls of a clean run, for each size and for a stop."""
    found = []
    relay = relay_on(directory, host)
    for size in (SMALL, SHARED, OWN):
        ledger = Ledger()
        relay.start()
        for phase in ("first", "later"):
            with traced(relay, ["-e", f"trace={','.join(CALLS)}"]) as trace:
                assert send_one(relay.port, ledger, "clean", size).startswith("250")
                drained(directory / "data")
                _at_rest(directory / "data")
            found += counted(trace, phase, size)
        with traced(relay, ["-e", f"trace={','.join(CALLS)}"]) as trace:
            assert 0 == relay.stop()
        found += counted(trace, "stop", size)
        relay.close_pipes()
    return found


def _at_rest(data: Path) -> None:
    """What a settle leaves to be tidied up is tidied up: an own segment is removed behind the commit."""
    eventually(lambda: not list((data / "segments").glob("*-own-*.seg")))


def counted(trace: Path, phase: str, size: int) -> Iterator[Point]:
    """The points that a trace shows, each thread's calls counted apart."""
    per_thread: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text(errors="replace").splitlines():
        call = _CALL.match(line)
        if call is not None:
            per_thread[call[1], call[2]] += 1
    for call_name in CALLS:
        most = max((n for (_, name), n in per_thread.items() if name == call_name), default=0)
        yield from (Point(phase, size, call_name, n) for n in range(1, most + 1))


def kill_at(directory: Path, some: list[Point], env: dict[str, str] | None = None) -> Row:
    """The relay dies at each of the points; each next life looks at what was left."""
    row, began = Row("kill at a file-system call", len(some)), time.monotonic()
    ledger, allowed, n_deaths, data = Ledger(), Counter[str](), 0, directory / "data"
    with Sink(directory) as sink, in_hand(relay_on(directory, sink.address, env=env)) as relay:
        for n, point in enumerate(some):
            relay.start()
            row.broken += [f"before {point}: {name} is named by no row" for name in orphans(data)]
            drained(data)
            n_deaths += _die_at(relay, point, ledger, f"c{n}")
            allowed.update(on_its_way(data))
        with relay:
            drained(data)
            row.promise("SIGTERM at the end: not exit code 0", kept=end_in_order(relay) == 0)
        row.count(ledger, judge(ledger, sink.arrivals(), allowed), sum(allowed.values()))
        row.promise("a traceback in the log", kept=not faults_in_log(relay))
    row.notes.append(
        f"died at {n_deaths} of {len(some)} points, lived past the others (another thread's count)"
    )
    row.promise("too few deaths: strace does not reach the calls", kept=n_deaths >= len(some) * 3 // 4)
    row.seconds = time.monotonic() - began
    return row


def _die_at(relay: Relay, point: Point, ledger: Ledger, name: str) -> bool:
    """One message with death at a point; gives whether the relay died there."""
    assert relay.process is not None
    data = relay.directory / "data"
    if point.phase == "stop":  # so that there is something to be written back
        send_one(relay.port, ledger, name, point.size)
        eventually(lambda: _is_idle(data))
    with traced(relay, injection(point, "signal=SIGKILL")):
        if point.phase == "first":
            send_one(relay.port, ledger, name, point.size)
            eventually(lambda: relay.process is None or relay.process.poll() is not None or _is_idle(data))
        else:
            relay.process.terminate()
            relay.process.wait(DEADLINE_S)
    died = relay.process.poll() == -9
    end_life(relay)
    return died


def _is_idle(data: Path) -> bool:
    """Nothing waits, and what the last settle left is tidied up."""
    return not is_waiting(data) and not list((data / "segments").glob("*-own-*.seg"))


def fail_at(directory: Path, some: list[tuple[Point, str]], env: dict[str, str] | None = None) -> Row:
    """The call fails at each of the points, with the error beside it; one life of the relay goes through all of it."""
    row, began = Row("a call fails: EIO, ENOSPC", len(some)), time.monotonic()
    ledger, data, heals_s, n_failed = Ledger(), directory / "data", [0.0], 0
    with Sink(directory) as sink, relay_on(directory, sink.address, env=env) as relay:
        for n, (point, error) in enumerate(some):
            with traced(relay, injection(point, f"error={error}")) as trace:
                reply = send_one(relay.port, ledger, f"f{n}", point.size)
                eventually(lambda trace=trace: "INJECTED" in trace.read_text() or _is_idle(data))
                has_failed = "INJECTED" in trace.read_text()
                n_failed += has_failed
            since = time.monotonic()
            is_believed = has_failed and point.call in SYNCS and point.n == 1 and reply.startswith("250")
            row.promise(f"{point} {error}: 250 although its sync failed", kept=not is_believed)
            is_fit = reply.startswith(("250", "451 4.3.0", "452 4.3.1"))
            row.promise(f"{point} {error}: answered {reply!r}", kept=is_fit)
            eventually(
                lambda n=n: send_one(relay.port, ledger, f"f{n}-{time.monotonic()}", SMALL)[:3] == "250"
            )
            drained(data)
            heals_s.append(time.monotonic() - since)
        row.promise(
            f"an answer took {ledger.slowest_answer_s:.1f} s", kept=ledger.slowest_answer_s <= ANSWER_S
        )
        row.promise(f"well again only after {max(heals_s):.1f} s", kept=max(heals_s) <= HEAL_S)
        row.promise("SIGTERM at the end: not exit code 0", kept=end_in_order(relay) == 0)
        row.promise("a traceback in the log", kept=not faults_in_log(relay))
        row.count(ledger, judge(ledger, sink.arrivals(), Counter()))
        left = query_at_rest(data, "SELECT 1 FROM recipient WHERE state IN ('queued', 'claimed')")
        row.promise("the queue is not empty at the end", kept=not left)
    row.notes.append(
        f"failed at {n_failed} of {len(some)} points; {len(ledger.refused)} refused with 451 or 452; "
        f"slowest answer {ledger.slowest_answer_s:.2f} s, slowest healing {max(heals_s):.2f} s"
    )
    row.promise("too few failures: strace does not reach the calls", kept=n_failed >= len(some) * 3 // 4)
    row.seconds = time.monotonic() - began
    return row


def run(directory: Path, n_points: int | None, seed: int, env: dict[str, str] | None = None) -> list[Row]:
    """Both sweeps; n_points: so many by lot for each, None means all."""
    places = [directory / name for name in ("clean", "kill", "fail")]
    for place in places:
        place.mkdir()
    with Sink(places[0]) as sink:
        found = points(places[0], sink.address)
    deadly = [point for point in found if point.phase != "later"]
    later = [point for point in found if point.phase == "later"]
    dice = random.Random(seed)
    if n_points is None:
        to_kill, to_fail = deadly, [(point, error) for point in later for error in ERRORS]
    else:
        to_kill = dice.sample(deadly, min(n_points, len(deadly)))
        to_fail = [(point, dice.choice(ERRORS)) for point in dice.sample(later, min(n_points, len(later)))]
    return [kill_at(places[1], to_kill, env), fail_at(places[2], to_fail, env)]


if __name__ == "__main__":
    given = arguments(__doc__, 0)
    with workplace() as at:
        finish(run(at, given.cycles or None, given.seed))
