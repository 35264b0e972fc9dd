"""Policy: who is this, and may it send this? Facts in; a Client and a Reply that refuses, or None, out.

The first rule that fits decides (rules.admission.rulebook); three exceptions keep it safe and useful. A device that is
known by its HELO only lets nobody in: it narrows what the peer may do without it. Whoever has logged in is welcome from
everywhere, yet what its network's rule says about pace, size, TLS and tolerances stays; and a network that asks for a
login decides for those who have logged in from there. What matches nothing is
refused (relay365.mail.refusals), with the mark of the rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.mail.refusals import entering
from relay365.mail.status import Reply
from relay365.rules.admission import pattern
from relay365.rules.admission.rulebook import NO_RULE, Address, Rule, address_of
from relay365.rules.client import Client

TLS_NEEDED = entering.NEEDS_TLS.said()  # RFC 3207 4
MOST_REMEMBERED = 10_000

_PRIORITIES = ("bulk", "normal", "alarm")  # from the lowest
_ORDER = ("never", "optional", "required")  # a login, from the loosest to the strictest


class MailAsked(Protocol):
    """What policy may know of a MAIL; the protocol's own event is not imported, because it stands on the same floor."""

    @property
    def reverse_path(self) -> str:
        """The argument of MAIL, "" for the null path."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """What a listener asks of everybody: its name, its tls (none, optional, required, implicit), and a login or not."""

    name: str
    tls: str = "optional"
    require_auth: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who it is, and why it may not send, whatever it sends; reply is None when it may."""

    client: Client
    reply: Reply | None


class Policy:
    """The rules at one listener. Verdicts are remembered; there are few devices."""

    def __init__(self, rules: tuple[Rule, ...], door: Door) -> None:
        self._door = door
        self._devices = tuple(rule for rule in rules if rule.kind == "device")
        self._allows = tuple(rule for rule in rules if rule.kind == "allow")
        self._known = next((rule.client for rule in rules if rule.kind == "login"), Client(login="optional"))
        self._reads_helo = any(rule.helo for rule in rules)
        self._verdict_by_facts: dict[tuple[str, str, str], Verdict] = {}

    def client(self, facts: SubmitterFacts) -> Client:
        """Who this is."""
        return self.judge(facts).client

    def connect(self, peer_address: str) -> Reply | None:
        """At the greeting nobody is refused: a login may follow."""
        return None

    def mail(self, facts: SubmitterFacts, event: MailAsked) -> Reply | None:
        """At MAIL, as far as it alone decides; where a rule puts its own sender in its place, any may pass."""
        verdict = self.judge(facts)
        if verdict.reply is not None:
            return verdict.reply
        client, path = verdict.client, event.reverse_path
        if client.sender:
            return None
        if not path:
            return None if client.takes_null else entering.EMPTY_SENDER.said(client.mark)
        if not pattern.fits(client.senders, path):
            return entering.SENDER_UNKNOWN.said(client.mark)
        if not pattern.fits(client.house, path):
            return entering.SENDER_DOMAIN.said(client.mark)
        return None

    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None:
        """At RCPT: whoever may send may send to anybody, unless its rule names recipients."""
        client = self.judge(facts).client
        if not client.recipients:
            return None
        if pattern.is_routed(path.address):
            return entering.RECIPIENT_ROUTED.said(client.mark)
        if not pattern.fits(client.recipients, path.address):
            return entering.RECIPIENT_UNKNOWN.said(client.mark)
        return None

    def judge(self, facts: SubmitterFacts) -> Verdict:
        """Who is this, and may it send at all?"""
        key = (facts.peer_address, facts.helo if self._reads_helo else "", facts.login)
        verdict = self._verdict_by_facts.get(key)
        if verdict is None:
            if len(self._verdict_by_facts) >= MOST_REMEMBERED:
                self._verdict_by_facts.clear()
            verdict = self._verdict_by_facts[key] = self._judge(facts)
        if self._door.tls == "required" and not facts.tls:
            return Verdict(verdict.client, TLS_NEEDED)
        return verdict

    def _judge(self, facts: SubmitterFacts) -> Verdict:
        address = address_of(facts.peer_address)
        allow = next((rule for rule in self._allows if rule.holds(address)), None)
        hint, device = self._devices_of(address, facts)
        client = device.client if device is not None else self._without_device(facts.login, allow)
        if client is None:
            known = self._known
            nobody = Client(tolerances=known.tolerances, auth_in_clear=known.auth_in_clear)
            return Verdict(self._at_door(nobody, None), entering.ADDRESS_UNKNOWN.said(NO_RULE))
        if hint is not None:
            client = _narrowed(hint.client, client)
        client = self._at_door(client, allow)
        for rule in (hint, device or allow):  # a device by name is not bound by what its network says
            if rule is not None and rule.listener not in ("", self._door.name):
                return Verdict(client, entering.WRONG_PORT.said(rule.client.mark))
        if client.login == "required" and not facts.login:
            return Verdict(client, entering.NEEDS_LOGIN.said(client.mark))
        return Verdict(client, None)

    def _devices_of(self, address: Address | None, facts: SubmitterFacts) -> tuple[Rule | None, Rule | None]:
        """The first device that fits, and the first in front of it that only goes by its HELO."""
        hint = None
        for rule in self._devices:
            if rule.fits(address, facts.helo, facts.login):
                if not rule.is_hint:
                    return hint, rule
                hint = hint or rule
        return hint, None

    def _without_device(self, login: str, allow: Rule | None) -> Client | None:
        if not login or (allow is not None and allow.client.login == "required"):
            return allow.client if allow is not None else self._known if login else None
        known = replace(self._known, name=f"login {login}")
        if allow is None:
            return known
        return replace(
            allow.client, mark=known.mark, name=known.name, login=known.login, sender="",
            senders=known.senders, recipients=known.recipients,
        )  # fmt: skip

    def _at_door(self, client: Client, allow: Rule | None) -> Client:
        """What the listener adds: inside our own networks a login may be given in clear, unless TLS is required."""
        door = self._door
        in_clear = door.tls in ("none", "optional") and (client.auth_in_clear or allow is not None)
        if door.require_auth:
            client = replace(client, login="required", tolerances=client.tolerances - {"any_password"})
        return replace(client, auth_in_clear=in_clear)


def is_kept(client: Client, said: Reply) -> bool:
    """Whether a message is taken in spite of a refusal, and held; "later" and "log in first" stay what they are."""
    return client.kept_octets > 0 and said.code == 550


def _narrowed(hint: Client, base: Client) -> Client:
    """What a device that is known by its HELO only gets: its own rule, never more than it would have without."""
    return replace(
        hint, login=max(hint.login, base.login, key=_ORDER.index),
        auth_in_clear=hint.auth_in_clear or base.auth_in_clear,
        max_octets=_least(hint.max_octets, base.max_octets), oversize=base.oversize,
        size_mark=hint.size_mark if _least(hint.max_octets, base.max_octets) == hint.max_octets else base.size_mark,
        per_minute=_least(hint.per_minute, base.per_minute),
        sessions=_least(hint.sessions, base.sessions), sender=hint.sender or base.sender,
        senders=pattern.common(hint.senders, base.senders),
        recipients=pattern.common(hint.recipients, base.recipients),
        priority=min(hint.priority, base.priority, key=_PRIORITIES.index), kept_octets=base.kept_octets,
    )  # fmt: skip


def _least(some: int, other: int) -> int:
    """The smaller of two limits; 0 is none."""
    return min(some, other) if some and other else some or other
