"""Offers and limits: what a server grants a peer, as frozen values that a host fills in.

They stand apart from the machine because the listener's configuration, the emulator and the tests make them, and only
the machine reads them. (RFC 5321 4.1.1.1, 4.5.3; RFC 4954 3; RFC 1870 3; RFC 3207 4; Postfix XCLIENT_README)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from relay365.mail.refusals import entering, keeping, speaking
from relay365.mail.refusals.refusal import limit_words
from relay365.mail.status import Reply
from relay365.mail.tolerance import DEFAULT
from relay365.smtp.events import MailGiven

NOT_ASCII = speaking.NOT_ASCII.said()
XCLIENT_ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a peer may say. Seconds are for the host, which owns the clock.

    command_octets: RFC 5321 4.5.3.1.4 asks 512 plus extensions; Postfix takes 2,048, Exim 16,384, Exchange 4,096.
    sasl_octets: RFC 4954 4 asks 12,288, for AUTH with an initial response and for each further response.
    recipients: RFC 5321 4.5.3.1.8 asks at least 100; Postfix and Exchange Online take 1,000.
    errors: RFC 5321 4.3.2 allows 421 at any time; Postfix ends a session at 20 without an accepted message.
    command_s: RFC 5321 4.5.3.2.7, at least five minutes for the next whole command; octets alone win no time.
    content_s: between two pieces of mail data, the same five minutes.
    content_octets_per_s: what mail data must average once content_s is used up (Postfix smtpd_min_data_rate: 500).
    session_commands: commands without an accepted message, against endless NOOP (Postfix's junk limit: 100).
    login_failures: wrong logins until 421 (Postfix counts them among 20 errors, Exim stops at 3, Exchange at 3).
    login_delay_s: how long the answer to the first wrong login waits; each further one waits as much longer
        (Postfix smtpd_error_sleep_time: 1 s; Dovecot auth_failure_delay: 2 s; panels give up at 20 s).
    """

    command_octets: int = 2048
    sasl_octets: int = 12288
    recipients: int = 1000
    errors: int = 20
    command_s: float = 300.0
    content_s: float = 300.0
    content_octets_per_s: float = 500.0
    session_commands: int = 2000
    login_failures: int = 5
    login_delay_s: float = 1.0


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
    used; an unknown keyword is said as it is. tolerances: what is forgiven, by the names of mail.tolerance.
    sender: the address that stands for a sender that is none (tolerance not_an_address); "" refuses it.
    xclient: whether the peer is a proxy that may say for whom it speaks. size_mark: the rule that set size_octets, ""
    where none did. marks: whether what the machine refuses ends in a mark; the emulator's other server has none.
    """

    hostname: str
    size_octets: int = 157_286_400
    tolerances: frozenset[str] = DEFAULT
    starttls: bool = False
    mechanisms: tuple[str, ...] = ()
    auth_without_tls: bool = False
    sender: str = ""
    xclient: bool = False
    size_mark: str = ""
    marks: bool = True
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

    def may_auth(self, *, secured: bool) -> bool:
        """Whether a login may be tried on this connection."""
        return bool(self.mechanisms) and (secured or self.auth_without_tls)

    def mail_refusal(self, given: MailGiven) -> Reply | None:
        """Why a transaction is not begun, whoever the peer is (RFC 1870 6, RFC 6531 3.5)."""
        if given.size_octets > self.size_octets:
            return self.too_large()
        if not given.reverse_path.isascii() and not given.smtputf8:
            return NOT_ASCII
        return None

    def too_large(self) -> Reply:
        """What is said to a message over the limit."""
        return keeping.TOO_BIG.said(self.size_mark, limit=limit_words(self.size_octets))

    def starttls_refusal(self, argument: str, *, secured: bool) -> Reply | None:
        """Why TLS is not begun (RFC 3207 4)."""
        if not self.starttls:
            return entering.NO_TLS.said()
        if secured:
            return entering.TLS_ACTIVE.said()
        return speaking.NO_ARGUMENT.said(verb="STARTTLS") if argument else None

    def auth_refusal(self, mechanism: str, *, secured: bool) -> Reply | None:
        """Why a login by this mechanism is not begun; None lets it (RFC 4954 4, 6)."""
        if not self.mechanisms:
            return entering.NO_LOGIN.said()
        if not self.may_auth(secured=secured):
            return entering.LOGIN_IN_CLEAR.said()
        if mechanism not in self.mechanisms:
            return entering.NO_MECHANISM.said()
        return None

    def keywords(self, *, secured: bool) -> list[str]:
        """The lines of the EHLO reply behind the first."""
        lines = []
        for keyword in self.extensions:
            if keyword == "SIZE":
                lines.append(f"SIZE {self.size_octets}")
            elif keyword == "STARTTLS":
                lines += ["STARTTLS"] * (self.starttls and not secured)
            elif keyword == "AUTH":
                lines += self._auth_lines() * self.may_auth(secured=secured)
            else:
                lines.append(keyword)
        if self.xclient:
            lines.append("XCLIENT " + " ".join(XCLIENT_ATTRIBUTES))
        return lines

    def _auth_lines(self) -> list[str]:
        words = " ".join(self.mechanisms)
        return [f"AUTH {words}", *[f"AUTH={words}"] * ("auth_equals" in self.tolerances)]

    def hello(self, peer: str, *, extended: bool, secured: bool) -> Reply:
        """The reply to EHLO, or to HELO, which lists nothing."""
        keywords = self.keywords(secured=secured) if extended else ()
        return Reply(250, None, (self.phrase(self.phrases.hello, peer), *keywords))

    def phrase(self, template: str, peer: str) -> str:
        """One of the phrases, filled in."""
        return template.format(host=self.hostname, peer=peer)
