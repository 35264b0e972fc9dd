"""One device that loops: it neither makes another one wait, nor fills the disk for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay
from load.crowd import normal_client

FLOOR = 4 << 20
DISK_MB = 64
LOOPING, QUIET = "127.0.0.9", "127.0.0.1"
SCAN = b"Subject: scan\r\n\r\n" + (b"x" * 76 + b"\r\n") * 2600  # 200 KB
ENVELOPE = b"MAIL FROM:<scan@corp.test>\r\nRCPT TO:<lena@else.test>\r\nDATA\r\n"
N_SESSIONS = 50
N_NORMAL = 15
SERVED_S = 0.5  # in the median, on a machine that has other work


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "relay365-test", str(disk)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _config(share: int | None = None, data: str = "./disk/data") -> str:
    text = SMARTHOST.format(host="127.0.0.1:1").replace('data = "./data"', f'data = "{data}"')
    more = f"disk_share = {share}\n" if share is not None else ""
    return f'{text}[queue]\nretry = ["1h"]\ndisk_floor = {FLOOR}\n{more}'


def _send(port: int, address: str) -> str:
    """One scan from an address; the reply that decided."""
    with socket.create_connection(("127.0.0.1", port), 20.0, (address, 0)) as device:
        lines = device.makefile("rb")
        lines.readline()
        for octets in (
            b"HELO x\r\n",
            *(part + b"\r\n" for part in ENVELOPE.split(b"\r\n")[:3]),
            SCAN + b".\r\n",
        ):
            device.sendall(octets)
            said = lines.readline()
            if said[:1] not in b"23":
                break
        return said.decode().strip()


def _loop(port: int) -> tuple[int, str]:
    """How many scans were taken before a no that stands, and that.

    Who takes a whole disk in a second hears a no before the relay has looked how much room there is; it has, soon.
    """
    n_taken = n_refused = 0
    while n_taken < 1000:
        said = _send(port, LOOPING)
        if said.startswith("250"):
            n_taken, n_refused = n_taken + 1, 0
        elif n_refused == 3:
            return n_taken, said
        else:
            n_refused += 1
            time.sleep(0.5)
    return n_taken, "it was never refused"


def _free(disk: Path) -> int:
    facts = os.statvfs(disk)
    return facts.f_bavail * facts.f_frsize


def test_a_looping_device_leaves_room_on_the_disk_for_the_others(tmp_path: Path, small_disk: Path) -> None:
    """With nothing but defaults it gets 80 % of the room and then 452; the others are taken, and the floor is far."""
    with Relay(tmp_path, _config()) as relay:
        room = _free(small_disk) - FLOOR
        n_taken, said = _loop(relay.port)
        free = _free(small_disk) - FLOOR
        others = [_send(relay.port, QUIET) for _ in range(10)]

        assert "452 4.3.1 your mail fills the disk (A78)" == said
        assert 0.7 * room < n_taken * len(SCAN) <= 0.8 * room
        assert free > 0.15 * room
        assert ["250"] * 10 == [one[:3] for one in others]
        assert 1 == relay.log_file.read_text("utf-8").count(f"client.over-share peer={LOOPING}")
        assert 0 == relay.stop()


def test_without_a_share_it_takes_all_the_room(tmp_path: Path, small_disk: Path) -> None:
    """What the share is for: with disk_share = 100 the next device hears that the disk is full."""
    with Relay(tmp_path, _config(100)) as relay:
        said = _loop(relay.port)[1]
        other = _send(relay.port, QUIET)

        assert "452 4.3.1 Insufficient system storage, try again later (A77)" == said == other


async def _looping(port: int, until: float) -> int:
    """A session that sends as fast as it is answered."""
    n_taken = 0
    with contextlib.suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(LOOPING, 0))
        writer.write(b"EHLO loop\r\n")
        while time.monotonic() < until:
            writer.write(ENVELOPE)
            while not (line := await reader.readline()).startswith(b"354"):
                assert line[:1] == b"2", line
            writer.write(b"Subject: again\r\n\r\nagain\r\n.\r\n")
            n_taken += (await reader.readline()).startswith(b"250")
        writer.close()
    return n_taken


def test_a_looping_device_makes_nobody_wait(tmp_path: Path) -> None:
    """Fifty sessions of one address that send without a pause; another device is served in half a second meanwhile."""

    async def story(relay: Relay) -> None:
        loops = [
            asyncio.create_task(_looping(relay.port, time.monotonic() + 12.0)) for _ in range(N_SESSIONS)
        ]
        await asyncio.sleep(1.0)
        took = []
        for n in range(N_NORMAL):
            seconds, said = await normal_client(relay.port, n)
            assert b"\r\n250 2.6.0 queued as " in said, said
            took.append(seconds)
            await asyncio.sleep(0.1)
        n_taken = sum(await asyncio.gather(*loops))
        took.sort()
        print(f"{n_taken} taken of the loop; another {took[N_NORMAL // 2]:.3f} s, at most {took[-1]:.3f} s")  # noqa: T201

        assert n_taken > 1000, "the loop was no burden"
        assert took[N_NORMAL // 2] < SERVED_S

    with Relay(tmp_path, _config(data="./data")) as relay:
        asyncio.run(story(relay))
