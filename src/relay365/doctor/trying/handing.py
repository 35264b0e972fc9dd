"""The first leg: a test message handed in at one of our listeners, exactly as a device would.

TLS is used where it is offered, and the certificate is not judged, because most devices do not; `doctor` judges it.
(RFC 5321 3.3; RFC 3207; RFC 4954; HAProxy, "The PROXY protocol", for another address)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial

from relay365.doctor.lan.listeners import Gate
from relay365.doctor.probing.versions import open_context
from relay365.doctor.trying.letter import Letter
from relay365.doctor.trying.quirks import Quirk, bend_of, spoiled
from relay365.doctor.wire.talk import Entry, Talk
from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.status import Reply
from relay365.smtp.client import ClientSession, Step

HELO = "send-test.relay365.example"

_QUEUED = re.compile(r"queued as ([0-9A-Z]{6,13})\b")


@dataclass(frozen=True, slots=True)
class Approach:
    """How the device comes. source: its own address; header: a proxy's line that names another one; login: for AUTH."""

    gate: Gate
    source: str = ""
    header: bytes = b""
    login: str = ""
    password: str = field(default="", repr=False)
    quirks: tuple[Quirk, ...] = ()


@dataclass(slots=True)
class Handed:
    """What became of it.

    stage: where it was refused, "" where it was taken; reply: the last words; spool_id: its name in the queue.
    """

    entries: list[Entry] = field(default_factory=list)
    stage: str = ""
    reply: str = ""
    spool_id: str = ""
    took_s: float = 0.0
    n_refused: int = 0


class _Refused(Exception):
    """The listener said no."""

    def __init__(self, stage: str, reply: Reply) -> None:
        self.stage, self.reply = stage, reply
        super().__init__(f"{stage}: {reply}")


async def hand_in(approach: Approach, letter: Letter, sender: str, recipients: tuple[str, ...]) -> Handed:
    """One conversation. Raises TransportError where nobody is there; a broken one is told as what it was."""
    quirks = list(approach.quirks)
    talk, handed = Talk(bend_of(quirks)), Handed()
    handed.entries = talk.entries
    try:
        await _greet(talk, approach)
        await _log_in(talk, approach)
        reply = await _transaction(talk, spoiled(letter.content, quirks), sender, recipients, handed)
        handed.reply = str(reply)
        found = _QUEUED.search(handed.reply)
        handed.spool_id = found[1] if found else ""
    except _Refused as no:
        handed.stage, handed.reply = no.stage, str(no.reply)
    except RemoteProtocolError as error:
        handed.stage, handed.reply = "protocol", str(error)
    except TransportError as error:
        if error.phase in ("resolve", "connect"):
            raise
        handed.stage, handed.reply = error.phase, str(error)
    finally:
        handed.took_s = talk.at_s
        await talk.close()
    return handed


async def _greet(talk: Talk, approach: Approach) -> None:
    host, port = approach.gate.place
    at_once = approach.gate.table.tls == "implicit"
    await talk.connect(host, port, tls=open_context() if at_once else None, source=approach.source)
    if approach.header:
        await talk.write(approach.header)
    _must("greeting", await talk.greeting())
    _must("EHLO", await talk.ask(Step.EHLO, lambda machine: machine.ehlo(HELO)))
    if not at_once and talk.machine.offers("STARTTLS"):
        _must("STARTTLS", await talk.ask(Step.STARTTLS, ClientSession.starttls))
        await talk.secure(open_context(), host)
        _must("EHLO", await talk.ask(Step.EHLO, lambda machine: machine.ehlo(HELO)))


async def _log_in(talk: Talk, approach: Approach) -> None:
    if not approach.login:
        return
    name, password = approach.login, approach.password
    if talk.machine.offers_auth("PLAIN"):
        _must("AUTH", await talk.ask(Step.AUTH, lambda machine: machine.auth_plain(name, password)))
    else:
        _must("AUTH", await talk.ask(Step.AUTH, lambda machine: machine.auth_login(name, password)))


async def _transaction(
    talk: Talk, content: bytes, sender: str, recipients: tuple[str, ...], handed: Handed
) -> Reply:
    paths = tuple(ForwardPath(one) for one in recipients)
    envelope = Envelope(sender, paths)
    _must("MAIL", await talk.ask(Step.MAIL, lambda machine: machine.mail(envelope, len(content))))
    replies = [await talk.ask(Step.RCPT, partial(ClientSession.rcpt, path=path)) for path in paths]
    handed.n_refused = sum(not reply.is_positive for reply in replies)
    if handed.n_refused == len(replies):
        raise _Refused("RCPT", replies[0])
    data = await talk.ask(Step.DATA, ClientSession.data)
    if data.code != 354:
        raise _Refused("DATA", data)
    reply = await talk.content(content)
    _must("final dot", reply)
    return reply


def _must(stage: str, reply: Reply) -> None:
    if not reply.is_positive:
        raise _Refused(stage, reply)
