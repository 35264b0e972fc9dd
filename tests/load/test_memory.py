"""Large mail in little memory: contents go to the disk while they come, and come from it while they go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, eventually
from hostile.nexthop import NextHop
from hostile.vitals import forget_peak, peak_octets, troubles
from load.confine import confined

SIZE = 150_000_000
LINE = b"x" * 76 + b"\r\n"
BLOCK = LINE * 4096
N_AT_ONCE = 20
MEMORY = 200 * 1024 * 1024
MOST_RISE = 16 * 1024 * 1024
DEADLINE_S = 400.0
CONFIG = SMARTHOST + '[queue]\nretry = ["1s"]\n'


async def _send_large(port: int, name: str) -> str:
    """One message of about SIZE octets, in blocks; gives the last reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"EHLO x\r\nMAIL FROM:<scan@corp.test>\r\nRCPT TO:<lena@else.test>\r\nDATA\r\n")
        await asyncio.wait_for(reader.readuntil(b"\r\n354 "), DEADLINE_S)
        await reader.readline()
        writer.write(f"Message-ID: <{name}@device.test>\r\n\r\n".encode())
        for _ in range(SIZE // len(BLOCK)):
            writer.write(BLOCK)
            await writer.drain()
        writer.write(b".\r\n")
        return (await asyncio.wait_for(reader.readline(), DEADLINE_S)).decode()
    finally:
        writer.transport.abort()


def _names(hop: NextHop) -> list[str]:
    return sorted(one.content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode() for one in hop.heard)


@pytest.mark.timeout(600)
def test_a_large_message_costs_less_than_sixteen_megabytes(tmp_path: Path) -> None:
    """One message of 150 MB on its way in and out: the most memory that is ever used rises by less than 16 MiB."""
    hop = NextHop(keeps_contents=False)
    with hop.in_thread(), Relay(tmp_path, CONFIG.format(host=hop.address)) as relay:
        assert relay.process is not None
        relay.send(b"Message-ID: <small@device.test>\r\n\r\nhello\r\n")
        eventually(lambda: len(hop.heard) == 1)
        pid = relay.process.pid
        forget_peak(pid)
        before = peak_octets(pid)
        reply = asyncio.run(_send_large(relay.port, "large"))
        eventually(lambda: len(hop.heard) == 2, 120.0)
        rise = peak_octets(pid) - before
        print(f"one message of {SIZE:,} octets: memory rose by {rise:,} octets")  # noqa: T201 - the figure, for -s

    assert "250 2.6.0 queued as " == reply[:20]
    assert ["large", "small"] == _names(hop)
    assert rise < MOST_RISE


@pytest.mark.timeout(900)
def test_twenty_large_messages_at_once_fit_into_200_megabytes(tmp_path: Path) -> None:
    """Three gigabytes at once through a relay that may use 200 MiB: nothing is killed, each message is answered 250 or
    452 (4yz in any case), and what was answered 250 arrives, once.
    """
    hop = NextHop(keeps_contents=False)
    with hop.in_thread(), Relay(tmp_path, CONFIG.format(host=hop.address)) as relay:
        assert relay.process is not None
        with confined(relay.process.pid, MEMORY) as limit:
            replies = asyncio.run(_twenty(relay.port))
            accepted = [name for name, reply in replies.items() if reply.startswith("250 ")]
            eventually(lambda: len(hop.heard) == len(accepted), DEADLINE_S)
            figures = f"{len(accepted)} of {N_AT_ONCE} accepted, most {limit.most_octets:,} octets"
            print(f"{limit.kind}: {figures}")  # noqa: T201 - the figures, for -s
            assert relay.process.poll() is None
            assert 0 == limit.n_killed
            assert 0 == relay.stop()

    assert sorted(accepted) == _names(hop)
    assert [] == [reply for reply in replies.values() if reply[:4] not in ("250 ", "452 ", "451 ")]
    assert accepted
    assert [] == troubles((tmp_path / "relay.log").read_text())


async def _twenty(port: int) -> dict[str, str]:
    names = [f"large-{n}" for n in range(N_AT_ONCE)]
    return dict(zip(names, await asyncio.gather(*(_send_large(port, name) for name in names)), strict=True))
