"""Policy: may this submitter send this? Facts in, a Reply that refuses or None out. Deny by default.

The list of [[allow]] rules is read from the top; the first network that holds the peer's address decides. A login that
was verified is welcome from everywhere a listener reaches.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.client import Client

LOGIN_NEEDED = Reply.of(530, "5.7.0", "Authentication required")
TLS_NEEDED = Reply.of(530, "5.7.0", "Must issue a STARTTLS command first")  # RFC 3207 4

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class MailAsked(Protocol):
    """What policy may know of a MAIL; the protocol's own event is not imported, because it stands on the same floor."""

    @property
    def reverse_path(self) -> str:
        """The argument of MAIL, "" for the null path."""
        ...


@dataclass(frozen=True, slots=True)
class AllowRule:
    """One [[allow]]: login is "never", "optional" or "required"; n is its place in the file, from 1."""

    n: int
    network: Network
    login: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, and which rule decided it ("" for none): for `relay365 explain` and the log."""

    reply: Reply | None
    rule: str


class Policy:
    """The rules of one listener. Decisions by address are remembered; there are few devices."""

    def __init__(self, rules: tuple[AllowRule, ...], *, require_tls: bool, require_auth: bool) -> None:
        self._rules, self._require_tls, self._require_auth = rules, require_tls, require_auth
        self._verdict_by_address: dict[str, Verdict] = {}

    def client(self, facts: SubmitterFacts) -> Client:
        """Who this is."""
        verdict = self.judge(facts)
        return Client(name=verdict.rule, login="optional" if verdict.reply is None else "required")

    def connect(self, peer_address: str) -> Reply | None:
        """At the greeting nobody is refused: a login may follow."""
        return None

    def mail(self, facts: SubmitterFacts, event: MailAsked) -> Reply | None:
        """At MAIL."""
        return self.judge(facts).reply

    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None:
        """At RCPT: whoever may send may send to anybody; lists of recipients come with the devices."""
        return None

    def judge(self, facts: SubmitterFacts) -> Verdict:
        """Who is this, and may it send?"""
        if self._require_tls and not facts.tls:
            return Verdict(TLS_NEEDED, "listener: tls = required")
        if facts.login:
            return Verdict(None, f"login {facts.login}")
        if self._require_auth:
            return Verdict(LOGIN_NEEDED, "listener: require_auth")
        verdict = self._verdict_by_address.get(facts.peer_address)
        if verdict is None:
            if len(self._verdict_by_address) > 10_000:
                self._verdict_by_address.clear()
            verdict = self._verdict_by_address[facts.peer_address] = self._judge_address(facts.peer_address)
        return verdict

    def _judge_address(self, address: str) -> Verdict:
        rule = self._find(address)
        if rule is None:
            text = f"This relay takes no mail from {address} without a login"
            return Verdict(Reply.of(550, "5.7.1", text), "")
        name = f"allow {rule.n}: network {rule.network}"
        return Verdict(LOGIN_NEEDED if rule.login == "required" else None, name)

    def _find(self, address: str) -> AllowRule | None:
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return None
        mapped = getattr(ip, "ipv4_mapped", None)
        return next((rule for rule in self._rules if (mapped or ip) in rule.network), None)
