"""Plays a server transcript against the machine alone, its octets cut in any way."""

from __future__ import annotations

from collections.abc import Callable

from relay365.engine.reception import RECIPIENT_OK, SENDER_OK
from relay365.engine.session import NOT_READABLE, NOT_SIGNED_IN, SIGNED_IN
from relay365.engine.taking import GO_AHEAD
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.status import Reply
from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentBlock,
    ContentEnded,
    DataAsked,
    MailGiven,
    RcptGiven,
    SessionEnded,
    Signal,
    TransactionReset,
    XclientGiven,
)
from relay365.smtp.server import ServerSession
from transcript.cuts import singly
from transcript.house import Accepted, House, check_accepted
from transcript.script import Block, Script, check_replies

Cut = Callable[[Block], list[bytes]]


def whole(block: Block) -> list[bytes]:
    """Each write as it stands."""
    return [block.octets]


def lines(block: Block) -> list[bytes]:
    """Each line as a write of its own."""
    return block.pieces


def octets(block: Block) -> list[bytes]:
    """Each octet as a write of its own."""
    return singly(block.octets)


class MachineHost:
    """A host without disk and socket: it answers as the house says and remembers what it accepted."""

    def __init__(self, house: House, peer: str = "[127.0.0.1]") -> None:
        self.machine = ServerSession(house.offers, house.limits, peer=peer)
        self.accepted: list[Accepted] = []
        self.ended = ""
        self._house = house
        self._given = MailGiven("")
        self._paths: list[ForwardPath] = []
        self._content = bytearray()
        if house.connect is None:
            self.machine.greet()
        else:
            self.machine.refuse(house.connect)

    def pump(self) -> None:
        """Take all events that there are."""
        while not isinstance(event := self.machine.next_event(), Signal):
            self._take(event)

    def _take(self, event: object) -> None:
        match event:
            case MailGiven():
                self._given, self._paths = event, []
                self.machine.answer(self._house.answer("mail") or SENDER_OK)
            case RcptGiven(path=path):
                refusal = self._house.answer("rcpt")
                self._paths += [path] * (refusal is None)
                self.machine.answer(refusal or RECIPIENT_OK)
            case DataAsked():
                self._content.clear()
                self.machine.answer(self._house.answer("data") or GO_AHEAD)
            case ContentBlock(octets=block):
                self._content += block
            case ContentEnded(size_octets=size):
                assert size == len(self._content)
                self.machine.answer(self._house.answer("dot") or self._accept())
            case AuthGiven():
                self._sign_in(event)
            case AuthMalformed():
                self.machine.answer(NOT_READABLE)
            case XclientGiven():
                self.machine.answer(SENDER_OK)
            case TransactionReset():
                self._content.clear()
            case SessionEnded(reason=reason):
                self.ended = reason

    def _sign_in(self, event: AuthGiven) -> None:
        is_open = not event.identity and not event.secret and self._house.takes_empty_login
        is_right = is_open or self._house.is_right(event.identity, event.secret)
        self.machine.answer(SIGNED_IN if is_right else NOT_SIGNED_IN)

    def _accept(self) -> Reply:
        given, machine = self._given, self.machine
        envelope = Envelope(
            given.reverse_path, tuple(self._paths), given.body, given.smtputf8, given.ret, given.envid
        )
        content = self._content.replace(b"\0", b"")  # as the engine does where no part is encoded
        self.accepted.append(Accepted(envelope, bytes(content), machine.helo, machine.identity))
        return Reply.of(250, "2.6.0", f"queued as {len(self.accepted)}")


def _happen(script: Script, host: MachineHost, event: str) -> None:
    if event == "tls":
        assert Signal.NEED_TLS is host.machine.next_event(), script.name
        host.machine.tls_started("TLSv1.3 test")
    elif event:
        assert event in ("eof", "gone"), event
        host.machine.receive_eof()
    host.pump()


def play(script: Script, cut: Cut, *, merge: bool = False) -> MachineHost:
    """Play it; every reply is checked where the script has it (merged: at the events)."""
    host = MachineHost(House(script))
    host.pump()
    blocks = script.merged() if merge else script.blocks
    said, expected = b"", []
    for block, following in zip(blocks, [*blocks[1:], Block()], strict=True):
        _happen(script, host, block.event)
        for piece in cut(block):
            host.machine.receive(piece)
            host.pump()
        said += host.machine.octets_to_send()
        expected += block.expected
        if following.event != "eof":  # whoever closes its side at once reads afterwards
            check_replies(script, expected, said)
            said, expected = b"", []
    host.machine.receive_eof()
    host.pump()
    check_replies(script, [], host.machine.octets_to_send())
    check_accepted(script, host.accepted)
    return host
