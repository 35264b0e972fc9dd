"""The server side of SMTP as a machine: octets in, events out; replies in, octets out. No socket, no clock.

Pull it: receive() only stores, next_event() reads as far as it may. Under PIPELINING it must not read command two
before command one is judged, so an event that waits for answer() yields Signal.NEED_REPLY until it has it. The
machine answers by itself what needs no judgement (greeting, EHLO list, 500, 503, NOOP, RSET, QUIT) into its out-box.
It never raises for what the peer does; LocalProtocolError means that *we* misused it.
(RFC 5321 4; RFC 2920 pipelining; RFC 3207 STARTTLS; RFC 4954 AUTH; RFC 1870 SIZE; RFC 2034 enhanced codes)
"""

from __future__ import annotations

from relay365.errors import LocalProtocolError
from relay365.mail.refusals import entering, speaking
from relay365.mail.status import Reply
from relay365.smtp import grammar, sasl, states
from relay365.smtp.dialogue import Dialogue
from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentBlock,
    ContentEnded,
    ContentRefused,
    DataAsked,
    Event,
    HeloGiven,
    Signal,
    TransactionReset,
    XclientGiven,
)
from relay365.smtp.framing import OverlongLine
from relay365.smtp.offers import NOT_ASCII, Limits, Offers, Phrases
from relay365.smtp.states import NEXT, Phase
from relay365.smtp.transaction import VERB_OF, ContentReader, Transaction

__all__ = ["Limits", "Offers", "Phrases", "ServerSession"]

# Asked for with every line: to look up a member of an enum takes twelve times as long as to look up a name.
_CONTENT, _TLS, _SASL, _ENDED = Phase.CONTENT, Phase.TLS, Phase.SASL, Phase.ENDED
_NEED_OCTETS, _NEED_REPLY, _OWES_HELLO = Signal.NEED_OCTETS, Signal.NEED_REPLY, Signal.OWES_HELLO


class ServerSession(Dialogue):
    """One session of the server side. Attributes without underscore are facts for the host to read."""

    def __init__(self, offers: Offers, limits: Limits, *, peer: str = "", tls: str = "") -> None:
        super().__init__(offers, limits, peer)
        self.tls = tls
        self.identity = ""
        self._hello = HeloGiven("", extended=False)

    def __repr__(self) -> str:
        return f"<ServerSession {self._peer or '?'} {self.phase.value} helo={self.helo!r} errors={self.counts.errors}>"

    # -- octets ---------------------------------------------------------------------------------------------

    def receive(self, octets: bytes) -> None:
        """Store octets; during a TLS handshake plain octets are dropped (RFC 3207 4.2, CVE-2011-0411)."""
        if self.phase is not _TLS and self.phase is not _ENDED:
            self._in.feed(octets)

    def receive_eof(self) -> None:
        """The peer will send no more; what is half said is forgotten."""
        self._end("peer closed the connection")

    @property
    def helo(self) -> str:
        """The name that the peer gave itself; its address where it said HELO and nothing more."""
        return self._hello.name

    @property
    def extended(self) -> bool:
        """Whether the peer speaks ESMTP: it said EHLO, or STARTTLS, which is a word of ESMTP."""
        return self._hello.extended

    @property
    def n_waiting_octets(self) -> int:
        """Octets received and not read yet, for back-pressure."""
        return len(self._in)

    @property
    def looks_ended(self) -> bool:
        """Whether the peer may wait for the answer to a final dot that it said with bare LF, and that was none."""
        state = self._state
        if state.content is None or state.pending is not None or self.phase is not _CONTENT:
            return False
        return state.content.looks_ended

    # -- what the host says ---------------------------------------------------------------------------------

    def greet(self) -> None:
        """Say the banner. Who spoke before it is served all the same (RFC 5321 4.3.1 asks peers to wait)."""
        self._say_banner()

    def answer(self, reply: Reply, *, as_nobody: bool = False) -> None:
        """Answer the pending event; a positive answer moves the phase by the table. as_nobody: a login that proves
        nothing makes no submitter.
        """
        state, is_positive = self._state, reply.is_positive
        event, state.pending = state.pending, None
        if event is None:
            raise LocalProtocolError("answer() without a pending event")
        # A list of recipients gets one answer; behind XCLIENT the banner is the answer.
        if not (is_positive and (state.listed or isinstance(event, XclientGiven))):
            self._out.append(reply.encode())
        if reply.code == 421:
            self._end(str(reply))
            return
        self._settle(event, is_positive=is_positive)
        self.identity = "" if as_nobody else self.identity
        if not is_positive:
            self._count_error()

    def tls_started(self, facts: str) -> None:
        """The handshake is done: forget all that was said before (RFC 3207 4.2)."""
        if self.phase is not Phase.TLS:
            raise LocalProtocolError("tls_started() outside a handshake")
        self.phase = NEXT[Phase.TLS, "STARTTLS"]
        self.tls, self.identity = facts, ""
        self._hello = HeloGiven("", extended=True)
        self._in.forget()

    # -- what the peer said ---------------------------------------------------------------------------------

    def next_event(self) -> Event | Signal:
        """The next event, or why there is none."""
        events = self._events
        while True:
            if events:
                event = events.popleft()
                if event is not _OWES_HELLO:
                    return event
                self._say(self._offers.hello(self._peer, extended=self.extended, secured=bool(self.tls)))
            if self._state.pending is not None:
                return _NEED_REPLY
            if self.phase is _TLS:
                return Signal.NEED_TLS
            if not (self._read_content() if self.phase is _CONTENT else self._read_line()):
                return _NEED_OCTETS

    def _read_line(self) -> bool:
        """Read one line; False when there is none."""
        if self.phase is _ENDED:
            return False
        in_sasl, limits = self.phase is _SASL, self._limits
        limit = limits.sasl_octets if in_sasl else limits.command_octets
        try:
            line = self._in.take_line(limit, limits.sasl_octets)
        except OverlongLine:
            if in_sasl:
                self.phase = Phase.READY
            self._fault_reply(speaking.LINE_TOO_LONG.said())
            return True
        if line is None:
            return False
        self.counts.lines += 1
        if self._in.ended_bare and not self._forgives("bare_lf_commands"):
            self.phase = Phase.READY if in_sasl else self.phase
            self._fault_reply(states.UNFORGIVEN["bare_lf_commands"])
        elif in_sasl:
            self._read_sasl(line)
        else:
            self._read_command(line)
        return True

    def _read_command(self, line: bytes) -> None:
        counts = self.counts
        counts.commands += 1
        if counts.commands > self._limits.session_commands:
            self.refuse(speaking.TOO_MANY_COMMANDS.said())
            return
        try:
            verb, argument = grammar.parse_command(line)
            if (
                self.phase is Phase.SECURED
                and verb in ("MAIL", "AUTH")
                and not self._forgives("no_ehlo_after_tls")
            ):
                self._fault_reply(states.UNFORGIVEN["no_ehlo_after_tls"])
            elif verb not in states.ALLOWED[self.phase]:
                self._not_now(verb)
            elif verb in states.SIMPLE:
                self._say(states.SIMPLE[verb])
            else:
                _VERBS[verb](self, argument)
        except grammar.GrammarError as error:
            self._fault_reply(error.reply)

    def _not_now(self, verb: str) -> None:
        """Answer what is no command, or none that may be said now."""
        if verb in states.KNOWN:
            self._fault_reply(states.WHY_NOT.get((self.phase, verb), states.BAD_SEQUENCE))
        elif verb in states.FATAL:
            self.refuse(states.FATAL[verb])
        else:
            self._fault_reply(states.UNIMPLEMENTED.get(verb, states.NO_COMMAND))

    # -- commands; each is called only where states.ALLOWED says so --------------------------------------------------

    def _helo(self, argument: str) -> None:
        self._named(argument, extended=False)

    def _ehlo(self, argument: str) -> None:
        self._named(argument, extended=True)

    def _named(self, argument: str, *, extended: bool) -> None:
        """Take the peer's name; RFC 5321 4.1.4 forbids refusing mail for a wrong one, unless somebody asked for it.

        The reply waits until the host has taken the event: what is offered may depend on the name.
        """
        deviation = grammar.helo_tolerance(argument)
        if deviation and not self._forgives(deviation):
            self._fault_reply(states.UNFORGIVEN[deviation])
            return
        self._reset("EHLO" if extended else "HELO")
        self._hello = HeloGiven(argument[:255] or self._peer, extended)
        self._events += (self._hello, Signal.OWES_HELLO)

    def _mail(self, argument: str) -> None:
        event = grammar.parse_mail(argument, self._offers.tolerances, self._offers.sender)
        self._count(event.tolerances)
        refusal = self._offers.mail_refusal(event)
        if refusal is not None:
            self._fault_reply(refusal)
        else:
            self._state.smtputf8 = event.smtputf8
            self._ask(event)

    def _rcpt(self, argument: str) -> None:
        event, *listed = grammar.parse_rcpt(argument, self._offers.tolerances)
        self._count(event.tolerances)
        if self._state.n_recipients + len(listed) >= self._limits.recipients:
            self._fault_reply(speaking.TOO_MANY_RECIPIENTS.said())
        elif not self._state.smtputf8 and not all(one.path.address.isascii() for one in (event, *listed)):
            self._fault_reply(NOT_ASCII)
        else:
            self._state.is_list, self._state.listed = bool(listed), listed
            self._ask(event)

    def _data(self, argument: str) -> None:
        if argument:
            self._fault_reply(speaking.NO_ARGUMENT.said(verb="DATA"))
        else:
            self._ask(DataAsked())

    def _rset(self, argument: str) -> None:
        self._reset("RSET")
        self._say(Reply.of(250, "2.0.0", "OK"))

    def _quit(self, argument: str) -> None:
        self._say(Reply.of(221, "2.0.0", self._phrase(self._offers.phrases.goodbye)))
        self._end("QUIT")

    def _starttls(self, argument: str) -> None:
        refusal = self._offers.starttls_refusal(argument, secured=bool(self.tls))
        if refusal is not None:
            self._fault_reply(refusal)
        else:
            self._in.forget()  # octets glued behind the command are an attack or a bug (RFC 3207 4.2)
            self._say(Reply.of(220, "2.0.0", self._offers.phrases.tls_ready))
            self.phase = NEXT[Phase.READY, "STARTTLS"]

    def _xclient(self, argument: str) -> None:
        if self._offers.xclient:
            self._ask(grammar.parse_xclient(argument))
        else:
            self._fault_reply(states.NOT_HERE)

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        refusal = self._offers.auth_refusal(mechanism, secured=bool(self.tls))
        if self.identity:
            self._fault_reply(entering.LOGGED_IN.said())
        elif refusal is not None:
            self._fault_reply(refusal)
        elif not self.extended and not self._forgives("auth_after_helo"):
            self._fault_reply(states.UNFORGIVEN["auth_after_helo"])
        else:
            self._state.exchange = sasl.ServerExchange(mechanism, self._offers.phrases.xoauth2_prompt)
            self.phase = NEXT[self.phase, "AUTH"]
            self._sasl_step(initial.strip().encode() or None)

    def _read_sasl(self, line: bytes) -> None:
        if line.strip() == b"*":
            self.phase = Phase.READY
            self._fault_reply(entering.LOGIN_CANCELLED.said())
        else:
            self._sasl_step(line)

    def _sasl_step(self, response: bytes | None) -> None:
        """Take a response; None asks for the first prompt."""
        exchange = self._state.exchange
        if exchange is None:
            raise LocalProtocolError("no exchange in phase SASL")
        try:
            result = exchange.begin() if response is None else exchange.step(response)
        except sasl.Base64Error:
            self.phase = Phase.READY
            self._fault_reply(entering.LOGIN_NOT_BASE64.said())
        except sasl.SaslError as error:
            self._ask(AuthMalformed(exchange.mechanism, str(error)))
        else:
            if isinstance(result, str):
                self._out.append(b"334 " + result.encode("ascii") + b"\r\n")
            else:
                self._ask(AuthGiven(result.mechanism, result.identity, result.secret))

    # -- content --------------------------------------------------------------------------------------------

    def _read_content(self) -> bool:
        """Read what there is of the content; False when there is nothing."""
        content = self._state.content
        octets = self._in.take_all()
        if content is None or not octets:
            return False
        was_refused = content.refusal is not None
        block, rest = content.read(octets)
        if content.is_endless:
            self.refuse(self._offers.too_large())
        elif content.refusal is not None and not was_refused:
            # Read on to the dot: stopping early would turn content into commands. What was taken can go now.
            self._events.append(TransactionReset())
        elif block:
            self._events.append(ContentBlock(block))
        if rest is not None and self.phase is not _ENDED:
            self._in.feed(rest)
            self._end_content(content)
        return True

    def _end_content(self, content: ContentReader) -> None:
        if content.refusal is not None:
            self._close_transaction()
            self._events.append(ContentRefused(content.refusal))
            self._fault_reply(content.refusal)
        else:
            tolerated = content.tolerated
            self._count(tolerated)
            self._ask(ContentEnded(content.size_octets, content.repairs, tolerated))

    # -- the out-box and the tables ---------------------------------------------------------------------------

    def _settle(self, event: Event, *, is_positive: bool) -> None:
        """Move the phase after an answer."""
        verb = VERB_OF[type(event)]
        if verb == ".":
            self._close_transaction()
            if is_positive:
                self.counts.commands = self.counts.errors = 0
        elif verb == "AUTH":
            self.phase = NEXT[Phase.SASL, "AUTH"]
            if not isinstance(event, AuthGiven):
                return
            if is_positive:
                self.identity = event.identity
            else:
                self.counts.refused_logins += 1
        elif verb == "RCPT":
            self._settle_recipient(is_positive=is_positive)
        elif is_positive:
            self.phase = NEXT[self.phase, verb]
            if verb == "DATA":
                self._state.content = ContentReader(self._offers)
            elif isinstance(event, XclientGiven):
                self._begin_anew(event)

    def _settle_recipient(self, *, is_positive: bool) -> None:
        """Of a list all or nothing is taken: nobody gets what the peer was told is refused."""
        state = self._state
        if is_positive:
            self.phase = NEXT[self.phase, "RCPT"]
            state.n_recipients += 1
            if state.listed:
                self._ask(state.listed.pop(0))
        elif state.is_list:
            self._reset("RSET")

    def _begin_anew(self, given: XclientGiven) -> None:
        """The peer is another one now, and it has not said a word yet."""
        self._peer = f"[{given.address}]" if given.address else self._peer
        self._hello = HeloGiven(given.helo, given.proto == "ESMTP")
        self.identity = given.login
        self._say_banner()

    def _close_transaction(self) -> None:
        self.phase = NEXT[Phase.CONTENT, "."]
        self._state = Transaction()

    def _reset(self, verb: str) -> None:
        if self.phase in (Phase.MAIL, Phase.RCPT):
            self._events.append(TransactionReset())
            self._state = Transaction()
        self.phase = NEXT.get((self.phase, verb), self.phase)


_VERBS = {
    "HELO": ServerSession._helo, "EHLO": ServerSession._ehlo, "MAIL": ServerSession._mail,
    "RCPT": ServerSession._rcpt, "DATA": ServerSession._data, "RSET": ServerSession._rset,
    "QUIT": ServerSession._quit, "STARTTLS": ServerSession._starttls, "AUTH": ServerSession._auth,
    "XCLIENT": ServerSession._xclient,
}  # fmt: skip
