"""Poison: mail that breaks the way each time it is tried. It is set aside for a person, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, eventually
from fakes.remote import remote
from hostile.nexthop import NextHop
from relay365.errors import SpoolUnavailable
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
from relay365.mail.outcome import Kind
from relay365.routes.api import Consignment
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.wire.pool import Judges, Pool
from relay365.routes.wire.remote import Remote as Address

CONFIG = SMARTHOST + '[queue]\nretry = ["1s"]\n'
MOST_WAIT_S = 3.0
JUDGES = Judges(outcome_of, outcome_of_token)
GOOD = b"Message-ID: <good-%d@device.test>\r\nSubject: good\r\n\r\nhello\r\n"
POISON = b"Message-ID: <poison-%d@device.test>\r\nSubject: poison\r\n\r\nPOISON\r\n"


def _rows(relay: Relay) -> list[tuple[str, str]]:
    return sorted((r["state"], r["row"] or "") for view in relay.queue() for r in view["recipients"])


@pytest.mark.parametrize("n_poison", [1, 5, 25])
@pytest.mark.timeout(240)
def test_mail_that_breaks_the_line_is_set_aside_and_others_pass(n_poison: int, tmp_path: Path) -> None:
    """A next hop that hangs up inside certain contents: these are held with a reason after their tries, and of the
    good mail that comes meanwhile none waits longer than a few seconds, however much poison there is.
    """
    hop = NextHop(drops=b"POISON")
    slow: list[float] = []
    with hop.in_thread(), Relay(tmp_path, CONFIG.format(host=hop.address)) as relay:
        relay.send(GOOD % 0)
        eventually(lambda: hop.heard)
        for n in range(n_poison):
            relay.send(POISON % n)
        until, n_good = time.monotonic() + 120.0, 1
        while any(state != "held" for state, _ in _rows(relay)) and time.monotonic() < until:
            since, n_good = time.monotonic(), n_good + 1
            relay.send(GOOD % n_good)
            eventually(lambda: len(hop.heard) == n_good, 40.0)  # noqa: B023 - it is asked before the next round
            slow += [round(time.monotonic() - since, 1)] * (time.monotonic() - since > MOST_WAIT_S)
        rows = _rows(relay)
        status = relay.command("status").stdout

    assert [("held", "set-aside")] * n_poison == rows
    assert [] == slow
    assert "POISON" not in "".join(one.content.decode() for one in hop.heard)
    assert "held" in status


class _Unreadable:
    """A content that the disk refuses to give, for a reason that may pass, or for a fault of ours."""

    size_octets = 100_000

    def __init__(self, error: Exception) -> None:
        self._error = error

    def octets(self) -> None:
        return None

    async def blocks(self) -> AsyncIterator[bytes]:
        yield b"Subject: x\r\n\r\n"
        raise self._error


@pytest.mark.parametrize("error", [SpoolUnavailable("Too many open files"), RuntimeError("a fault of ours")])
def test_a_content_that_cannot_be_read_leaves_no_line_open(error: Exception) -> None:
    """Whatever ends a delivery in mid-content, the connection that was opened for it is closed: a try every minute
    would else use up the connections that the remote allows.
    """

    async def live() -> None:
        async with remote() as far:
            pool = Pool(Address("127.0.0.1", far.port, "relay.test", "none"), None, JUDGES)
            envelope = Envelope("scan@contoso.com", (ForwardPath("lena@fabrikam.com"),))
            try:
                (outcome,) = await pool.deliver(Consignment(SpoolId("222222"), envelope, _Unreadable(error)))
            except RuntimeError:
                outcome = None
            async with asyncio.timeout(2.0):
                while far.n_open:
                    await asyncio.sleep(0)
            await pool.close()
            assert outcome is None or Kind.DEFERRED is outcome.kind
            assert (outcome is None) == isinstance(error, RuntimeError)

    asyncio.run(live())
