"""What an ear hears of an attempt: every command and reply, and of secrets and content their number only."""

from __future__ import annotations

import asyncio

import pytest

from fakes.content import InMemory, consignment
from fakes.remote import remote
from relay365.mail.envelope import SpoolId
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.wire.ear import DEAF, nobody
from relay365.routes.wire.pool import Judges, Pool
from relay365.routes.wire.remote import Remote as Address
from relay365.routes.wire.sign_in import PasswordSignIn

TEXT = b"Subject: x\r\n\r\nprivate words\r\n"
SECRET = "hunter22-secret"


class Listener:
    """An ear that remembers."""

    def __init__(self, spool_id: SpoolId) -> None:
        self.spool_id = spool_id
        self.said_octets = self.heard_octets = b""
        self.notes: list[str] = []
        self.n_secret = self.n_content = self.n_ended = 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    def said(self, octets: bytes) -> None:
        self.said_octets += octets

    def heard(self, octets: bytes) -> None:
        self.heard_octets += octets

    def secret(self, n_octets: int) -> None:
        self.n_secret += n_octets

    def content(self, n_octets: int) -> None:
        self.n_content += n_octets

    def ended(self) -> None:
        self.n_ended += 1


def listen(n_messages: int, **replies: list[str]) -> list[Listener]:
    """One listener for each of some attempts on one pool that signs in."""
    ears: list[Listener] = []

    def ear(spool_id: SpoolId) -> Listener:
        ears.append(Listener(spool_id))
        return ears[-1]

    async def run() -> None:
        async with remote() as far:
            far.replies.update(replies)
            address = Address("127.0.0.1", far.port, "relay.test", "none")
            pool = Pool(address, PasswordSignIn("u", SECRET), Judges(outcome_of, outcome_of_token), ear)
            for _ in range(n_messages):
                await pool.deliver(consignment(InMemory(TEXT), trace=b""))
            await pool.close()

    asyncio.run(run())
    return ears


def test_commands_and_replies_are_heard_and_nothing_private() -> None:
    """Neither password nor content reaches the ear, in no form; their octets are counted."""
    echo = f"535 5.7.3 no, {SECRET} is wrong"
    (ear,) = listen(1, AUTH=[echo])
    assert b"EHLO relay.test\r\nAUTH LOGIN\r\n" == ear.said_octets
    assert b"535 5.7.3 no, [secret] is wrong\r\n" in ear.heard_octets
    assert SECRET.encode() not in ear.heard_octets
    assert ear.notes[-1].startswith("no line: 535 5.7.3")

    (ear,) = listen(1)
    everything = ear.said_octets + ear.heard_octets + "".join(ear.notes).encode()
    assert b"MAIL FROM:<scan@contoso.com>\r\n" in ear.said_octets
    assert b"250 2.0.0 taken\r\n" in ear.heard_octets
    assert len(TEXT) + 3 == ear.n_content
    assert not [one for one in (SECRET.encode(), b"private", b"aHVudGVy") if one in everything]


def test_each_attempt_has_an_ear_of_its_own() -> None:
    """Of a warm line the second hears that it was warm, and nothing of the first; each ends once."""
    first, second = listen(2)

    assert (1, 1) == (first.n_ended, second.n_ended)
    assert first.said_octets.startswith(b"EHLO")
    assert second.said_octets.startswith(b"MAIL")
    assert ["a line that has carried 1 before"] == second.notes
    assert b"QUIT" not in second.said_octets


@pytest.mark.parametrize("call", ["note", "said", "heard", "secret", "content", "ended"])
def test_without_a_listener_nothing_happens(call: str) -> None:
    """The ear of nobody takes every call."""
    assert nobody(SpoolId("1")) is DEAF
    assert None is getattr(DEAF, call)(*([] if call == "ended" else [1]))
