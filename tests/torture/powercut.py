"""Power cuts: what the disk holds at a random instant is all that is left.

`python -m torture.powercut [--cycles 50] [--seed 1]`. The data directory lies on a small ext4 image. Under load the
relay is stopped in mid-instruction, the image's file is copied (that is what the platter holds: what was not synced is
in the page cache only), the relay is killed, and the copy is mounted, which replays its journal. A relay on the copy
must have all that was answered 250 before. It goes on from there: the last cut's disk is the next one's.
The control does the same while strace lets every sync succeed without doing it; it must lose mail.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from signal import SIGSTOP

from crash.scene import NOWHERE
from e2e.house import Relay
from torture.calls import detach
from torture.device import load
from torture.ledger import Ledger, Verdict, judge
from torture.report import Row, finish
from torture.scale import arguments, workplace
from torture.stage import Sink, drained, end_in_order, end_life, in_hand, on_its_way, query, relay_on

IMAGE_OCTETS = 256 * 1024 * 1024
BLOCK_OCTETS = 1024 * 1024


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def make(self, *options: str) -> None:
        """An empty one, with options of mkfs.ext4."""
        with self.file.open("wb") as image:
            image.truncate(IMAGE_OCTETS)
        subprocess.run(["mkfs.ext4", "-q", "-F", *options, str(self.file)], check=True)

    @contextmanager
    def mounted(self, at: Path, *options: str) -> Iterator[Path]:
        """Mount it, and let go of it in the end."""
        at.mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", ",".join(("loop", *options)), str(self.file), str(at)], check=True)
        try:
            yield at
        finally:
            subprocess.run(["umount", str(at)], check=True)

    def copied(self, target: Path) -> Disk:
        """What the platter holds at one instant: read until two readings agree, for no power cut tears a disk in time.

        Only the file is read; nothing is flushed by it.
        """
        for _ in range(20):
            _copy(self.file, target)
            if _is_equal(self.file, target):
                return Disk(target)
        raise RuntimeError("the disk does not come to rest although the relay stands still")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        new.truncate(IMAGE_OCTETS)
        while block := old.read(BLOCK_OCTETS):
            if block.count(0) != len(block):
                os.pwrite(new.fileno(), block, old.tell() - len(block))


def _is_equal(one: Path, other: Path) -> bool:
    with one.open("rb") as a, other.open("rb") as b:
        while block := a.read(BLOCK_OCTETS):
            if block != b.read(BLOCK_OCTETS):
                return False
    return True


def missing(directory: Path) -> str:
    """Why this cannot be run here, or ""."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    disk = Disk(directory / "probe.img")
    try:
        disk.make()
        with disk.mounted(directory / "probe"):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"a disk image cannot be mounted here: {error}"
    finally:
        disk.file.unlink(missing_ok=True)


@contextmanager
def lying_syncs(relay: Relay) -> Iterator[None]:
    """From now on every sync of the relay succeeds and does nothing."""
    assert relay.process is not None
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(relay.process.pid), "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
         "-e", "inject=fsync,fdatasync:retval=0"], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr is not None
    while (line := tracer.stderr.readline()) and "attached" not in line:
        pass
    try:
        yield
    finally:
        detach(tracer, relay.process)


def run(
    directory: Path, n_cuts: int, seed: int, *, is_control: bool = False, env: dict[str, str] | None = None
) -> Row:
    """So many cuts; in every second one nothing is delivered before the cut, so that the disk must hold it all."""
    name = "power cut, syncs disabled" if is_control else "power cut"
    row, dice, began = Row(name, n_cuts), random.Random(seed), time.monotonic()
    ledger, allowed = Ledger(), Counter[str]()
    disk = Disk(directory / "disk-0.img")
    disk.make()
    with Sink(directory) as sink:
        for cut in range(n_cuts):
            when = (len(ledger.accepted) + dice.randrange(40, 200), dice.random() * 0.05)
            host = NOWHERE if cut % 2 == 0 else sink.address
            with (
                disk.mounted(directory / "disk") as at,
                in_hand(relay_on(directory, host, data=str(at / "data"), env=env)) as relay,
                lying_syncs(relay.start()) if is_control else nullcontext(relay.start()),
                load(relay.port, ledger, f"p{cut}"),
            ):
                _stand_still(relay, ledger, when)
                after = disk.copied(directory / f"disk-{cut + 1}.img")
                end_life(relay)
            disk.file.unlink()
            disk = after
            with disk.mounted(directory / "disk") as at:
                allowed.update(on_its_way(at / "data"))
                _come_back(relay_on(directory, sink.address, data=str(at / "data"), env=env), at, row)
        verdict = judge(ledger, sink.arrivals(), allowed)
    row.count(ledger, verdict, sum(allowed.values()))
    row.seconds = time.monotonic() - began
    return _control(row, verdict) if is_control else row


def run_both(directory: Path, n_cuts: int, seed: int) -> list[Row]:
    """The cuts, and the control."""
    places = [directory / name for name in ("cuts", "control")]
    for place in places:
        place.mkdir()
    return [run(places[0], n_cuts, seed), run(places[1], 1, seed, is_control=True)]


def _stand_still(relay: Relay, ledger: Ledger, when: tuple[int, float]) -> None:
    """Under load, until so many are accepted and a moment longer; every 250 that a device has was said before it."""
    n_wanted, pause_s = when
    ledger.wait_for(n_wanted, 20.0)
    threading.Event().wait(pause_s)
    assert relay.process is not None
    relay.process.send_signal(SIGSTOP)


def _control(row: Row, verdict: Verdict) -> Row:
    """Where syncs do nothing, a power cut that loses nothing would prove that the harness sees nothing."""
    row.notes.append(f"lost {len(verdict.lost)} of {row.n_accepted}, as it must")
    row.broken = []
    row.promise("nothing was lost although nothing was synced: the harness is blind", kept=bool(verdict.lost))
    return row


def _come_back(relay: Relay, at: Path, row: Row) -> None:
    """A relay on what the disk holds: it starts, and delivers all of it."""
    try:
        with relay:
            drained(at / "data", 60.0)
            ((n_held,),) = query(at / "data", "SELECT count(*) FROM recipient WHERE state = 'held'")
            row.promise(f"{n_held} messages damaged by a power cut", kept=n_held == 0)
            row.promise("SIGTERM after a power cut: not exit code 0", kept=end_in_order(relay) == 0)
    except AssertionError as refusal:
        relay.close_pipes()
        row.broken.append(f"no start, or a queue that stays, after a power cut: {str(refusal)[-300:]}")


if __name__ == "__main__":
    given = arguments(__doc__, 50)
    with workplace() as place:
        finish(run_both(place, given.cycles, given.seed))
