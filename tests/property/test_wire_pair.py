"""The pair law: our client and our server on one wire, the wire cut behind every octet, in both directions.

    delivered  implies  accepted
    accepted   implies  delivered or uncertain
    deferred   implies  not accepted

and what was accepted is the content that was sent, octet for octet. The quick tier cuts behind every octet for three
ways of slicing the writes; RELAY365_LONG=1 in the environment lives through all ways, messages and moods of the house.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from relay365.mail.envelope import Envelope, ForwardPath
from relay365.smtp.client import ClientSession, ReplyReceived, Step
from transcript.house import House
from transcript.machine import MachineHost
from transcript.script import parse

IS_LONG = os.environ.get("RELAY365_LONG") == "1"
SLICES = [(1, 1), (7, 7), (1000, 1000)]
if IS_LONG:
    SLICES += [(1, 1000), (1000, 1), (2, 3), (3, 2), (5, 13), (13, 5), (34, 21)]
CONTENTS = (b"Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n", b"", b".\r\n", b"no end\r\n.") if IS_LONG else (
    b"Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n",
)  # fmt: skip
MOODS = ("", "? dot 451 4.3.0 Not now", "? data 452 4.3.1 No room", "? rcpt 550 5.1.1 No")
ENVELOPE = Envelope("a@corp.test", (ForwardPath("b@else.test"), ForwardPath("c@else.test")))


@dataclass(frozen=True)
class Way:
    """One way to live: how the writes are sliced, what is said ahead, what is sent, how the house is."""

    client_slice: int
    server_slice: int
    pipelined: bool
    content: bytes
    mood: str = ""


@dataclass
class Fate:
    """What the client believes, what the server holds, and how many octets went each way."""

    kind: str
    accepted: list[bytes]
    n_to_server: int = 0
    n_to_client: int = 0


class Client:
    """The shortest host of a client machine: one message."""

    def __init__(self, way: Way) -> None:
        self.machine = ClientSession()
        self.kind = ""
        self._way = way
        self._n_paths = 0
        self._refused = 0

    def hear(self) -> None:
        """Take the replies that have come."""
        while isinstance(event := self.machine.next_event(), ReplyReceived):
            self._take(event)

    def end(self) -> str:
        """What became of the message, now that no more will come."""
        return self.kind or ("uncertain" if self.machine.past_the_dot else "deferred")

    def _take(self, event: ReplyReceived) -> None:
        machine, is_yes = self.machine, event.reply.is_positive
        match event.step:
            case Step.GREETING:
                machine.ehlo("client.test")
            case Step.EHLO:
                machine.mail(ENVELOPE, len(self._way.content))
                if self._way.pipelined:
                    self._say_paths()
                    machine.data()
            case Step.MAIL:
                if not self._way.pipelined:
                    self._say_paths()
            case Step.RCPT:
                self._refused += not is_yes
                self._n_paths -= 1
                if not self._way.pipelined and not self._n_paths:
                    machine.data()
            case Step.DATA:
                self._send_content() if is_yes else machine.quit()
            case Step.DOT:
                self.kind = "delivered" if is_yes else "deferred"
                machine.quit()

    def _say_paths(self) -> None:
        for path in ENVELOPE.forward_paths:
            self.machine.rcpt(path)
        self._n_paths = len(ENVELOPE.forward_paths)

    def _send_content(self) -> None:
        for n in range(0, len(self._way.content), 4):
            self.machine.content(self._way.content[n : n + 4])
        self.machine.end_content()


def live(way: Way, *, cut_to_server: int = 10**9, cut_to_client: int = 10**9) -> Fate:
    """One connection that ends when one direction has carried so many octets."""
    client = Client(way)
    house = House(parse("pair", f"# A house.   RFC 5321 4\n{way.mood}\n=> nothing\n", "C"))
    server = MachineHost(house)
    fate = Fate("", [])
    reply_octets = server.machine.octets_to_send()
    while True:
        sent = client.machine.octets_to_send(way.client_slice)
        carried = sent[: cut_to_server - fate.n_to_server]
        server.machine.receive(carried)
        server.pump()
        fate.n_to_server += len(carried)
        reply_octets += server.machine.octets_to_send()
        heard = reply_octets[: min(way.server_slice, cut_to_client - fate.n_to_client)]
        if len(carried) < len(sent) or fate.n_to_server >= cut_to_server or (reply_octets and not heard):
            break
        reply_octets = reply_octets[len(heard) :]
        client.machine.receive(heard)
        client.hear()
        fate.n_to_client += len(heard)
        if not sent and not heard:
            break
    server.machine.receive_eof()
    server.pump()
    fate.kind, fate.accepted = client.end(), [one.content for one in server.accepted]
    return fate


def lives(way: Way) -> Iterator[Fate]:
    """All lives of one way: whole, and cut behind every octet."""
    whole = live(way)
    yield whole
    for n in range(whole.n_to_server + 1):
        yield live(way, cut_to_server=n)
    for n in range(whole.n_to_client + 1):
        yield live(way, cut_to_client=n)


def broken_laws(way: Way) -> list[Fate]:
    """The lives that break the law; none may."""
    end = b"" if way.content == b"" or way.content.endswith(b"\r\n") else b"\r\n"
    right = [way.content + end]
    return [
        fate
        for fate in lives(way)
        if (fate.kind == "delivered" and not fate.accepted)
        or (fate.accepted and fate.kind not in ("delivered", "uncertain"))
        or (fate.accepted and fate.accepted != right)
    ]


WAYS = [
    Way(client_slice, server_slice, pipelined, content, mood)
    for client_slice, server_slice in SLICES
    for pipelined in (True, False)
    for content in CONTENTS
    for mood in (MOODS if IS_LONG else ("",))
]


@pytest.mark.parametrize(
    "way", WAYS, ids=lambda way: "-".join(map(str, vars(way).values())).replace("\r\n", "/")
)
def test_no_cut_breaks_the_law(way: Way) -> None:
    """Wherever the wire is cut, no message is lost between client and server, and none is doubled unknowingly."""
    assert [] == broken_laws(way)


@pytest.mark.parametrize("mood", MOODS)
def test_a_whole_life_ends_as_the_house_says(mood: str) -> None:
    """Uncut, the message is delivered, or deferred where the house refuses: the law is not kept by doing nothing."""
    fate = live(Way(7, 7, True, CONTENTS[0], mood))

    assert ("delivered" if mood in ("", MOODS[3]) else "deferred") == fate.kind
    assert ([CONTENTS[0]] if mood in ("", MOODS[3]) else []) == fate.accepted


def test_uncertain_is_said_exactly_when_it_is() -> None:
    """Octet by octet the border is exact: uncertain if and only if the server has it and the reply was not heard."""
    for fate in lives(Way(1, 1, True, CONTENTS[0])):
        assert (fate.kind == "uncertain") == (bool(fate.accepted) and fate.kind != "delivered")
