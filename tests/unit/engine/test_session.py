"""A session under every kind of bad luck, on a loop whose time jumps; the transcripts have its good days."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from relay365.engine.contents.inlet import HELD_OCTETS
from relay365.engine.patience import LINGER_S
from relay365.engine.session import SHUTTING_DOWN
from relay365.errors import SpoolFull
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.tolerance import DEFAULT
from relay365.rules.client import Client
from relay365.smtp.offers import Limits, Offers
from relay365.smtp.states import Phase
from relay365.spool.api import Selection
from relay365.spool.memory import MemorySpool
from transcript.standin import Device, JumpingLoop, LoopClock, OpenGate, StubbornSpool, reception

ACCEPTED = b"250 2.6.0 queued as "
TIMED_OUT = b"421 4.4.2 Timed out waiting for you (A76)\r\n"
LOGINS = Offers("relay.test", mechanisms=("PLAIN",), auth_without_tls=True)
WRONG_LOGIN = b"AUTH PLAIN AGEAYg==\r\n"


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner


def spool_of_the_test() -> StubbornSpool:
    return StubbornSpool(MemorySpool(LoopClock()))


def test_octets_alone_win_no_time(runner: asyncio.Runner) -> None:
    """Who sends a command octet by octet, one each four minutes, is told 421 five minutes after the greeting."""

    async def live() -> None:
        began = LoopClock().mono()
        device = Device(reception(spool_of_the_test()))
        await device.reply()
        device.say(b"E")
        await asyncio.sleep(240)
        device.say(b"H")
        await asyncio.sleep(59)
        assert b"" == device.heard()
        await asyncio.sleep(2)

        assert TIMED_OUT == device.heard()
        assert device.transport.closed
        assert 301.0 == LoopClock().mono() - began

    runner.run(live())


def test_commands_win_time(runner: asyncio.Runner) -> None:
    """A device that holds its connection with a NOOP each four minutes keeps it; in silence it has five."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test()))
        for _ in range(5):
            await asyncio.sleep(240)
            device.say(b"NOOP\r\n")
        assert device.heard().endswith(b"250 2.0.0 OK\r\n")
        await asyncio.sleep(301)
        assert TIMED_OUT == device.heard()

    runner.run(live())


def test_content_that_dribbles_is_cut(runner: asyncio.Runner) -> None:
    """An octet each four minutes does not hold a session; nothing stays of the message."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data(b"Subject: x\r\n")
        for _ in range(2):
            await asyncio.sleep(240)
            device.say(b"y")
        assert TIMED_OUT == device.heard()
        assert 1 == spool.n_abandoned

    runner.run(live())


def test_slow_content_is_taken(runner: asyncio.Runner) -> None:
    """A modem's 600 octets a second may take an hour, and a scanner may pause between two pages."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        for _ in range(60):
            await asyncio.sleep(60)
            device.say(b"y" * 36_000)
        await asyncio.sleep(290)
        device.say(b"\r\n.\r\n")
        assert (await device.reply()).startswith(ACCEPTED)
        assert 1 == len(spool.committed)

    runner.run(live())


def test_silence_in_content_is_cut(runner: asyncio.Runner) -> None:
    """After content_s without an octet the session ends, however fast the octets before were."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test(), limits=Limits(content_s=60.0)))
        await device.to_data(b"x" * 100_000)
        await asyncio.sleep(59)
        assert b"" == device.heard()
        await asyncio.sleep(2)
        assert TIMED_OUT == device.heard()

    runner.run(live())


def test_a_last_reply_that_nobody_takes_is_cut(runner: asyncio.Runner) -> None:
    """A closing connection whose peer is gone without a word is aborted after a few seconds."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test()))
        device.say(b"QUIT\r\n")
        assert device.transport.closed
        await asyncio.sleep(LINGER_S + 1)
        assert device.transport.aborted

    runner.run(live())


def test_a_peer_that_vanishes_before_the_commit_returns_leaves_the_message_with_us(
    runner: asyncio.Runner,
) -> None:
    """What is durable stays ours; nothing is written to nobody, and the session ends once."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        spool.may_go_on.clear()
        device.say(b"x\r\n.\r\n")
        assert b"" == await device.reply()
        device.hang_up()
        spool.may_go_on.set()

        assert b"" == await device.reply()
        assert (1, 0, 1) == (len(spool.committed), spool.n_abandoned, device.n_ended)

    runner.run(live())


def test_a_commit_that_fails_behind_a_vanished_peer_leaves_nothing(runner: asyncio.Runner) -> None:
    """The content is given back although nobody hears the refusal."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        spool.may_go_on.clear()
        device.say(b"x\r\n.\r\n")
        await device.reply()
        device.hang_up()
        spool.fault = SpoolFull("no space")
        spool.may_go_on.set()
        await device.reply()
        assert ([], 1) == (spool.committed, spool.n_abandoned)

    runner.run(live())


def test_a_peer_that_closes_its_side_while_we_commit_hears_the_250(runner: asyncio.Runner) -> None:
    """A batch that ends with a half-close gets all of its replies, QUIT's too."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        spool.may_go_on.clear()
        device.say(b"x\r\n.\r\nQUIT\r\n")
        assert device.stream.eof_received()
        spool.may_go_on.set()

        first, second = (await device.reply()).splitlines()
        assert (True, b"221 2.0.0 relay.test closing connection") == (first.startswith(ACCEPTED), second)
        assert device.transport.closed

    runner.run(live())


def test_a_peer_that_vanishes_while_its_password_is_checked_hurts_nobody(
    runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    """The check runs to its end and says nothing to nobody."""

    async def live() -> None:
        may_answer = asyncio.Event()

        async def verify(identity: str, secret: str, address: str) -> bool:
            await may_answer.wait()
            return True

        device = Device(reception(spool_of_the_test(), offers=LOGINS, verify=verify))
        device.say(b"EHLO x\r\n" + WRONG_LOGIN)
        await device.reply()
        device.hang_up()
        may_answer.set()
        assert (b"", 1) == (await device.reply(), device.n_ended)

    with caplog.at_level(logging.ERROR):
        runner.run(live())
    assert [] == caplog.records


def test_wrong_passwords_are_answered_later_and_later(runner: asyncio.Runner) -> None:
    """After one second, then two; a session beside it is answered at once."""

    async def live() -> None:
        clock = LoopClock()
        device = Device(reception(spool_of_the_test(), offers=LOGINS, limits=Limits(login_failures=3)))
        other = Device(reception(spool_of_the_test()))
        device.say(b"EHLO x\r\n")
        device.heard()
        for seconds in (1.0, 2.0):
            began = clock.mono()
            device.say(WRONG_LOGIN)
            other.say(b"NOOP\r\n")
            assert (b"", True) == (await device.reply(), b"250 2.0.0 OK\r\n" in other.heard())
            assert began == clock.mono()
            await asyncio.sleep(seconds - 0.01)
            assert b"" == device.heard()
            await asyncio.sleep(0.02)
            assert b"535 5.7.8 Authentication credentials invalid (A64)\r\n" == device.heard()
        device.say(WRONG_LOGIN)
        await asyncio.sleep(4)
        assert device.heard().endswith(b"421 4.7.0 Too many failed logins (A65)\r\n")

    runner.run(live())


def test_a_peer_that_never_reads_cannot_fill_our_memory(runner: asyncio.Runner) -> None:
    """Replies pile up to a border; then we stop reading, and in the end we hang up."""

    async def live() -> None:
        limits = Limits(session_commands=10**9)
        device = Device(reception(spool_of_the_test(), limits=limits))
        device.transport.peer_reads = False
        for _ in range(100):
            if not device.transport.is_reading_paused:
                device.say(b"NOOP\r\n" * 1000)
        n_octets = len(device.transport.written)
        assert (True, True) == (device.transport.is_reading_paused, n_octets < 100_000)
        await asyncio.sleep(limits.command_s + 1)
        assert (True, n_octets) == (device.transport.aborted, len(device.transport.written))

    runner.run(live())


def test_a_peer_that_reads_again_is_served_again(runner: asyncio.Runner) -> None:
    """Back-pressure ends where its cause ends, and no reply is lost."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test(), limits=Limits(session_commands=10**9)))
        device.transport.peer_reads = False
        device.say(b"NOOP\r\n" * 10_000)
        device.transport.peer_reads = True
        device.stream.resume_writing()
        device.say(b"NOOP\r\n")
        assert 10_001 == (await device.reply()).count(b"250 2.0.0 OK\r\n")
        assert not device.transport.is_reading_paused

    runner.run(live())


def test_pipelined_commands_behind_something_slow_are_bounded(runner: asyncio.Runner) -> None:
    """While a commit runs, a peer that goes on talking is not read for ever."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        spool.may_go_on.clear()
        device.say(b"x\r\n.\r\n" + b"NOOP\r\n" * 5_000)
        assert not device.transport.is_reading_paused
        device.say(b"NOOP\r\n" * 6_000)
        assert device.transport.is_reading_paused
        spool.may_go_on.set()
        assert (await device.reply()).startswith(ACCEPTED)
        assert not device.transport.is_reading_paused

    runner.run(live())


def test_a_disk_slower_than_the_network_pauses_reading(runner: asyncio.Runner) -> None:
    """Nothing is read until the disk has caught up, and the wait costs the peer no patience."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data(b"Subject: x\r\n\r\n")
        spool.is_slow = True
        spool.may_go_on.clear()
        for _ in range(1 + HELD_OCTETS // 1000):  # less than that is held back, and asks nothing of the disk
            device.say(b"x" * 1000)
        await asyncio.sleep(1000)
        assert (b"", True) == (device.heard(), device.transport.is_reading_paused)
        spool.is_slow = False
        spool.may_go_on.set()
        await device.reply()
        assert not device.transport.is_reading_paused
        device.say(b"\r\n.\r\n")
        assert (await device.reply()).startswith(ACCEPTED)

    runner.run(live())


def test_a_disk_that_fails_in_mid_content_is_told_at_the_dot(runner: asyncio.Runner) -> None:
    """The content is read to its end, refused once, and the session goes on."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        spool.is_slow, spool.fault = True, SpoolFull("no space")
        for _ in range(1 + HELD_OCTETS // 1000):
            device.say(b"x" * 1000)
        assert b"" == await device.reply()
        device.say(b"MAIL FROM:<evil@b.test>\r\n.\r\nNOOP\r\n")
        assert (
            b"452 4.3.1 Insufficient system storage, try again later (A77)\r\n250 2.0.0 OK\r\n"
            == await device.reply()
        )
        assert ([], 1) == (spool.committed, spool.n_abandoned)

    runner.run(live())


def test_a_fault_of_ours_is_temporary_and_told_in_no_detail(
    runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen exception becomes 421 4.3.0, stands whole in the log, and gives the content back."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data()
        spool.fault = ZeroDivisionError("a secret detail")
        device.say(b"x\r\n.\r\n")
        assert b"421 4.3.0 Local error, try again later (A80)\r\n" == await device.reply()
        assert (True, 1) == (device.transport.closed, spool.n_abandoned)

    runner.run(live())
    assert ["session.failed peer=192.0.2.7"] == [record.getMessage() for record in caplog.records]


def test_an_oversized_content_is_given_back_before_its_end(runner: asyncio.Runner) -> None:
    """The disk does not hold what will be refused anyway."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool, offers=Offers("relay.test", size_octets=100)))
        await device.to_data(b"x" * 90)
        assert 0 == spool.n_abandoned
        device.say(b"y" * 90)
        assert 1 == spool.n_abandoned
        device.say(b"\r\n.\r\n")
        assert (await device.reply()).startswith(b"552 5.3.4 ")

    runner.run(live())


def test_shutting_down_lets_a_message_finish(runner: asyncio.Runner) -> None:
    """Between messages a session ends at once; inside one it ends behind the reply to the dot."""

    async def live() -> None:
        idle, busy = Device(reception(spool_of_the_test())), Device(reception(spool_of_the_test()))
        await busy.to_data(b"x\r\n")
        idle.heard()
        for device in (idle, busy):
            device.session.refuse(SHUTTING_DOWN)
        bye = b"421 4.3.2 Service shutting down, try again later (A81)\r\n"
        assert (bye, b"") == (idle.heard(), busy.heard())
        busy.say(b".\r\nMAIL FROM:<next@b.test>\r\n")
        said = await busy.reply()
        assert (True, True) == (said.startswith(ACCEPTED), said.endswith(bye))
        assert 2 == said.count(b"\r\n")

    runner.run(live())


def test_who_is_spared_may_begin_and_end_a_message(runner: asyncio.Runner) -> None:
    """Most devices forget a message that is interrupted: between MAIL and the dot nobody is sent away."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test()))
        spare = (Phase.MAIL, Phase.RCPT, Phase.CONTENT)
        await device.to_data(b"x\r\n")
        device.session.refuse(SHUTTING_DOWN, spare)
        device.say(b".\r\n")
        taken = await device.reply()
        device.session.refuse(SHUTTING_DOWN, spare)

        assert taken.startswith(ACCEPTED)
        assert b"421" not in taken
        assert device.heard().startswith(b"421 4.3.2")

    runner.run(live())


def test_shutting_down_does_not_wait_behind_a_refused_content(runner: asyncio.Runner) -> None:
    """A message that is refused at its dot ends the session as an accepted one does."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test(), offers=Offers("relay.test", size_octets=100)))
        await device.to_data(b"x" * 150)
        device.session.refuse(SHUTTING_DOWN)
        device.say(b"\r\n.\r\n")
        assert [b"552", b"421"] == [line[:3] for line in (await device.reply()).splitlines()]

    runner.run(live())


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n"])
def test_an_end_with_bare_lf_is_told_after_twenty_seconds(
    runner: asyncio.Runner, caplog: pytest.LogCaptureFixture, end: bytes
) -> None:
    """Its device waits for an answer and would wait for ever; nothing is taken, and the journal says what helps."""

    async def live() -> None:
        spool = spool_of_the_test()
        device = Device(reception(spool))
        await device.to_data(b"Subject: x\n\nhello" + end)
        await asyncio.sleep(19)
        assert b"" == device.heard()
        await asyncio.sleep(2)

        assert b"451 4.5.2 Ended with bare LF, not CRLF (A75)\r\n" == device.heard()
        assert (True, 1, 0) == (device.transport.closed, spool.n_abandoned, len(spool.committed))

    with caplog.at_level(logging.WARNING, "relay365.session"):
        runner.run(live())
    assert ["session.bare-lf peer=192.0.2.7 device="] == [record.getMessage() for record in caplog.records]


def test_a_dot_between_bare_lines_is_content_when_more_comes(runner: asyncio.Runner) -> None:
    """A text may hold such a line, and its scanner may pause behind it for less than twenty seconds."""

    async def live() -> None:
        device = Device(reception(spool_of_the_test()))
        await device.to_data(b"one\n.\n")
        await asyncio.sleep(15)
        device.say(b"two\r\n")
        await asyncio.sleep(60)
        device.say(b".\r\n")
        assert (await device.reply()).startswith(ACCEPTED)

    runner.run(live())


class AnyPassword(OpenGate):
    """A network where any password is taken; with a login it would be somebody else."""

    def client(self, facts: SubmitterFacts) -> Client:
        if facts.login:
            return Client("R1", "device erp", device="erp", login="optional", priority="alarm")
        return Client("R2", "network", login="optional", tolerances=DEFAULT | {"any_password"})


@pytest.mark.parametrize(
    "login", ["AGVycABzZWNyZXQ=", "AGVycAB3cm9uZw==", "AAA="], ids=["right", "wrong", "empty"]
)
def test_any_password_proves_nothing(
    runner: asyncio.Runner, login: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Right, wrong and empty ones are answered alike and at once, nobody looks at them, so none counts as a wrong one;
    the session stays the network's, the deviation is counted, and neither name nor password is written anywhere.
    """
    asked: list[str] = []

    async def verify(name: str, password: str, address: str) -> bool:
        asked.append(name)
        return password == "secret"

    async def live() -> Device:
        spool = MemorySpool(LoopClock())
        device = Device(reception(spool, offers=LOGINS, gate=AnyPassword(), verify=verify))
        began_mono = LoopClock().mono()
        device.say(b"HELO x\r\nAUTH PLAIN " + login.encode() + b"\r\n")
        assert b"235 2.7.0 Authentication successful\r\n" == (await device.reply())[-37:]
        assert began_mono == LoopClock().mono()
        device.say(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
        await device.reply()
        device.say(b"x\r\n.\r\n")
        assert (await device.reply()).startswith(ACCEPTED)
        (view,) = await spool.list(Selection())
        who = view.submitter
        assert ("", "", "normal") == (who.login, who.device, who.priority)
        return device

    with caplog.at_level(logging.DEBUG):
        device = runner.run(live())
    machine = device.session._machine

    assert machine is not None
    assert [] == asked
    assert "" == machine.identity
    assert 0 == machine.counts.refused_logins
    wanted = "empty_login" if login == "AAA=" else "any_password"
    assert {wanted: 1, "auth_after_helo": 1} == machine.counts.tolerated
    assert [] == [one for one in ("erp", "secret", "wrong", login) if one in caplog.text]
