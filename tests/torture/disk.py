"""Disks that let the relay down for a while: full, without inodes, refusing every write, gone read-only for good.

`python -m torture.disk [--cycles 10]`. The data directory lies on a small ext4 image. In mid-run the disk is
made unusable and later usable again: everybody is answered within two seconds, mail is taken again within five, and
what was answered 250 arrives, once. A file system that an error has made read-only comes back only by a new mount: the
relay lives until it is stopped, and its next life has everything.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import RawIOBase
from pathlib import Path

from crash.scene import OWN, SHARED, SMALL
from e2e.house import Relay, eventually
from torture.calls import ANSWER_S, HEAL_S, traced
from torture.device import send_one
from torture.ledger import Ledger, judge
from torture.powercut import Disk
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import Sink, drained, end_in_order, faults_in_log, in_hand, on_its_way, relay_on

SIZES = (SMALL, SHARED, OWN)
N_MESSAGES = 12
WRITES = "pwrite64,write,fdatasync,fsync,ftruncate,unlink"
LITTER_OCTETS = 1024 * 1024


def _write_until_full(file: RawIOBase, n_octets: int) -> None:
    with suppress(OSError):
        while True:
            file.write(b"\x17" * n_octets)


@contextmanager
def full(disk: Path, relay: Relay) -> Iterator[None]:
    """Not an octet is free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for octets in (LITTER_OCTETS, 4096, 512):
            _write_until_full(file, octets)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def without_inodes(disk: Path, relay: Relay) -> Iterator[None]:
    """No file can be made."""
    made = []
    for n in itertools.count():
        try:
            (disk / f"litter-{n}").touch()
        except OSError:
            break
        made.append(disk / f"litter-{n}")
    try:
        yield
    finally:
        for file in made:
            file.unlink()


@contextmanager
def refusing(disk: Path, relay: Relay) -> Iterator[None]:
    """Every write and sync of the relay fails as on a read-only file system, until this is over."""
    with traced(
        relay, ["-e", f"trace={WRITES}", "-e", f"inject={WRITES}:error=EROFS:when=1+"], disk / "data"
    ):
        yield


Trouble = Callable[[Path, Relay], AbstractContextManager[None]]
PASSING: dict[str, Trouble] = {
    "disk full": full,
    "no inodes": without_inodes,
    "every write refused": refusing,
}


class Scene:
    """One disk, one sink, one ledger, and the row that they fill."""

    def __init__(self, directory: Path, name: str, env: dict[str, str] | None = None) -> None:
        directory.mkdir()
        self.disk = Disk(directory / "disk.img")
        # Few inodes, so that they can be used up; no reserve, which the superuser would go on to use.
        self.disk.make("-m", "0", "-N", "96" if name == "no inodes" else "1024")
        self.row, self.ledger = Row(name), Ledger()
        self.directory, self.env = directory, env
        self.heals_s: list[float] = []

    def relay(self, sink: Sink, at: Path) -> Relay:
        """A relay with its data on the disk."""
        return relay_on(self.directory, sink.address, data=str(at / "data"), env=self.env)

    def suffer(self, relay: Relay, label: str) -> None:
        """Mail of all sizes while the disk is unusable."""
        for n in range(N_MESSAGES):
            send_one(relay.port, self.ledger, f"{label}-{n}", SIZES[n % len(SIZES)])
        assert relay.process is not None
        self.row.promise(f"{label}: the relay died", kept=relay.process.poll() is None)

    def verdict(self, sink: Sink, relay: Relay, allowed: Counter[str] | None = None) -> Row:
        """What became of all promises."""
        row, ledger = self.row, self.ledger
        row.count(
            ledger, judge(ledger, sink.arrivals(), allowed or Counter()), (allowed or Counter()).total()
        )
        odd = [reply for reply in ledger.refused.values() if not reply.startswith(("451 4.3.0", "452 4.3.1"))]
        row.broken += [f"answered {reply!r}" for reply in odd[:1]]
        # Not in each cycle: where inodes are short, a content that is delivered gives its own back.
        row.promise("nothing was ever refused: the disk was not unusable", kept=bool(ledger.refused))
        row.promise(
            f"an answer took {ledger.slowest_answer_s:.1f} s", kept=ledger.slowest_answer_s <= ANSWER_S
        )
        longest_s = max(self.heals_s, default=0.0)
        row.promise(f"well again only after {longest_s:.1f} s", kept=longest_s <= HEAL_S)
        row.promise("a traceback in the log", kept=not faults_in_log(relay))
        row.notes.append(
            f"{len(ledger.refused)} refused; slowest answer {ledger.slowest_answer_s:.2f} s, "
            f"slowest healing {longest_s:.2f} s"
        )
        return row


def passing(directory: Path, name: str, n_cycles: int, env: dict[str, str] | None = None) -> Row:
    """A trouble that passes, so many times in one life of the relay."""
    scene, began = Scene(directory, name, env), time.monotonic()
    dice, row = random.Random(name), scene.row
    with (
        Sink(directory) as sink,
        scene.disk.mounted(directory / "disk") as at,
        scene.relay(sink, at) as relay,
    ):
        for cycle in range(n_cycles):
            for n in range(dice.randrange(1, 6)):
                send_one(relay.port, scene.ledger, f"well{cycle}-{n}", dice.choice(SIZES))
            with PASSING[name](at, relay):
                scene.suffer(relay, f"ill{cycle}")
            since, tries = time.monotonic(), itertools.count()
            eventually(
                lambda c=cycle, t=tries: (
                    send_one(relay.port, scene.ledger, f"again{c}-{next(t)}", OWN)[:3] == "250"
                )
            )
            scene.heals_s.append(time.monotonic() - since)
            row.n_cycles += 1
        drained(at / "data", 60.0)
        row.promise("SIGTERM at the end: not exit code 0", kept=end_in_order(relay) == 0)
    row.seconds = time.monotonic() - began
    return scene.verdict(sink, relay)


def lasting(directory: Path, n_cycles: int, env: dict[str, str] | None = None) -> Row:
    """A file system that is read-only for good, as after an error of the drive; only a new mount brings it back."""
    scene, began = Scene(directory, "gone read-only", env), time.monotonic()
    row, allowed = scene.row, Counter[str]()
    with Sink(directory) as sink:
        for cycle in range(n_cycles):
            with scene.disk.mounted(directory / "disk") as at, in_hand(scene.relay(sink, at)) as relay:
                _go_read_only(scene, relay, at, cycle)
            subprocess.run(["e2fsck", "-p", "-f", str(scene.disk.file)], check=False, capture_output=True)
            with scene.disk.mounted(directory / "disk") as at, in_hand(scene.relay(sink, at)) as relay:
                allowed.update(on_its_way(at / "data"))
                relay.start()
                drained(at / "data", 60.0)
                row.promise("SIGTERM after the new mount: not exit code 0", kept=end_in_order(relay) == 0)
            row.n_cycles += 1
    row.seconds = time.monotonic() - began
    return scene.verdict(sink, relay, allowed)


def _go_read_only(scene: Scene, relay: Relay, at: Path, cycle: int) -> None:
    """Mail, the trouble, mail, and a stop that cannot write any more."""
    relay.start()
    for n, size in enumerate(SIZES):
        send_one(relay.port, scene.ledger, f"well{cycle}-{n}", size)
    subprocess.run(["mount", "-o", "remount,abort", str(at)], check=False, capture_output=True)
    scene.suffer(relay, f"ill{cycle}")
    since = time.monotonic()
    code = end_in_order(relay)
    scene.row.notes.append(f"stopped with exit code {code} in {time.monotonic() - since:.1f} s")
    scene.row.promise("it could not be stopped on a read-only disk", kept=code is not None)


def run(directory: Path, n_cycles: int) -> list[Row]:
    """Every trouble."""
    rows = [passing(directory / f"disk-{n}", name, n_cycles) for n, name in enumerate(PASSING)]
    return [*rows, lasting(directory / "disk-last", min(n_cycles, 3))]


if __name__ == "__main__":
    given = arguments(__doc__, 10)
    with workplace() as place:
        finish(run(place, given.cycles))
