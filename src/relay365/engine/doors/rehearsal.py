"""Rehearsal: a session that is played from the configuration alone, to see what would be answered, and by which rule.

The machine and the policy are those of the service, so what is said here is what a device would hear. Nothing is
listened to, stored or counted; a login is taken as given, and TLS as standing where the listener asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.engine.reception import RECIPIENT_OK, SENDER_OK, offers_for
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.policy import Policy, is_kept
from relay365.smtp.events import MailGiven, RcptGiven, Signal
from relay365.smtp.offers import Limits, Offers
from relay365.smtp.server import ServerSession


@dataclass(frozen=True, slots=True)
class Envelope:
    """What would be sent: a sender, recipients, and the size in octets that SIZE would say, 0 for none."""

    sender: str
    recipients: tuple[str, ...]
    size_octets: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One command and the reply to it; the lines of a reply are parted by LF."""

    command: str
    reply: str

    @property
    def is_positive(self) -> bool:
        """Whether the reply says yes or go on."""
        return self.reply[:1] in ("2", "3")


def rehearse(
    policy: Policy, offers: Offers, limits: Limits, facts: SubmitterFacts, envelope: Envelope
) -> tuple[Line, ...]:
    """EHLO, MAIL and each RCPT with what would be answered; after a refused MAIL there is no RCPT."""
    machine = ServerSession(
        offers_for(offers, policy.client(facts)), limits, peer=f"[{facts.peer_address}]", tls=facts.tls
    )
    machine.greet()
    machine.octets_to_send()
    size = f" SIZE={envelope.size_octets}" if envelope.size_octets else ""
    lines = [
        _say(machine, policy, facts, command)
        for command in (f"EHLO {facts.helo}".rstrip(), f"MAIL FROM:<{envelope.sender}>{size}")
    ]
    if lines[-1].is_positive:
        lines += [_say(machine, policy, facts, f"RCPT TO:<{one}>") for one in envelope.recipients]
    return tuple(lines)


def _softened(policy: Policy, facts: SubmitterFacts, said: Reply | None) -> Reply | None:
    return None if said is not None and is_kept(policy.client(facts), said) else said


def _say(machine: ServerSession, policy: Policy, facts: SubmitterFacts, command: str) -> Line:
    machine.receive(command.encode("utf-8", "replace").translate(None, b"\r\n") + b"\r\n")
    while not isinstance(event := machine.next_event(), Signal):
        if isinstance(event, MailGiven):
            machine.answer(_softened(policy, facts, policy.mail(facts, event)) or SENDER_OK)
        elif isinstance(event, RcptGiven):
            machine.answer(_softened(policy, facts, policy.rcpt(facts, event.path)) or RECIPIENT_OK)
    reply = bytes(machine.octets_to_send()).decode("utf-8", "replace")
    return Line(command, "\n".join(reply.splitlines()))
