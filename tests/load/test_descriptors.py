"""No file descriptor is left: nothing crashes, nothing that was accepted is lost, and all is well again afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, Sink, eventually, without_trace
from hostile.vitals import n_descriptors, troubles
from load.crowd import Crowd, normal_client, normal_clients, silent

N = 500
CONFIG = (
    SMARTHOST.replace('data = "./data"', 'data = "./data"\nmax_sessions_per_address = 1000')
    + '[queue]\nretry = ["1s"]\n'
)


def _restrict(relay: Relay, n: int) -> None:
    assert relay.process is not None
    resource.prlimit(relay.process.pid, resource.RLIMIT_NOFILE, (n, 4096))


@pytest.mark.parametrize("most", [64, 128])
def test_a_crowd_that_takes_every_descriptor_is_survived(most: int, tmp_path: Path) -> None:
    """Five hundred connections on so few descriptors: the process lives, a look at the queue works meanwhile, and when
    they are gone mail is taken and delivered as before, with every descriptor given back.
    """

    async def crowd_comes(relay: Relay) -> None:
        crowd = Crowd(relay.port)
        with contextlib.suppress(OSError, TimeoutError):  # whoever does not get in is refused by the system
            async with asyncio.timeout(20):
                await crowd.come(N, silent)
        listed = await asyncio.to_thread(relay.command, "queue", "list", "--json")
        await crowd.go()
        assert 0 == listed.returncode, listed.stderr

    with Sink() as sink, Relay(tmp_path, CONFIG.format(host=sink.address)) as relay:
        asyncio.run(normal_clients(relay.port, 3))
        eventually(lambda: len(sink.delivered) == 3)
        assert relay.process is not None
        n_before = n_descriptors(relay.process.pid)
        _restrict(relay, most)
        asyncio.run(crowd_comes(relay))
        assert relay.process.poll() is None
        eventually(lambda: _is_served(relay))
        n_accepted = relay.log_file.read_text().count(" message.accepted ")
        eventually(lambda: len(sink.delivered) == n_accepted)
        eventually(lambda: n_descriptors(relay.process.pid) <= n_before + 3)

    assert [] == troubles(relay.log_file.read_text())


def _is_served(relay: Relay) -> bool:
    try:
        _, said = asyncio.run(normal_client(relay.port))
    except OSError:
        return False
    return b"\r\n250 2.6.0 queued as " in said


LARGE = b"Message-ID: <large@device.test>\r\n\r\n" + (b"x" * 76 + b"\r\n") * 30_000


def test_a_content_that_cannot_be_stored_is_told_so(tmp_path: Path) -> None:
    """When no file can be opened, a large message is answered 4yz at its final dot; when one can, it is taken."""
    with Sink() as sink, Relay(tmp_path, CONFIG.format(host=sink.address)) as relay:
        assert relay.process is not None
        relay.send(b"Message-ID: <small@device.test>\r\n\r\nx\r\n")
        eventually(lambda: len(sink.delivered) == 1)
        _restrict(relay, n_descriptors(relay.process.pid) + 1)  # one connection, and nothing else
        with pytest.raises(AssertionError, match=r"45[12]"):
            relay.send(LARGE)
        _restrict(relay, 256)
        relay.send(LARGE)
        eventually(lambda: len(sink.delivered) == 2)

    assert LARGE == without_trace(sink.delivered[1].content)
