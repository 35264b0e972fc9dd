"""A visit: one conversation with the remote of a road, step by step, each step a question of its own.

The destination, the certificate that we show, the roots that we trust and the sign-in are those of the relay itself
(routes.wire), so that what is found here is what mail would find. Nothing is sent: the transaction ends in RSET.
(RFC 5321 3.3; RFC 3207; RFC 4954)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field, replace

from relay365.doctor.finding import Finding, bad, good, unknown, warn
from relay365.doctor.probing.versions import open_context
from relay365.doctor.upstream.distrust import distrusted
from relay365.doctor.upstream.reading import of_outcome, of_reply, of_token
from relay365.doctor.wire.shown import read
from relay365.doctor.wire.talk import CONNECT_S, Talk
from relay365.errors import RemoteProtocolError, TokenRefused, TransportError
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.outcome import Scope
from relay365.mail.status import Reply
from relay365.routes.classify import outcome_of
from relay365.routes.wire.line import UNKNOWN
from relay365.routes.wire.remote import CannotOpen, Remote, held
from relay365.routes.wire.route import WireRoute
from relay365.smtp.client import ClientSession, Step

OUTSIDE = "postmaster@example.com"  # a recipient that no tenant has (RFC 2606); RSET comes before any content
MOST_ADDRESSES = 6

_WHO_BLOCKS = {
    25: (
        "many providers and Azure block port 25 outwards",
        "ask the provider to open port 25, or take another route",
    ),
    587: ("a firewall blocks port 587 outwards", "open port 587 outwards to smtp.office365.com"),
}


@dataclass(slots=True)
class Visit:
    """One road of one mailbox. sender, recipient: for the transaction that is not carried out."""

    route: WireRoute
    sender: str = ""
    recipient: str = ""
    remote: Remote | None = None
    addresses: tuple[str, ...] = ()
    talk: Talk = field(default_factory=Talk)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def seen_as(self) -> str:
        """Our address as the remote said it in its answer to EHLO ("Hello [203.0.113.7]"), or ""."""
        for entry in self.talk.entries:
            hello, found, rest = entry.text.partition(" Hello [")
            if found and entry.side == "server" and hello.startswith("250"):
                return rest.partition("]")[0]
        return ""

    @property
    def where(self) -> str:
        """Host and port of the remote, as far as it is known."""
        return f"{self.remote.host}:{self.remote.port}" if self.remote is not None else "the remote"

    async def find(self) -> Finding:
        """Where it leads: the host by file, DNS or Graph, and its addresses."""
        try:
            self.remote = await self.route.wire.destination.find()
        except CannotOpen as no:
            return of_outcome(
                "the host of this route is not known", no.outcome, self.route.kind, no.outcome.reply_text
            )
        except TokenRefused as refused:
            return of_token("Graph cannot be asked for the host", refused, self.route.kind)
        except TransportError as error:
            why = "nobody answers; that does not mean that there is none"
            return unknown(
                "the host of this route cannot be looked up", why, "check the name server", str(error)
            )
        family = socket.AF_INET if self.remote.source else socket.AF_UNSPEC
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.remote.host, self.remote.port, family=family, type=socket.SOCK_STREAM
            )
        except (socket.gaierror, UnicodeError) as error:
            why = "DNS does not know it, or this machine has no working name server"
            do = f"check the spelling in the route, and: nslookup {self.remote.host}"
            return bad(f"{self.remote.host} has no address", why, do, str(getattr(error, "strerror", error)))
        self.addresses = tuple(dict.fromkeys(str(one[4][0]) for one in found))
        return good(f"{self.where} is {', '.join(self.addresses[:4])}")

    async def reach(self) -> Finding:
        """Whether the port is open at each of its addresses."""
        remote = self._remote()
        tried = self.addresses[:MOST_ADDRESSES]
        errors = await asyncio.gather(*(self._touch(address, remote) for address in tried))
        closed = [f"{address}: {error}" for address, error in zip(tried, errors, strict=True) if error]
        if len(closed) == len(tried):
            why, do = _WHO_BLOCKS.get(
                remote.port,
                ("nobody listens there, or a firewall is between", "check host and port in the route"),
            )
            return bad(f"{self.where} cannot be reached", why, do, closed[0])
        if closed:
            why = "mail goes by the others; a firewall may know only some of Microsoft's addresses"
            return warn(
                f"{len(tried) - len(closed)} of {len(tried)} addresses of {remote.host} answer",
                why,
                "allow the whole range of Microsoft's addresses",
                closed[0],
            )
        return good(
            f"port {remote.port} is open: {len(tried)} of {len(tried)} addresses of {remote.host} answer"
        )

    async def _touch(self, address: str, remote: Remote) -> str:
        local = {"local_addr": (remote.source, 0)} if remote.source else {}
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(address, remote.port, **local)  # type: ignore[arg-type]
        except TimeoutError:
            return f"no answer within {CONNECT_S:.0f} s"
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return ""

    async def greet(self) -> Finding:
        """Greeting and EHLO; with implicit TLS the handshake, too."""
        remote = self._remote()
        tls = remote.context if remote.tls == "implicit" else None
        try:
            await self.talk.connect(remote.host, remote.port, tls=tls, source=remote.source)
            greeting = await self.talk.greeting()
            if not greeting.is_positive:
                return self._unwelcome(greeting)
            return await self._hello(remote, greeting)
        except TransportError as error:
            if error.phase == "tls":
                return await self._distrusted(error)
            why = "a firewall or a scanner of mail stands in between, or it is overloaded"
            return unknown(
                f"{self.where} accepts the connection and says nothing",
                why,
                f"relay365 probe {self.where}",
                str(error),
            )
        except RemoteProtocolError as error:
            why = "another service listens there, or a firewall answers for it"
            return bad(f"{self.where} is no mail server", why, "check host and port in the route", str(error))

    async def _hello(self, remote: Remote, greeting: Reply) -> Finding:
        """EHLO, and HELO where the relay would say it: see routes.wire.line."""
        reply = await self.talk.ask(Step.EHLO, lambda machine: machine.ehlo(remote.helo))
        if reply.is_positive:
            return good(f"{self.where} greets as {greeting.text.split(' ')[0]}", str(greeting))
        if reply.code not in UNKNOWN:
            return self._refused(f"EHLO {remote.helo}", reply)
        if remote.tls == "required" or self.route.wire.sign_in is not None:
            lacks = held("no-ehlo", str(reply)).outcome
            return of_outcome(f"{self.where} does not know EHLO", lacks, self.route.kind, str(reply))
        reply = await self.talk.ask(Step.HELO, lambda machine: machine.helo(remote.helo))
        if not reply.is_positive:
            return self._refused(f"HELO {remote.helo}", reply)
        what = f"{self.where} does not know EHLO: it is greeted with HELO, as the relay does it"
        why = (
            "it is older than EHLO, or a firewall that inspects SMTP answers for it; mail goes to it in clear"
        )
        return warn(
            what, why, "nothing where it is your own and near; else update it, or the firewall", str(reply)
        )

    def _refused(self, what: str, reply: Reply) -> Finding:
        outcome = outcome_of(reply, "connect")
        known = outcome if outcome.row else replace(outcome, row="hello-refused")
        return of_outcome(f"{self.where} refuses our {what}", known, self.route.kind, str(reply))

    def _unwelcome(self, greeting: Reply) -> Finding:
        """421 passes; 554 says that there is no mail service for us (RFC 5321 3.1)."""
        what, outcome = f"{self.where} greets with a refusal", outcome_of(greeting, "connect")
        is_known = bool(outcome.row) and outcome.scope in (Scope.ROUTE, Scope.TENANT, Scope.MAILBOX)
        if greeting.is_temporary or is_known:
            return of_outcome(what, outcome, self.route.kind, str(greeting))
        why = "it takes no mail from us at all: our address or our network is not wanted there"
        return bad(what, why, "ask who runs it, with these words; or take another route", str(greeting))

    async def secure(self) -> Finding:
        """STARTTLS, the handshake, and the certificate; verified as the relay verifies it."""
        remote = self._remote()
        if not self.talk.machine.offers("STARTTLS"):
            return self._no_starttls(remote)
        if remote.context is None:
            return bad("no TLS is configured", "tls is none", 'set tls = "required" in the route')
        try:
            reply = await self.talk.ask(Step.STARTTLS, ClientSession.starttls)
            if reply.code != 220:
                return of_reply(
                    f"{self.where} offers STARTTLS and refuses it", reply, "connect", self.route.kind
                )
            await self.talk.secure(remote.context, remote.host)
            await self.talk.ask(Step.EHLO, lambda machine: machine.ehlo(remote.helo))
        except TransportError as error:
            return await self._distrusted(error)
        except RemoteProtocolError as error:
            why = "what came is no SMTP: somebody may be between"
            return bad(
                f"{self.where} breaks the protocol at STARTTLS",
                why,
                f"relay365 probe {self.where}",
                str(error),
            )
        return self._encrypted()

    def _no_starttls(self, remote: Remote) -> Finding:
        if remote.tls == "opportunistic":
            why = 'the route has tls = "opportunistic": mail goes in clear'
            return warn(f"{self.where} offers no STARTTLS", why, "use a remote that offers it")
        why = 'a firewall takes STARTTLS out of the answer (Cisco: "inspect esmtp"), or the remote has none'
        return bad(
            f"{self.where} offers no STARTTLS",
            why,
            "switch the firewall's inspection of SMTP off for this way",
        )

    def _encrypted(self) -> Finding:
        shown = self.talk.shown
        one = read(shown.certificates) if shown is not None else None
        if shown is None or one is None:
            return unknown("no certificate was shown", "it cannot be read", f"relay365 probe {self.where}")
        words = f"{shown.version} {shown.cipher}, certificate {one.subject}, valid to {one.ends:%Y-%m-%d}"
        return good(words)

    async def _distrusted(self, error: TransportError) -> Finding:
        """A handshake that failed: look again without believing, to say what is there."""
        remote, said = self._remote(), str(error).removeprefix("tls: ")
        look = Talk()
        at_once = open_context() if remote.tls == "implicit" else None
        with contextlib.suppress(TransportError, RemoteProtocolError):
            await look.connect(remote.host, remote.port, tls=at_once, source=remote.source)
            await look.greeting()
            await look.ask(Step.EHLO, lambda machine: machine.ehlo(remote.helo))
            if look.shown is None:
                await look.ask(Step.STARTTLS, ClientSession.starttls)
                await look.secure(open_context(), remote.host)
        await look.close()
        return distrusted(self.where, remote.host, look.shown, said)

    async def sign_in(self) -> Finding:
        """AUTH as the relay does it."""
        sign_in = self.route.wire.sign_in
        if sign_in is None:
            return good("no login is configured")
        try:
            await sign_in.begin(self.talk.machine)
            reply = await self.talk.answered(Step.AUTH)
        except CannotOpen as no:
            return of_outcome(
                f"{self.where} takes no such login", no.outcome, self.route.kind, no.outcome.reply_text
            )
        except TokenRefused as refused:
            return of_token("there is no token", refused, self.route.kind)
        except (TransportError, RemoteProtocolError) as error:
            return unknown(
                f"{self.where} did not answer the login", "the connection broke", "ask again", str(error)
            )
        if not reply.is_positive:
            sign_in.refused()
            return of_reply(
                f"the login as {self.route.mailbox or self.sender} is refused", reply, "auth", self.route.kind
            )
        return good(f"the login as {self.route.mailbox or 'the account'} is taken", str(reply))

    async def offer(self, sender: str = "") -> Finding:
        """MAIL, RCPT and RSET: may we send from there? Exchange judges Send As finally at the end of a content.

        sender: another one than the visit's own.
        """
        async with self.turn:
            return await self._offered(sender or self.sender, ForwardPath(self.recipient))

    async def _offered(self, sender: str, path: ForwardPath) -> Finding:
        envelope = Envelope(sender, (path,))
        mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{self.recipient}>"
        try:
            reply = await self.talk.ask(Step.MAIL, lambda machine: machine.mail(envelope, 1000))
            if not reply.is_positive:
                return of_reply(f"{mail} is refused", reply, "mail", self.route.kind)
            reply = await self.talk.ask(Step.RCPT, lambda machine: machine.rcpt(path))
            await self.talk.ask(Step.RSET, ClientSession.rset)
        except (TransportError, RemoteProtocolError) as error:
            what = f"{self.where} did not answer MAIL or RCPT"
            return unknown(what, "the connection broke", "ask again", str(error))
        if not reply.is_positive:
            return of_reply(f"{rcpt} is refused to <{sender}>", reply, "rcpt", self.route.kind)
        words = f"<{sender}> may send to <{self.recipient}>, as far as MAIL and RCPT tell; nothing was sent"
        return good(words, str(reply))

    async def close(self) -> None:
        """End the conversation."""
        await self.talk.close()

    def _remote(self) -> Remote:
        if self.remote is None:
            raise RuntimeError("find() comes first")
        return self.remote
