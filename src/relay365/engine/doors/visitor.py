"""Visitor: who is at the other end of one session as far as it has said, what that gives it, and its recording.

Apart from the session because a peer becomes another one on its way: it names itself, logs in, secures the connection,
or turns out to be a proxy that speaks for somebody; what depends on that is asked here, and made anew here.
"""

from __future__ import annotations

from dataclasses import replace

from relay365.engine.blackbox.recording import HUNG_UP, Recording
from relay365.engine.reception import Reception
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.rules.client import Client
from relay365.smtp.offers import Offers
from relay365.smtp.server import ServerSession

NOT_ASKED = SubmitterFacts("", "")


class Visitor:
    """One peer. peer is the address and port of the connection; a proxy's client stands in the facts alone."""

    __slots__ = ("_is_spoken_for", "_reception", "record")

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._is_spoken_for = False
        box = reception.box
        self.record = box.begin() if box is not None else Recording(reception.clock, is_on=False)

    @property
    def client(self) -> Client:
        """What the gate said of it last."""
        return self.record.client

    def offers(self, machine: ServerSession, peer: tuple[str, int]) -> Offers:
        """Ask the gate who this is now; gives what holds for it.

        XCLIENT is taken once: nginx's mail proxy passes on all that its client says behind its own XCLIENT, and a
        second one would be the client's.
        """
        here = self._reception
        offers = here.offers_to(self._introduce(self.facts(machine, peer)))
        may_speak_for = not self._is_spoken_for and here.trusts_proxy(peer[0])
        return replace(offers, xclient=True) if may_speak_for else offers

    def facts(self, machine: ServerSession, peer: tuple[str, int]) -> SubmitterFacts:
        """Who this is now; the same value until it changes."""
        known = self.record.facts
        now = (machine.helo, machine.extended, machine.tls, machine.identity)
        if known is None or now != (known.helo, known.protocol[0] == "E", known.tls, known.login):
            real = (known.peer_address, known.peer_port) if known else peer
            known = self.record.facts = self._facts_of(machine, real)
        return known

    @property
    def who(self) -> SubmitterFacts:
        """Who this is, since the session has last asked for offers: it does whenever that may have changed."""
        return self.record.facts or NOT_ASKED

    def stands_for(self, machine: ServerSession, peer: tuple[str, int]) -> None:
        """It is a proxy and has said for whom it speaks."""
        self._is_spoken_for = True
        self.record.facts = self._facts_of(machine, peer)

    def gave(self, spool_id: SpoolId) -> None:
        """A message of this session is ours now: what becomes of it belongs to the session's transcript."""
        if self._reception.box is not None:
            self._reception.box.upstream.took(spool_id, self.record)

    def came_to_no_word(self, peer: tuple[str, int]) -> None:
        """The connection ended before there was a session; kept where something is to be said of it."""
        if self.record.tape.n_added:
            self._introduce(SubmitterFacts(self._reception.name, *peer))

    def leaves(self) -> None:
        """The connection is gone, and what became of a message that was being stored is known."""
        self.record.ends(HUNG_UP)
        if self._reception.box is not None:
            self._reception.box.end(self.record)

    def _introduce(self, facts: SubmitterFacts) -> Client:
        here, record = self._reception, self.record
        record.client = client = here.gate.client(facts)
        if (client.device, client.priority) != (facts.device, facts.priority):
            facts = replace(facts, device=client.device, priority=client.priority)
        record.facts = facts
        return here.box.known(record, client, facts) if here.box is not None else client

    def _facts_of(self, machine: ServerSession, peer: tuple[str, int]) -> SubmitterFacts:
        protocol = "ESMTP" if machine.extended else "SMTP"
        if machine.extended:  # RFC 3848
            protocol += "S" * bool(machine.tls) + "A" * bool(machine.identity)
        return SubmitterFacts(
            self._reception.name, *peer, machine.helo, protocol, machine.tls, machine.identity, self.client.device,
            self.client.priority,
        )  # fmt: skip
