"""The server side of SMTP as a machine: octets in, events out; replies in, octets out. No socket, no clock.

Pull it: receive() only stores, next_event() reads as far as it may. Under PIPELINING it must not read command two
before command one is judged, so an event that waits for answer() yields Signal.NEED_REPLY until it has it. The
machine answers by itself what needs no judgement (greeting, EHLO list, 500, 503, NOOP, RSET, QUIT) into its out-box.
It never raises for what the peer does; LocalProtocolError means that *we* misused it.
(RFC 5321 4; RFC 2920 pipelining; RFC 3207 STARTTLS; RFC 4954 AUTH; RFC 1870 SIZE; RFC 2034 enhanced codes)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from relay365.errors import LocalProtocolError
from relay365.mail.status import Reply
from relay365.smtp import grammar, sasl
from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentBlock,
    ContentEnded,
    ContentRefused,
    DataAsked,
    Event,
    HeloGiven,
    MailGiven,
    RcptGiven,
    SessionEnded,
    Signal,
    TransactionReset,
)
from relay365.smtp.framing import ContentDecoder, LineBuffer, OverlongLine
from relay365.smtp.states import ALLOWED, KNOWN, NEXT, WHY_NOT, Phase


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a peer may say. Seconds are for the host, which owns the clock.

    command_octets: RFC 5321 4.5.3.1.4 asks 512 plus extensions; Postfix takes 2,048, Exim 16,384, Exchange 4,096.
    sasl_octets: RFC 4954 4 asks 12,288.
    recipients: RFC 5321 4.5.3.1.8 asks at least 100; Postfix and Exchange Online take 1,000.
    errors: RFC 5321 4.3.2 allows 421 at any time; Postfix ends a session at 20.
    command_s: RFC 5321 4.5.3.2.7, at least five minutes; content_s between blocks of mail data.
    session_commands: commands without a message accepted between them, against endless NOOP (Postfix junk limit 100).
    """

    command_octets: int = 2048
    sasl_octets: int = 12288
    recipients: int = 1000
    errors: int = 20
    command_s: float = 300.0
    content_s: float = 300.0
    session_commands: int = 2000


@dataclass(frozen=True, slots=True)
class Phrases:
    """The texts that a server says by itself, without code and enhanced status. {host} and {peer} are filled in."""

    banner: str = "{host} ESMTP relay365"
    hello: str = "{host} greets {peer}"
    tls_ready: str = "Ready to start TLS"
    xoauth2_prompt: str = ""
    goodbye: str = "{host} closing connection"


@dataclass(frozen=True, slots=True)
class Offers:
    """What a server offers.

    extensions: EHLO keywords in their order; SIZE gets its number, STARTTLS and AUTH stand only where they may be
    used; an unknown keyword is said as it is.
    """

    hostname: str
    size_octets: int = 157_286_400
    starttls: bool = False
    mechanisms: tuple[str, ...] = ()
    auth_without_tls: bool = False
    extensions: tuple[str, ...] = (
        "PIPELINING",
        "SIZE",
        "STARTTLS",
        "AUTH",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "DSN",
    )
    phrases: Phrases = field(default_factory=Phrases)


_UNIMPLEMENTED = frozenset({"EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "XCLIENT", "XFORWARD"})
_FOREIGN = frozenset({"GET", "POST", "PUT", "CONNECT", "OPTIONS"})


class ServerSession:
    """One session of the server side. Attributes are read-only facts for the host."""

    def __init__(self, offers: Offers, limits: Limits, *, peer: str = "", tls: str = "") -> None:
        self.phase = Phase.FRESH
        self.helo = ""
        self.extended = False
        self.tls = tls
        self.identity = ""
        self.n_errors = 0
        self._offers, self._limits, self._peer = offers, limits, peer
        self._in = LineBuffer()
        self._out: list[bytes] = []
        self._events: deque[Event] = deque()
        self._pending: Event | None = None
        self._state = _Transaction()

    def __repr__(self) -> str:
        return f"<ServerSession {self._peer or '?'} {self.phase.value} helo={self.helo!r} errors={self.n_errors}>"

    # -- octets ---------------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> None:
        """Store octets; during a TLS handshake plain octets are dropped (RFC 3207 4.2, CVE-2011-0411)."""
        if self.phase not in (Phase.TLS, Phase.ENDED):
            self._in.feed(octets)

    def receive_eof(self) -> None:
        """The peer will send no more; what is half said is forgotten."""
        self._end("peer closed the connection")

    def octets_to_send(self) -> bytes:
        """Everything to write now, own replies and yours in order; the out-box is empty afterwards."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    @property
    def n_waiting_octets(self) -> int:
        """Octets received and not read yet, for back-pressure."""
        return len(self._in)

    # -- what the host says ---------------------------------------------------------------------------------

    def greet(self) -> None:
        """Say the banner."""
        self._say(Reply.of(220, "", self._phrase(self._offers.phrases.banner)))

    def refuse(self, reply: Reply) -> None:
        """Say a last reply (421, 554) and end the session; whatever was pending is dropped."""
        self._say(reply)
        self._end(str(reply))

    def answer(self, reply: Reply) -> None:
        """Answer the pending event; a positive answer moves the phase by the table."""
        event, self._pending = self._pending, None
        if event is None:
            raise LocalProtocolError("answer() without a pending event")
        self._say(reply)
        if reply.code == 421:
            self._end(str(reply))
            return
        self._settle(event, reply)
        if not reply.is_positive:
            self._count_error()

    def tls_started(self, facts: str) -> None:
        """The handshake is done: forget all that was said before (RFC 3207 4.2)."""
        if self.phase is not Phase.TLS:
            raise LocalProtocolError("tls_started() outside a handshake")
        self.phase = NEXT[Phase.TLS, "STARTTLS"]
        self.tls, self.helo, self.extended, self.identity = facts, "", False, ""
        self._in.forget()

    # -- what the peer said ---------------------------------------------------------------------------------

    def next_event(self) -> Event | Signal:
        """The next event, or why there is none."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._pending is not None:
                return Signal.NEED_REPLY
            if self.phase is Phase.TLS:
                return Signal.NEED_TLS
            if self.phase is Phase.CONTENT:
                if not len(self._in):
                    return Signal.NEED_OCTETS
                self._read_content()
            elif not self._read_line():
                return Signal.NEED_OCTETS

    def _read_line(self) -> bool:
        if self.phase is Phase.ENDED:
            return False
        in_sasl = self.phase is Phase.SASL
        try:
            line = self._in.take_line(self._limits.sasl_octets if in_sasl else self._limits.command_octets)
        except OverlongLine:
            self._fault(500, "5.5.2", "Line too long")
            if in_sasl:
                self.phase = Phase.READY
            return True
        if line is None:
            return False
        if in_sasl:
            self._read_sasl(line)
        else:
            self._read_command(line)
        return True

    def _read_command(self, line: bytes) -> None:
        self._state.n_commands += 1
        if self._state.n_commands > self._limits.session_commands:
            self.refuse(Reply.of(421, "4.7.0", "Too many commands without a message"))
            return
        try:
            command = grammar.parse_command(line)
            verb = command.verb
            if verb in ALLOWED[self.phase]:
                _VERBS[verb](self, command.argument)
            elif verb in KNOWN:
                self._fault(503, "5.5.1", WHY_NOT.get((self.phase, verb), "Bad sequence of commands"))
            else:
                self._unknown(verb)
        except grammar.GrammarError as error:
            self._fault_reply(error.reply)

    def _unknown(self, verb: str) -> None:
        if verb == "BDAT":  # not offered; what follows would be content read as commands
            self.refuse(Reply.of(502, "5.5.1", "CHUNKING is not offered"))
        elif verb in _FOREIGN:
            self.refuse(Reply.of(421, "4.7.0", "This is an SMTP service"))
        elif verb in _UNIMPLEMENTED:
            self._fault(502, "5.5.1", "Command not implemented")
        else:
            self._fault(500, "5.5.2", "Command not recognized")

    # -- commands; each is called only where ALLOWED says so --------------------------------------------------

    def _helo(self, argument: str) -> None:
        self._named(argument, extended=False)
        self._say(Reply.of(250, "", self._phrase(self._offers.phrases.hello)))

    def _ehlo(self, argument: str) -> None:
        self._named(argument, extended=True)
        lines = (self._phrase(self._offers.phrases.hello), *self._keywords())
        self._say(Reply(250, None, lines))

    def _named(self, argument: str, *, extended: bool) -> None:
        """Take the peer's name whatever it is; RFC 5321 4.1.4 forbids refusing mail for a wrong one."""
        self._reset("HELO")
        self.helo, self.extended = argument[:255], extended
        self._events.append(HeloGiven(self.helo, extended))

    def _mail(self, argument: str) -> None:
        event = grammar.parse_mail(argument)
        if event.size_octets > self._offers.size_octets:
            self._fault(552, "5.3.4", f"Message size exceeds the limit of {self._offers.size_octets} octets")
        elif not event.reverse_path.isascii() and not event.smtputf8:
            self._fault(553, "5.6.7", "Address is not ASCII; use SMTPUTF8")
        else:
            self._state.smtputf8 = event.smtputf8
            self._ask(event)

    def _rcpt(self, argument: str) -> None:
        event = grammar.parse_rcpt(argument)
        if self._state.n_recipients >= self._limits.recipients:
            self._fault(452, "4.5.3", "Too many recipients")
        elif not event.path.address.isascii() and not self._state.smtputf8:
            self._fault(553, "5.6.7", "Address is not ASCII; use SMTPUTF8")
        else:
            self._ask(event)

    def _data(self, argument: str) -> None:
        if argument:
            self._fault(501, "5.5.4", "DATA takes no argument")
        else:
            self._ask(DataAsked())

    def _rset(self, argument: str) -> None:
        self._reset("RSET")
        self._say(Reply.of(250, "2.0.0", "OK"))

    def _noop(self, argument: str) -> None:
        self._say(Reply.of(250, "2.0.0", "OK"))

    def _help(self, argument: str) -> None:
        self._say(
            Reply.of(
                214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS AUTH"
            )
        )

    def _vrfy(self, argument: str) -> None:
        self._say(Reply.of(252, "2.5.0", "Cannot verify, but will accept the message and attempt delivery"))

    def _quit(self, argument: str) -> None:
        self._say(Reply.of(221, "2.0.0", self._phrase(self._offers.phrases.goodbye)))
        self._end("QUIT")

    def _starttls(self, argument: str) -> None:
        if not self._offers.starttls:
            self._fault(502, "5.5.1", "STARTTLS is not offered")
        elif self.tls:
            self._fault(503, "5.5.1", "TLS is already active")
        elif argument:
            self._fault(501, "5.5.4", "STARTTLS takes no argument")
        else:
            self._reset("RSET")
            self._in.forget()  # octets glued behind the command are an attack or a bug (RFC 3207 4.2)
            self._say(Reply.of(220, "2.0.0", self._offers.phrases.tls_ready))
            self.phase = NEXT[Phase.READY, "STARTTLS"]

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        if self.identity:
            self._fault(503, "5.5.1", "Already authenticated")
        elif not self._offers.mechanisms:
            self._fault(502, "5.5.1", "AUTH is not offered")
        elif not self._may_auth:
            self._fault(538, "5.7.11", "Encryption required for authentication")
        elif mechanism not in self._offers.mechanisms:
            self._fault(504, "5.7.4", "Unrecognized authentication type")
        else:
            exchange = sasl.ServerExchange(mechanism, self._offers.phrases.xoauth2_prompt)
            self._state.exchange = exchange
            self.phase = NEXT[Phase.READY, "AUTH"]
            self._sasl_step(exchange, initial.strip().encode() if initial.strip() else None, begins=True)

    def _read_sasl(self, line: bytes) -> None:
        exchange = self._state.exchange
        if exchange is None:
            raise LocalProtocolError("no exchange in phase SASL")
        if line.strip() == b"*":
            self.phase = Phase.READY
            self._fault(501, "5.7.0", "Authentication cancelled")
        else:
            self._sasl_step(exchange, line, begins=False)

    def _sasl_step(self, exchange: sasl.ServerExchange, response: bytes | None, *, begins: bool) -> None:
        try:
            result = exchange.begin(response) if begins else exchange.step(response or b"")
        except sasl.Base64Error:
            self.phase = Phase.READY
            self._fault(501, "5.5.2", "Cannot decode the authentication response")
        except sasl.SaslError as error:
            self._ask(AuthMalformed(exchange.mechanism, str(error)))
        else:
            if isinstance(result, str):
                self._out.append(b"334 " + result.encode("ascii") + b"\r\n")
            else:
                self._ask(AuthGiven(result.mechanism, result.identity, result.secret))

    # -- content --------------------------------------------------------------------------------------------

    def _read_content(self) -> None:
        state = self._state
        block, rest = state.decoder.feed(self._in.take_all())
        state.size_octets += len(block)
        if state.size_octets > self._offers.size_octets:
            state.oversized = True  # keep reading to the dot: stopping early would turn content into commands
        elif block:
            self._events.append(ContentBlock(block))
        if rest is None:
            return
        self._in.feed(rest)
        if state.oversized:
            reply = Reply.of(
                552, "5.3.4", f"Message size exceeds the limit of {self._offers.size_octets} octets"
            )
            self._close_transaction()
            self._events.append(ContentRefused(reply))
            self._fault_reply(reply)
        else:
            self._ask(ContentEnded(state.size_octets, state.decoder.repairs))

    # -- the out-box and the tables ---------------------------------------------------------------------------

    def _ask(self, event: Event) -> None:
        self._pending = event
        self._events.append(event)

    def _settle(self, event: Event, reply: Reply) -> None:
        """Move the phase after an answer."""
        verb = _VERB_OF[type(event)]
        if verb == ".":
            self._close_transaction()
            if reply.is_positive:
                self._state.n_commands = 0
        elif verb == "AUTH":
            self.phase = NEXT[Phase.SASL, "AUTH"]
            if reply.is_positive and isinstance(event, AuthGiven):
                self.identity = event.identity
        elif reply.is_positive:
            self.phase = NEXT[self.phase, verb]
            if verb == "RCPT":
                self._state.n_recipients += 1
            elif verb == "DATA":
                self._state.decoder = ContentDecoder()

    def _close_transaction(self) -> None:
        self.phase = NEXT[Phase.CONTENT, "."]
        self._state = _Transaction(n_commands=self._state.n_commands)

    def _reset(self, verb: str) -> None:
        if self.phase in (Phase.MAIL, Phase.RCPT):
            self._events.append(TransactionReset())
            self._state = _Transaction(n_commands=self._state.n_commands)
        self.phase = NEXT.get((self.phase, verb), self.phase)

    def _say(self, reply: Reply) -> None:
        self._out.append(reply.encode())

    def _fault(self, code: int, status: str, text: str) -> None:
        self._fault_reply(Reply.of(code, status, text))

    def _fault_reply(self, reply: Reply) -> None:
        self._say(reply)
        self._count_error()

    def _count_error(self) -> None:
        self.n_errors += 1
        if self.n_errors > self._limits.errors and self.phase is not Phase.ENDED:
            self.refuse(Reply.of(421, "4.7.0", "Too many errors"))

    def _end(self, reason: str) -> None:
        if self.phase is not Phase.ENDED:
            self.phase, self._pending = Phase.ENDED, None
            self._in.forget()
            self._events.append(SessionEnded(reason))

    @property
    def _may_auth(self) -> bool:
        return bool(self.tls) or self._offers.auth_without_tls

    def _keywords(self) -> list[str]:
        lines = []
        for keyword in self._offers.extensions:
            if keyword == "SIZE":
                lines.append(f"SIZE {self._offers.size_octets}")
            elif keyword == "STARTTLS":
                lines += ["STARTTLS"] * (self._offers.starttls and not self.tls)
            elif keyword == "AUTH":
                offered = bool(self._offers.mechanisms) and self._may_auth
                lines += ["AUTH " + " ".join(self._offers.mechanisms)] * offered
            else:
                lines.append(keyword)
        return lines

    def _phrase(self, template: str) -> str:
        return template.format(host=self._offers.hostname, peer=self._peer)


class _Transaction:
    """What one transaction collects, and the two counters that outlive it."""

    __slots__ = ("decoder", "exchange", "n_commands", "n_recipients", "oversized", "size_octets", "smtputf8")

    def __init__(self, n_commands: int = 0) -> None:
        self.decoder = ContentDecoder()
        self.exchange: sasl.ServerExchange | None = None
        self.n_commands = n_commands
        self.n_recipients = 0
        self.size_octets = 0
        self.oversized = False
        self.smtputf8 = False


_VERBS = {
    "HELO": ServerSession._helo,
    "EHLO": ServerSession._ehlo,
    "MAIL": ServerSession._mail,
    "RCPT": ServerSession._rcpt,
    "DATA": ServerSession._data,
    "RSET": ServerSession._rset,
    "NOOP": ServerSession._noop,
    "HELP": ServerSession._help,
    "VRFY": ServerSession._vrfy,
    "QUIT": ServerSession._quit,
    "STARTTLS": ServerSession._starttls,
    "AUTH": ServerSession._auth,
}
_VERB_OF: dict[type, str] = {
    MailGiven: "MAIL",
    RcptGiven: "RCPT",
    DataAsked: "DATA",
    ContentEnded: ".",
    AuthGiven: "AUTH",
    AuthMalformed: "AUTH",
}
