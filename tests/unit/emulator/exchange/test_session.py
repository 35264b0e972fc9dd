"""A session on a loopback socket inside the test's own loop: what happens to a message whose sender goes away."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.certificates import context_of
from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.exchange.listener import Listener
from relay365.emulator.exchange.session import Reception
from relay365.emulator.exchange.submission import Submission
from relay365.emulator.folder import Identity
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.tenant.office import PostOffice

CONTENT = "From: scan@contoso.com\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n."


class House:
    """A listener with everything behind it; the token "good" is good."""

    def __init__(self, directory: Directory, folder: Path, clock: FakeClock) -> None:
        identity = directory.identity
        self.directory, self.moods, self.record = directory, Moods(clock), Record(folder)
        judge = Submission(
            directory, lambda token, mailbox: "" if token == "good" else "bad", self.moods, clock
        )
        office = PostOffice(directory, self.record, self.moods, clock)
        context = context_of(identity.leaf, identity.authority, folder)
        self.listener = Listener(
            Reception(judge, self.moods, self.record, office, lambda how: (context, []), clock),
            "127.0.0.1",
            0,
        )

    @property
    def scan(self) -> MailboxState:
        mailbox = self.directory.mailbox("scan@contoso.com")
        assert mailbox is not None
        return mailbox

    async def client(self) -> Client:
        """A signed-in connection."""
        one = Client(*await asyncio.open_connection("127.0.0.1", self.listener.port))
        await one.reply()
        await one.say("EHLO test")
        await one.say("STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await one.writer.start_tls(context, server_hostname="localhost", ssl_handshake_timeout=10)
        await one.say("EHLO test")
        blob = base64.b64encode(b"user=scan@contoso.com\x01auth=Bearer good\x01\x01").decode()
        assert (await one.say(f"AUTH XOAUTH2 {blob}")).startswith("235")
        return one


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def reply(self) -> str:
        """The last line of a reply; "" at the end."""
        while True:
            line = (await self.reader.readline()).decode().rstrip()
            if line[3:4] != "-":
                return line

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.reply()

    async def begin(self) -> None:
        for line in ("MAIL FROM:<scan@contoso.com>", "RCPT TO:<a@b.example>", "DATA"):
            assert (await self.say(line))[0] in "23"

    async def send(self) -> str:
        await self.begin()
        return await self.say(CONTENT)


async def _until(claim: Callable[[], bool]) -> None:
    """Let the loop run until something is true."""
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0)


@pytest.fixture
def play(
    directory_of: Callable[..., Directory], identity: Identity, tmp_path: Path, clock: FakeClock
) -> Callable[..., None]:
    """Runs a coroutine of a house with these settings, and closes the house."""

    def run(story: Callable[[House], Awaitable[None]], **settings: Any) -> None:
        async def whole() -> None:
            house = House(directory_of(**settings), tmp_path, clock)
            await house.listener.open()
            try:
                await story(house)
            finally:
                await house.listener.close()
            assert 0 == house.record.tally.connections_open

        asyncio.run(whole())

    return run


def test_a_delayed_message_whose_sender_goes_away(play: Callable[..., None], tmp_path: Path) -> None:
    """A message that waits for the next minute is not taken when its sender leaves, and frees its place at once."""

    async def story(house: House) -> None:
        client = await house.client()
        assert (await client.send()).startswith("250")
        await client.begin()
        client.writer.write(CONTENT.encode() + b"\r\n")
        await _until(lambda: house.scan.n_sending == 1)
        client.writer.transport.abort()
        await _until(lambda: house.scan.n_sending == 0)
        assert (1, []) == (house.record.n_accepted, list(tmp_path.glob("*.eml")))

    play(story, limits={"per_minute": 1, "surplus": "delay"})


def test_a_delayed_message_is_taken_when_its_minute_comes(
    play: Callable[..., None], clock: FakeClock
) -> None:
    """The surplus is answered 250 as soon as the window has room."""

    async def story(house: House) -> None:
        client = await house.client()
        assert (await client.send()).startswith("250")
        clock.pass_s(59.9)
        assert (await client.send()).startswith("432") is False
        assert 2 == house.record.n_accepted

    async def moving(house: House) -> None:
        async def tick() -> None:
            while True:
                await asyncio.sleep(0.02)
                clock.pass_s(0.05)

        ticking = asyncio.get_running_loop().create_task(tick())
        try:
            await story(house)
        finally:
            ticking.cancel()

    play(moving, limits={"per_minute": 1, "surplus": "delay"})


def test_a_sender_that_breaks_off_frees_its_place(play: Callable[..., None], tmp_path: Path) -> None:
    """A connection that ends inside the content leaves no sender, no message and no file."""

    async def story(house: House) -> None:
        client = await house.client()
        await client.begin()
        client.writer.write(b"x" * 200_000)
        await _until(lambda: len(list(tmp_path.glob("draft-*"))) == 1)
        client.writer.transport.abort()
        await _until(lambda: house.scan.n_sending == 0)
        assert (0, []) == (house.record.n_accepted, list(tmp_path.glob("draft-*")))

    play(story)


def test_rset_forgets_the_transaction(play: Callable[..., None]) -> None:
    """After RSET the recipients of before are forgotten."""

    async def story(house: House) -> None:
        client = await house.client()
        await client.say("MAIL FROM:<scan@contoso.com>")
        await client.say("RCPT TO:<first@b.example>")
        await client.say("RSET")
        assert (await client.send()).startswith("250")
        assert [("a@b.example",)] == [one.recipients for one in house.record.messages()]

    play(story)


def test_pipelined_commands(play: Callable[..., None]) -> None:
    """Commands in one write are answered in their order, the refused one among them."""

    async def story(house: House) -> None:
        client = await house.client()
        client.writer.write(
            b"MAIL FROM:<scan@contoso.com>\r\nRCPT TO:<a@gone.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
        )
        answers = [(await client.reply())[:3] for _ in range(4)]
        assert (["250", "550", "250", "354"], "250") == (answers, (await client.say(CONTENT))[:3])

    play(story, tenant={"unknown_recipients": ("gone.example",)})


def test_more_than_exchange_takes_is_not_kept(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Content above the advertised size is read to its end, refused, and not written to the disk."""
    monkeypatch.setattr("relay365.emulator.texts.ADVERTISED_OCTETS", 300_000)

    async def story(house: House) -> None:
        client = await house.client()
        await client.begin()
        for _ in range(100):
            client.writer.write((b"x" * 70 + b"\r\n") * 500)
            await client.writer.drain()
        on_disk = sum(one.stat().st_size for one in tmp_path.glob("*.eml"))
        assert (await client.say("\r\n."))[:9] == "552 5.3.4"
        assert on_disk <= 300_000

    play(story, limits={"send_octets": 300_000})


def test_an_answer_that_never_comes_holds_up_no_other(play: Callable[..., None]) -> None:
    """With commands in one write only DATA stays without an answer: what came before it has its own (RFC 2920 3.2)."""

    async def story(house: House) -> None:
        house.moods.add({"name": "hang", "at": "data"})
        client = await house.client()
        client.writer.write(b"MAIL FROM:<scan@contoso.com>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n")
        replies = [await asyncio.wait_for(client.reply(), 10) for _ in range(2)]
        assert ["250", "250"] == [reply[:3] for reply in replies]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reply(), 0.3)
        client.writer.close()

    play(story)


def test_exchange_does_not_know_the_marks_of_the_relay(play: Callable[..., None]) -> None:
    """The machine is shared, its words are; marks are for `relay365 explain`, and no server of Microsoft says one."""

    async def story(house: House) -> None:
        client = await house.client()
        said = [
            await client.say(line) for line in ("XYZZY", "RCPT TO:<a@b.example>", "MAIL FROM:a b", "RSET now")
        ]
        client.writer.close()

        assert ["5", "5", "5", "2"] == [one[:1] for one in said]
        assert [] == [one for one in said if one.endswith(")")]

    play(story)
