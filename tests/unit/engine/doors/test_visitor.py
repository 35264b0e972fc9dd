"""Who a session's peer is at each moment: asked again whenever it could be another one."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.engine.blackbox.archive import Archive, Order
from relay365.engine.blackbox.box import BlackBox
from relay365.engine.contents.workshop import Workshop
from relay365.engine.reception import Reception
from relay365.engine.session import Session
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.repair.rules import Rules
from relay365.rules.client import Client
from relay365.smtp.offers import Offers
from relay365.spool.memory import MemorySpool
from transcript.standin import Device, JumpingLoop, LoopClock, OpenGate, reception

PROXY = (ipaddress.ip_network("192.0.2.0/24"),)


class Names(OpenGate):
    """A gate that knows a device by its HELO name, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[SubmitterFacts] = []

    def client(self, facts: SubmitterFacts) -> Client:
        self.asked.append(facts)
        if facts.helo == "copier":
            return Client("R1", "device copier", "copier", login="optional", tolerances=frozenset())
        return Client(login="optional")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner


def here(gate: Names, **changes: Any) -> Reception:
    return replace(reception(MemorySpool(LoopClock()), gate=gate), **changes)


def test_a_peer_is_asked_for_when_it_has_named_itself(runner: asyncio.Runner) -> None:
    """At connect nothing but its address is known; from HELO on its device stands in the facts."""

    async def live() -> None:
        gate = Names()
        device = Device(here(gate))
        device.say(b"HELO copier\r\n")
        assert [("", "192.0.2.7"), ("copier", "192.0.2.7")] == [(f.helo, f.peer_address) for f in gate.asked]
        device.say(b"MAIL FROM:a@b.test\r\n")

        assert (await device.reply()).endswith(b"501 5.5.4 Address must stand in angle brackets (A19)\r\n")

    runner.run(live())


def test_the_device_of_a_message_is_known(runner: asyncio.Runner) -> None:
    """The queue shows it with the message."""

    async def live() -> None:
        spool = MemorySpool(LoopClock())
        device = Device(replace(reception(spool, gate=Names())))
        device.say(b"HELO copier\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx\r\n.\r\n")
        said = (await device.reply()).decode()
        view = await spool.show(said.strip().rpartition(" ")[2])

        assert view is not None
        assert "copier" == view.submitter.device

    runner.run(live())


def test_the_priority_of_a_message_is_that_of_its_rule(runner: asyncio.Runner) -> None:
    """It is stored with the message; what the message says of itself changes nothing."""

    class Urgent(OpenGate):
        def client(self, facts: SubmitterFacts) -> Client:
            return Client("R1", login="optional", priority="alarm" if facts.helo == "ups" else "bulk")

    async def live(name: bytes) -> str:
        spool = MemorySpool(LoopClock())
        device = Device(replace(reception(spool, gate=Urgent())))
        device.say(b"HELO " + name + b"\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
        device.say(b"X-Priority: 1\r\nImportance: high\r\nPriority: urgent\r\n\r\nx\r\n.\r\n")
        view = await spool.show((await device.reply()).decode().strip().rpartition(" ")[2])
        assert view is not None
        return view.submitter.priority

    assert ("alarm", "bulk") == (runner.run(live(b"ups")), runner.run(live(b"copier")))


def test_a_proxy_says_for_whom_it_speaks(runner: asyncio.Runner) -> None:
    """From then on the gate is asked about the client, and the message is the client's."""

    async def live() -> None:
        gate, spool = Names(), MemorySpool(LoopClock())
        device = Device(replace(here(gate, xclient_from=PROXY), spool=spool))
        device.say(b"EHLO proxy\r\n")
        assert b"250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN\r\n" in await device.reply()
        device.say(b"XCLIENT ADDR=198.51.100.4 PORT=4711\r\n")
        assert (await device.reply()).startswith(b"220 relay.test")
        device.say(b"EHLO copier\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx\r\n.\r\n")
        view = await spool.show((await device.reply()).decode().strip().rpartition(" ")[2])

        assert view is not None
        assert ("198.51.100.4", 4711, "copier") == (
            view.submitter.peer_address, view.submitter.peer_port, view.submitter.helo
        )  # fmt: skip
        assert "198.51.100.4" == gate.asked[-1].peer_address

    runner.run(live())


def test_whoever_is_spoken_for_cannot_become_another(runner: asyncio.Runner) -> None:
    """A proxy passes on what its client says, too: behind the first XCLIENT none is offered, and none is taken."""

    async def live() -> None:
        gate = Names()
        device = Device(here(gate, xclient_from=PROXY))
        device.say(b"EHLO proxy\r\n")
        await device.reply()
        device.say(b"XCLIENT ADDR=198.51.100.4 LOGIN=guest\r\n")
        await device.reply()
        device.say(b"EHLO copier\r\n")
        assert b"XCLIENT" not in await device.reply()
        device.say(b"XCLIENT ADDR=198.51.100.5 LOGIN=root\r\n")
        assert (await device.reply()).startswith(b"502 ")
        device.say(b"EHLO copier\r\n")
        await device.reply()

        assert ("198.51.100.4", "guest") == (gate.asked[-1].peer_address, gate.asked[-1].login)

    runner.run(live())


def test_nobody_else_may_say_it(runner: asyncio.Runner) -> None:
    """Whoever is no named proxy is not offered XCLIENT, and refused."""

    async def live() -> None:
        device = Device(here(Names(), xclient_from=(ipaddress.ip_network("198.51.100.0/24"),)))
        device.say(b"EHLO x\r\n")
        assert b"XCLIENT" not in await device.reply()
        device.say(b"XCLIENT ADDR=198.51.100.4\r\n")
        assert (await device.reply()).startswith(b"502 ")

    runner.run(live())


def test_a_device_that_is_learned_is_forgiven_more(runner: asyncio.Runner, tmp_path: Path) -> None:
    """What its rule does not forgive is taken while it is learned, and counted."""

    async def live() -> None:
        archive, clock = Archive(tmp_path), SystemClock()
        box = BlackBox(archive, clock)
        archive.give_order(Order("device-copier", clock.now(), clock.now() + 600))
        await box.look()
        device = Device(here(Names(), box=box))
        device.say(b"HELO copier\r\nMAIL FROM:a@b.test\r\nQUIT\r\n")
        assert b"250 2.1.0 Sender OK\r\n" in await device.reply()
        device.hang_up()
        await box.close()

        assert {"no_brackets": 1} == archive.read("device-copier")["learning"]["tolerated"]

    runner.run(live())


def test_an_empty_login_is_whoever_its_address_makes_it(runner: asyncio.Runner) -> None:
    """Where no login is needed it is taken, unless that is switched off; a wrong login never is."""

    async def live(tolerances: frozenset[str], login: str) -> bytes:
        class Gate(OpenGate):
            def client(self, facts: SubmitterFacts) -> Client:
                return Client(login=login, tolerances=tolerances)

        offers = Offers("relay.test", mechanisms=("PLAIN",), auth_without_tls=True)
        device = Device(replace(reception(MemorySpool(LoopClock()), gate=Gate()), offers=offers))
        device.say(b"EHLO x\r\nAUTH PLAIN AAA=\r\n")
        await asyncio.sleep(2)
        return (await device.reply()).splitlines()[-1][:3]

    forgiven = frozenset({"empty_login"})
    assert b"235" == runner.run(live(forgiven, "optional"))
    assert b"535" == runner.run(live(frozenset(), "optional"))
    assert b"535" == runner.run(live(forgiven, "required"))


def test_a_remark_before_there_was_a_session_is_kept(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Whoever failed at TLS, or may not come at all, is read in the transcripts, too."""

    async def live() -> None:
        archive = Archive(tmp_path)
        box = BlackBox(archive, SystemClock())
        session = Session(here(Names(), box=box), lambda session: None)
        session.peer = ("198.51.100.4", 1)
        session.remark("plain client on the TLS port")
        session.disconnected(None)
        other = Session(here(Names(), box=box), lambda session: None)
        other.peer = ("198.51.100.5", 1)
        other.turned_away("refused at once: 554 5.7.1 no")
        await box.close()

        assert "plain client on the TLS port" == archive.read("address-198.51.100.4")["reading"]
        assert "refused at once: 554 5.7.1 no" == archive.read("address-198.51.100.5")["reading"]

    runner.run(live())


def test_long_lines_are_counted_for_their_device(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Like every tolerance, though only the whole content shows it; a message without one counts nothing."""

    class Copier(OpenGate):
        def client(self, facts: SubmitterFacts) -> Client:
            return Client("R1", "device copier", "copier", login="optional")

    async def live() -> dict[str, int]:
        archive = Archive(tmp_path)
        box = BlackBox(archive, SystemClock())
        device = Device(here(Copier(), box=box, workshop=Workshop(rules=Rules(parts=True))))
        for line in (b"x" * 1200, b"x"):
            device.say(
                b"HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\r\n" + line + b"\r\n.\r\n"
            )
            assert b"250 2.6.0 queued" in await device.reply()
        device.hang_up()
        await box.close()
        tolerated: dict[str, int] = archive.read("device-copier")["tolerated"]
        return tolerated

    assert {"long_lines": 1} == runner.run(live())
