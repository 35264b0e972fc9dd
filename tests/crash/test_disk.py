"""A disk that is full, has no inodes, or fails: the device is told in time, nothing is lost, it heals by itself."""

from __future__ import annotations

import itertools
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crash.scene import NOWHERE, OWN, SHARED, SMALL, Device, arrived, config, segments, settled, states
from e2e.house import DEADLINE_S, Relay, Sink, eventually

ANSWER_S = 2.0
HEAL_S = 5.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB with 60 inodes, half of it taken by a file named filler."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=60,mode=0700", "relay365-test", str(disk)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    (disk / "filler").write_bytes(b"\0" * 12_000_000)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _deliver_all(directory: Path, data: str) -> list[str]:
    """Start again with a next hop that takes mail; gives what arrived."""
    with Sink() as sink, Relay(directory, config(sink.address, data=data)) as relay:
        settled(directory / Path(data).parent)
        assert relay.stop() == 0
    return arrived(sink)


def _heals(device: Device, relay: Relay, name: str, size: int) -> None:
    since = time.monotonic()
    eventually(lambda: device.send(relay, name, size)[0] == 250, HEAL_S)
    assert time.monotonic() - since < HEAL_S


@pytest.mark.parametrize("size", [SMALL * 10, SHARED, OWN], ids=["inline", "shared", "own"])
@pytest.mark.parametrize("floor", [0, 4_000_000], ids=["to-the-last-octet", "floor"])
def test_a_full_disk_is_452_and_heals(tmp_path: Path, small_disk: Path, size: int, floor: int) -> None:
    """452 4.3.1 within two seconds, by the floor or by the disk itself; what has its 250 is there in the end."""
    device = Device()
    with Relay(tmp_path, config(NOWHERE, floor=floor, data="./disk/data")) as relay:
        for n in range(2000):
            since = time.monotonic()
            code, text = device.send(relay, f"m{n}", size)
            if code != 250:
                break
        assert time.monotonic() - since < ANSWER_S
        assert (452, "4.3.1") == (code, text.partition(" ")[0])
        (small_disk / "filler").unlink()
        _heals(device, relay, "healed", size)
        assert relay.stop() == 0
    names = _deliver_all(tmp_path, "./disk/data")

    assert sorted(device.accepted) == sorted(names)
    assert len(names) > 2


def test_a_disk_without_inodes_is_452_and_heals(tmp_path: Path, small_disk: Path) -> None:
    """No file can be made: told in time, also for small mail, and well again when there is room."""
    device = Device()
    with Relay(tmp_path, config(NOWHERE, data="./disk/data")) as relay:
        assert 250 == device.send(relay, "first", SHARED)[0]
        litter = []
        for n in range(60):
            litter.append(small_disk / f"litter-{n}")
            try:
                litter[-1].touch()
            except OSError:
                break
        names = (f"m{n}" for n in itertools.count())
        eventually(lambda: device.send(relay, next(names))[0] == 452)  # a look at the disk holds for a second
        since = time.monotonic()
        code, text = device.send(relay, "refused", OWN)
        assert time.monotonic() - since < ANSWER_S
        assert (452, "4.3.1") == (code, text.partition(" ")[0])
        for file in litter:
            file.unlink(missing_ok=True)
        _heals(device, relay, "healed", OWN)
        assert relay.stop() == 0

    assert sorted(device.accepted) == sorted(_deliver_all(tmp_path, "./disk/data"))


def test_a_file_that_may_not_grow_is_452(tmp_path: Path) -> None:
    """`ulimit -f` in mid-content: the large message is refused and leaves no file, small ones go on."""
    device = Device()
    with Relay(tmp_path, config(NOWHERE)) as relay:
        assert relay.process is not None
        before = resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        code, text = device.send(relay, "refused", 3 * OWN)
        assert (452, "4.3.1") == (code, text.partition(" ")[0])
        assert 250 == device.send(relay, "small")[0]
        eventually(lambda: not segments(tmp_path))
        resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, before)
        assert 250 == device.send(relay, "again", 3 * OWN)[0]
        assert relay.stop() == 0

    assert ["again", "small"] == sorted(_deliver_all(tmp_path, "./data"))


@contextmanager
def _failing(relay: Relay, call: str) -> Iterator[None]:
    """The next call of each thread fails with EIO, by strace, from outside of the process."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    assert relay.process is not None
    trace = relay.directory / "trace"
    command = ["strace", "-f", "-p", str(relay.process.pid), "-e", f"trace={call}", "-o", str(trace)]
    tracer = subprocess.Popen(
        [*command, "-e", f"inject={call}:error=EIO:when=1"], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    try:
        first = tracer.stderr.readline()
        if "attached" not in first:
            pytest.skip(f"strace may not attach here: {first.strip()}")
        yield
        assert "INJECTED" in trace.read_text()
    finally:
        tracer.terminate()
        tracer.wait(DEADLINE_S)
        tracer.stderr.close()


@pytest.mark.parametrize(
    ("call", "size", "n_failures"),
    [
        ("fdatasync", SMALL, 1),  # of the database's log
        ("fdatasync", SHARED, 1),  # of the shared segment
        ("fdatasync", OWN, 2),  # of the segment of its own, then, in the writer's thread, of the log
        ("fsync", SHARED, 1),  # of the folder
        ("fsync", OWN, 1),
    ],
)
def test_a_failed_sync_is_451_and_the_next_one_is_fine(
    tmp_path: Path, call: str, size: int, n_failures: int
) -> None:
    """Database, segment or folder: never a 250 for that message, and no later sync is believed in its place."""
    device = Device()
    with Relay(tmp_path, config(NOWHERE)) as relay:
        with _failing(relay, call):
            for n in range(n_failures):
                code, text = device.send(relay, f"victim-{n}", size)
                assert (451, "4.3.0") == (code, text.partition(" ")[0])
            assert 250 == device.send(relay, "next", size)[0]
        assert 250 == device.send(relay, "after", size)[0]
        assert 2 == len(states(tmp_path))
        relay.kill()

    assert ["after", "next"] == sorted(_deliver_all(tmp_path, "./data"))
