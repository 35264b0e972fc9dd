"""One message on its way in: what the spool gets, and what is replied when it gets nothing."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from dataclasses import replace

import pytest

from relay365 import errors
from relay365.engine.contents.twins import Twins
from relay365.engine.contents.workshop import Workshop
from relay365.engine.reception import RECIPIENT_OK, SENDER_OK
from relay365.engine.taking import Taking
from relay365.errors import SpoolError, SpoolFull
from relay365.mail.dsn import Debt
from relay365.mail.envelope import ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.headers import MAX_RECEIVED
from relay365.mail.refusals.entering import RECIPIENT_UNKNOWN, SENDER_UNKNOWN
from relay365.mail.status import Reply
from relay365.rules.client import Client
from relay365.rules.oversize import HOLD, HOUSE, Sizes, Wish
from relay365.smtp.events import ContentEnded, MailGiven, RcptGiven
from relay365.spool.api import NewMessage
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.heads import Flow
from transcript.standin import JumpingLoop, LoopClock, OpenGate, StubbornSpool, reception

FACTS = SubmitterFacts("test", "192.0.2.7", 2525, "printer", "ESMTPSA", "TLSv1.3 X", "scan")

HELD_ABOVE_TWO = Sizes(Wish(2, HOLD, HOUSE))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner


async def take(content: bytes, spool: StubbornSpool, workshop: Workshop | None = None) -> Reply:
    here = replace(reception(spool), workshop=workshop or Workshop())
    taking = Taking(MailGiven("a@b.test", body="8BITMIME", ret="HDRS", envid="Q1"))
    taking.add(RcptGiven(ForwardPath("c@d.test", "NEVER")))
    assert 354 == taking.begin(here, FACTS).code
    for n in range(0, len(content), 7):
        assert taking.write(content[n : n + 7])
    return await taking.store(here, FACTS, ContentEnded(len(content)))


def stored(runner: asyncio.Runner, content: bytes) -> NewMessage:
    async def live() -> NewMessage:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        assert (await take(content, spool)).lines[0].startswith("queued as ")
        return spool.committed[0]

    return runner.run(live())


def test_the_spool_gets_the_envelope_and_our_trace(runner: asyncio.Runner) -> None:
    """Envelope and submitter as they came; the Received field in front, as RFC 5321 4.4 and RFC 3848 have it."""
    message = stored(runner, b"From: Me <me@b.test>\r\nMessage-ID: <1@b.test>\r\n\r\nx\r\n")
    first, second, third, fourth, date, rest = message.trace.decode().split("\r\n")

    assert ("a@b.test", "8BITMIME", "HDRS", "Q1") == (
        message.envelope.reverse_path, message.envelope.body, message.envelope.ret, message.envelope.envid,
    )  # fmt: skip
    assert (ForwardPath("c@d.test", "NEVER"),) == message.envelope.forward_paths
    assert (FACTS, "out", "<1@b.test>", "me@b.test") == (
        message.submitter, message.lane, message.message_id, message.header_from,
    )  # fmt: skip
    assert "Received: from printer ([192.0.2.7])" == first
    assert second.startswith("\tby relay.test (relay365) with ESMTPSA id ")
    assert ("\t(TLSv1.3 X)", "\tfor <c@d.test>;", "") == (third, fourth, rest)
    assert date.startswith("\tTue, 14 Nov 2023 ")


def test_a_message_without_a_message_id_gets_one(runner: asyncio.Runner) -> None:
    """In the trace, so that a message that was sent twice can be recognised; the content stays as it came."""
    message = stored(runner, b"Subject: x\r\n\r\nMessage-ID: <not@a.field>\r\n")

    assert message.message_id.endswith("@relay.test>")
    assert f"\r\nMessage-ID: {message.message_id}\r\n".encode() in message.trace


def test_a_piece_of_a_divided_message_is_known_as_one(runner: asyncio.Runner) -> None:
    """So that whoever looks at the device is told of it."""

    async def live(kind: bytes) -> str:
        here, taking = reception(StubbornSpool(MemorySpool(LoopClock()))), Taking(MailGiven("a@b.test"))
        taking.add(RcptGiven(ForwardPath("c@d.test")))
        taking.begin(here, FACTS)
        taking.write(b"Subject: x\r\nContent-Type: " + kind + b"\r\n\r\nhalf\r\n")
        assert 250 == (await taking.store(here, FACTS, ContentEnded(60))).code
        return taking.piece

    assert "1/5" == runner.run(live(b"message/partial; id=x; number=1; total=5"))
    assert "" == runner.run(live(b"text/plain"))


def test_a_loop_is_refused(runner: asyncio.Runner) -> None:
    """Too many Received fields: 554 5.4.6 (RFC 5321 6.3), and the content is given back."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        reply = await take(b"Received: x\r\n" * (MAX_RECEIVED + 1) + b"\r\n", spool)
        assert (554, [], 1) == (reply.code, spool.committed, spool.n_abandoned)

    runner.run(live())


def test_a_spool_error_is_its_own_reply(runner: asyncio.Runner) -> None:
    """452 4.3.1 when the disk is full, and the content is given back."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        spool.fault = SpoolFull("full")
        reply = await take(b"x\r\n", spool)
        assert "452 4.3.1 Insufficient system storage, try again later (A77)" == str(reply)
        assert ([], 1) == (spool.committed, spool.n_abandoned)

    runner.run(live())


@pytest.mark.parametrize(
    "kind", [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SpoolError)]
)
def test_no_spool_error_becomes_a_final_no(runner: asyncio.Runner, kind: type[SpoolError]) -> None:
    """A fault of ours never loses a device's mail: code and status begin with 4."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        spool.fault = kind("a fault")
        reply = await take(b"x\r\n", spool)
        assert (4, 4) == (reply.code // 100, reply.status[0])

    runner.run(live())


def test_what_was_never_begun_is_not_accepted(runner: asyncio.Runner) -> None:
    """A dot without an intake (its disk was refused) is no yes; giving nothing back is harmless."""

    async def live() -> None:
        taking = Taking()
        assert taking.write(b"x")
        spool = StubbornSpool(MemorySpool(LoopClock()))
        assert 451 == (await taking.store(reception(spool), FACTS, ContentEnded(1))).code
        taking.abandon()
        assert 0 == spool.n_abandoned

    runner.run(live())


def test_a_message_that_is_sent_again_is_given_back(runner: asyncio.Runner) -> None:
    """It hears the first one's 250 and id, whose history says so; one that was refused is no first."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        workshop = Workshop(twins=Twins(60.0))
        spool.fault = SpoolFull("full")
        refused = await take(b"x\r\n", spool, workshop)
        spool.fault = None
        first, second = await take(b"x\r\n", spool, workshop), await take(b"x\r\n", spool, workshop)
        other = await take(b"y\r\n", spool, workshop)
        assert (452, 250, True, False) == (refused.code, first.code, first == second, first == other)
        assert (2, 2) == (len(spool.committed), spool.n_abandoned)
        history = await _history(spool, first), await _history(spool, other)
        assert (["message.duplicate came again from 192.0.2.7"], []) == history

    runner.run(live())


async def _history(spool: StubbornSpool, accepted: Reply) -> list[str]:
    """What a message's history says beside that it was accepted."""
    view = await spool.show(SpoolId(accepted.text.rpartition(" ")[2]))
    return [f"{one.name} {one.detail}" for one in view.events if one.name == "message.duplicate"]


def test_a_history_that_cannot_be_written_changes_no_answer(runner: asyncio.Runner) -> None:
    """The first message is ours already, so the second try hears its 250."""

    class Forgetful(StubbornSpool):
        async def note(self, spool_id: SpoolId, name: str, detail: str) -> None:
            raise SpoolFull("full")

    async def live() -> None:
        spool, workshop = Forgetful(MemorySpool(LoopClock())), Workshop(twins=Twins(60.0))
        first, second = await take(b"x\r\n", spool, workshop), await take(b"x\r\n", spool, workshop)
        assert (250, first) == (second.code, second)

    runner.run(live())


def test_what_is_too_large_is_committed_as_held(runner: asyncio.Runner) -> None:
    """With the reason for a person; and the trace is as short as wished."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        reply = await take(b"x\r\n", spool, Workshop(received="none", sizes=HELD_ABOVE_TWO))
        (message,) = spool.committed
        assert (250, "oversize") == (reply.code, message.held.row if message.held else "")
        assert message.trace.startswith(b"Message-ID: ")
        assert message.repairs.startswith("message_id: added")

    runner.run(live())


KEPT = Client("R1", device="cam", login="optional", kept_octets=1 << 20)


def test_what_policy_refuses_is_kept_for_a_device_that_shows_nothing(runner: asyncio.Runner) -> None:
    """250 to its MAIL and RCPT, 250 at the dot, and one message that waits for a person with every reason."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        here, no = reception(spool), RECIPIENT_UNKNOWN.said("R1")
        taking = Taking(MailGiven("x@y.test"))
        assert SENDER_OK == taking.open(SENDER_UNKNOWN.said("R1"), KEPT)
        assert RECIPIENT_OK == taking.add(RcptGiven(ForwardPath("far@else.test")), no, KEPT)
        assert RECIPIENT_OK == taking.add(RcptGiven(ForwardPath("near@b.test")), None, KEPT)
        taking.begin(here, FACTS)
        taking.write(b"x\r\n")
        assert 250 == (await taking.store(here, FACTS, ContentEnded(3))).code
        (message,) = spool.committed
        assert message.held is not None
        assert "refused" == message.held.row
        assert [
            "<x@y.test>: 550 5.7.1 sender not allowed here (R1)",
            "<far@else.test>: 550 5.7.1 recipient not allowed here (R1)",
        ] == message.held.reason.split("; ")
        assert ["far@else.test", "near@b.test"] == [one.address for one in message.envelope.forward_paths]

    runner.run(live())


@pytest.mark.parametrize(
    ("said", "client"),
    [
        (RECIPIENT_UNKNOWN.said("R1"), Client("R1", device="cam")),
        (Reply.of(450, "4.7.1", "too many messages, try later (R1)"), KEPT),
        (Reply.of(530, "5.7.0", "Authentication required (R1)"), KEPT),
    ],
)
def test_what_is_no_refusal_for_ever_or_nobodys_wish_stays_refused(said: Reply, client: Client) -> None:
    """Whoever has not asked for it hears the refusal; so does everybody that may come again, or must log in."""
    taking = Taking(MailGiven("x@y.test"))

    assert said == taking.open(said, client)
    assert said == taking.add(RcptGiven(ForwardPath("a@b.test")), said, client)


class KeptGate(OpenGate):
    """Everybody is a device that shows nothing."""

    def client(self, facts: SubmitterFacts) -> Client:
        return KEPT


@pytest.mark.parametrize(("gate", "owes"), [(KeptGate(), Debt.KEPT), (OpenGate(), None)])
def test_the_owner_of_a_device_that_shows_nothing_is_owed_word_of_what_is_held(
    runner: asyncio.Runner, gate: OpenGate, owes: Debt | None
) -> None:
    """Written with the message, so that no crash comes between; another client was told itself."""

    async def live() -> None:
        spool = StubbornSpool(MemorySpool(LoopClock()))
        here = replace(reception(spool, gate=gate), workshop=Workshop(sizes=HELD_ABOVE_TWO))
        taking = Taking(MailGiven("a@b.test"))
        taking.add(RcptGiven(ForwardPath("c@d.test")))
        taking.begin(here, FACTS)
        taking.write(b"x\r\n")
        assert 250 == (await taking.store(here, FACTS, ContentEnded(3))).code
        (message,) = spool.committed
        assert message.held is not None
        assert owes == message.held.owes

    runner.run(live())


class FullExpress:
    """A way out without room, which remembers who asked for it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Flow]] = []

    def reserve(self, lane: str, n_recipients: int, flow: Flow) -> float:
        self.asked.append((lane, n_recipients, flow))
        return 0.0


def test_room_to_go_at_once_is_asked_for_by_whose_mail_it_is(runner: asyncio.Runner) -> None:
    """The scheduler can tell an alarm of one client from another's: priority, and the device before the login."""
    express, facts = FullExpress(), replace(FACTS, device="ups", priority="alarm")

    async def live() -> Reply:
        here = replace(reception(StubbornSpool(MemorySpool(LoopClock()))), express=express)
        taking = Taking(MailGiven("a@b.test"))
        taking.add(RcptGiven(ForwardPath("c@d.test")))
        taking.begin(here, facts)
        taking.write(b"Subject: x\r\n\r\nx\r\n")
        return await taking.store(here, facts, ContentEnded(18))

    assert 250 == runner.run(live()).code
    assert [("out", 1, Flow("alarm", "ups"))] == express.asked
