"""The rehearsal: what is said beforehand is what a live session says, word for word."""

from __future__ import annotations

import asyncio

import pytest

from relay365.config import parse
from relay365.engine.doors.rehearsal import Envelope, Line, rehearse
from relay365.mail.envelope import SubmitterFacts
from relay365.rules.admission.rulebook import rules_of
from relay365.rules.policy import Door, Policy
from relay365.smtp.offers import Limits, Offers
from relay365.spool.memory import MemorySpool
from transcript.standin import Device, JumpingLoop, LoopClock, reception

FILE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
[[device]]
name = "mega"
match = { helo = "MEGA" }
starttls = false
max_message = "1M"
[[device]]
name = "cam"
match = { address = "192.0.2.7", helo = "CAM" }
recipients = "@contoso.com"
senders = "@contoso.com"
accept_then_report = true
[[allow]]
network = "192.0.2.0/24"
login = "optional"
senders = "@contoso.com"
recipients = ["@contoso.com", "ops@fabrikam.com"]
"""
OFFERS = Offers("relay.test", starttls=True, mechanisms=("PLAIN", "LOGIN"))
PEER = "192.0.2.7"  # of the stand-in's transport


def _policy() -> Policy:
    return Policy(rules_of(parse(FILE, "f")), Door("test"))


def _rehearse(helo: str, envelope: Envelope, address: str = PEER) -> tuple[Line, ...]:
    return rehearse(_policy(), OFFERS, Limits(), SubmitterFacts("test", address, helo=helo), envelope)


@pytest.mark.parametrize(
    ("helo", "envelope"),
    [
        ("canon", Envelope("scan@contoso.com", ("lena@contoso.com", "x@else.test", "ops@fabrikam.com"))),
        ("MEGA", Envelope("scan@contoso.com", ("lena@contoso.com",), 2_000_000)),
        ("MEGA", Envelope("scan@contoso.com", ("a%b.test@contoso.com",), 1_000_000)),
        ("canon", Envelope("boss@fabrikam.com", ("lena@contoso.com",))),
        ("canon", Envelope("no address", ())),
        ("CAM", Envelope("boss@fabrikam.com", ("lena@contoso.com", "x@else.test"), 2_000_000)),
        ("", Envelope("", ("lena@contoso.com", "ops@contoso.com"))),
    ],
)
def test_a_rehearsal_says_what_a_session_says(helo: str, envelope: Envelope) -> None:
    """The same commands in a live session get the same replies."""
    rehearsed = _rehearse(helo, envelope)

    async def live() -> list[str]:
        here = reception(MemorySpool(LoopClock()), offers=OFFERS, gate=_policy())
        device = Device(here)
        await device.reply()
        said = []
        for line in rehearsed:
            device.say(f"{line.command}\r\n".encode())
            said.append("\n".join((await device.reply()).decode().splitlines()))
        device.hang_up()
        return said

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(live()) == [line.reply for line in rehearsed]


def test_a_refused_sender_ends_it() -> None:
    """After a refused MAIL no recipient is asked for, and the verdict is readable from the lines."""
    lines = _rehearse("canon", Envelope("boss@fabrikam.com", ("lena@contoso.com",)))

    assert ["EHLO canon", "MAIL FROM:<boss@fabrikam.com>"] == [line.command for line in lines]
    assert [True, False] == [line.is_positive for line in lines]
    assert "550 5.7.1 sender not allowed here (R4)" == lines[-1].reply


def test_no_second_command_hides_in_an_address() -> None:
    """A line end inside a value is taken away: one command, one reply."""
    lines = _rehearse("canon", Envelope("a@contoso.com>\r\nRSET\r\n<", ()))

    assert 2 == len(lines)
    assert 1 == len(lines[1].reply.splitlines())
