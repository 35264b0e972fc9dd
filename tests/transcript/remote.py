"""Plays a client transcript: our line, over a socket on loopback, against a remote that says what is written."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
from relay365.routes.api import Consignment
from relay365.routes.classify import outcome_of
from relay365.routes.wire.line import Line
from relay365.routes.wire.remote import CannotOpen, Remote, SignIn, StepRefused
from relay365.routes.wire.sign_in import TokenSignIn
from relay365.smtp.client import ClientSession
from transcript.live import Tls
from transcript.script import Block, Script, pairs_of, raw

ANSWER_S = 10.0


@dataclass
class Letter:
    """A content in memory, or one that comes in blocks."""

    whole: bytes
    in_blocks: bool = False

    @property
    def size_octets(self) -> int:
        return len(self.whole)

    def octets(self) -> bytes | None:
        return None if self.in_blocks else self.whole

    async def blocks(self) -> AsyncIterator[bytes]:
        for n in range(0, len(self.whole), 7):
            yield self.whole[n : n + 7]


class ScriptedSignIn:
    """A sign-in of any mechanism; `? sign-in MECHANISM USER SECRET`."""

    def __init__(self, words: list[str]) -> None:
        self._mechanism, self._user, self._secret = words

    async def begin(self, machine: ClientSession) -> None:
        match self._mechanism:
            case "xoauth2" | "xoauth2-two-steps":
                machine.auth_xoauth2(self._user, self._secret, one_step=self._mechanism == "xoauth2")
            case "login":
                machine.auth_login(self._user, self._secret)
            case "plain":
                machine.auth_plain(self._user, self._secret)

    def refused(self) -> None:
        """Nothing is cached."""


class ScriptedRemote:
    """The remote: blocks are written, what our line says is compared. It runs in a thread of its own."""

    def __init__(self, script: Script, tls: Tls, *, octet_by_octet: bool) -> None:
        self._script, self._tls, self._step = script, tls, 1_000_000
        if octet_by_octet and "whole" not in script.words("writes"):
            self._step = 1
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(ANSWER_S)
        self.port = self._listening.getsockname()[1]

    def run(self) -> None:
        """One connection, to its end."""
        with self._listening:
            self._socket, _ = self._listening.accept()
        self._socket.settimeout(ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard = self._socket.makefile("rb")
        try:
            self._play()
        finally:  # what was not said as written must not be told by a later test
            self._close()

    def _play(self) -> None:
        for block in self._script.blocks:
            if not self._do(block.event):
                return
            with contextlib.suppress(ConnectionError):
                for n in range(0, len(block.octets), self._step):
                    self._socket.sendall(block.octets[n : n + self._step])
            self._check_heard(block)
        rest = b""
        with contextlib.suppress(OSError):
            rest = self._heard.read()
        self._close()
        assert b"" == rest, self._script.name

    def _do(self, event: str) -> bool:
        """Make an event happen; False when the connection is over with it."""
        if event == "tls":
            try:
                self._socket = self._tls.server.wrap_socket(self._socket, server_side=True)
            except OSError:  # our line did not like what it saw
                self._close()
                return False
            self._heard = self._socket.makefile("rb")
        elif event == "eof":
            self._close()
        elif event == "gone":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._close()
        return event not in ("eof", "gone")

    def _check_heard(self, block: Block) -> None:
        wanted = b"".join(octets for _, octets in block.expected)
        assert wanted == self._heard.read(len(wanted)), self._script.name

    def _close(self) -> None:
        self._heard.close()
        self._socket.close()


def play(script: Script, tls: Tls, *, octet_by_octet: bool) -> None:
    """Play it; everything that our line says, and every outcome, is compared."""
    remote = ScriptedRemote(script, tls, octet_by_octet=octet_by_octet)
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(remote.run)
        outcomes = asyncio.run(_outcomes(script, remote.port, tls))
        playing.result(ANSWER_S)
    wanted = [f"{end.word} {end.text}".rstrip() for end in script.ends]
    shown = [text[: len(want)] for want, text in zip(wanted, outcomes, strict=False)]
    assert wanted == shown + outcomes[len(wanted) :], script.name


async def _outcomes(script: Script, port: int, tls: Tls) -> list[str]:
    line = Line(outcome_of)
    mode = (script.words("tls") or ["none"])[0]
    words = script.words("sign-in")
    sign_in: SignIn | None = ScriptedSignIn(words) if words else None
    if words[:1] == ["own"]:  # the route's own, which looks at what is offered
        sign_in = TokenSignIn(words[1], _token_of(words[2]), lambda: None)
    untrusting = ssl.create_default_context()  # knows no root of ours
    context = untrusting if "untrusted" in script.words("tls") else tls.client
    try:
        async with asyncio.timeout(ANSWER_S):
            await line.open(Remote("localhost", port, "relay.test", mode, context), sign_in)
            outcomes = [
                text for message in script.answers("message") for text in await _deliver(line, message)
            ]
            outcomes = outcomes or ["open"]
            outcomes += ["stale"] * line.has_news()
    except CannotOpen as no:
        outcomes = [f"held {no}"]
    except StepRefused as refused:
        outcomes = [f"refused {refused.step.value} {refused.reply}"]
    except (TransportError, RemoteProtocolError) as error:
        outcomes = [f"broken {error}"]
    await line.close()
    await _until_gone(line)
    return outcomes


async def _until_gone(line: Line) -> None:
    """The end of TLS takes its time: a connection that outlives its loop would be told by a later test."""
    loop = asyncio.get_running_loop()
    until = loop.time() + ANSWER_S
    while line._stream is not None and line._stream._transport is not None and loop.time() < until:
        await asyncio.sleep(0.001)
    for _ in range(3):  # one that was torn down is closed some steps later
        await asyncio.sleep(0)


def _token_of(text: str) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        return text

    return token


async def _deliver(line: Line, message: str) -> list[str]:
    if not line.is_usable:
        return ["unusable"]
    pairs = pairs_of(message)
    paths = tuple(ForwardPath(address) for address in pairs["to"].strip("<>").split(">,<"))
    envelope = Envelope(
        pairs["from"].strip("<>"), paths, pairs.get("body", "7BIT"), pairs.get("smtputf8") == "yes",
        pairs.get("ret", ""), pairs.get("envid", ""),
    )  # fmt: skip
    content = Letter(raw(f'"{pairs["content"]}"'), in_blocks=pairs.get("blocks") == "yes")
    outcomes = await line.deliver(Consignment(SpoolId("T1"), envelope, content))
    return [f"{outcome.kind.value} {outcome.reply_text}" for outcome in outcomes]
