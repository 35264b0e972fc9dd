"""The question that matters most: would a stranger's mail be taken? Asked of the rules, and of the door if it can be.

A foreign address cannot be had by asking for it. So the rules are played with one that belongs to nobody (RFC 5737),
and where a listener believes our PROXY header, the real door is asked with it, up to RCPT and RSET.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.config import Config, open_relay_risk
from relay365.doctor.finding import Finding, bad, good, warn
from relay365.doctor.lan.listeners import PATIENCE_S, Gate, Visit
from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.admission.rulebook import rules_of
from relay365.rules.policy import Door, Policy
from relay365.smtp.client import ClientSession, Step

STRANGER = "192.0.2.1"  # TEST-NET-1: nobody has it (RFC 5737)
SENDER, RECIPIENT = "spammer@example.net", "victim@example.org"


@dataclass(frozen=True, slots=True)
class _Mail:
    reverse_path: str


async def risk(config: Config) -> Finding:
    """Whether the file as a whole lets strangers in; the service refuses to start then."""
    found = open_relay_risk(config)
    if found:
        do = 'narrow the network, or set login = "required"; then: relay365 config check'
        return bad("an open relay", found, do)
    return good("no public listener meets a rule for strangers")


async def told_apart(gateway: tuple[str, str, str] | None) -> Finding:
    """Whether rules by address can tell devices apart. gateway: what, why and do where all came by one address."""
    if gateway is not None:
        return warn(*gateway)
    return good("no sign that all devices come by one gateway's address")


async def refused(gate: Gate, config: Config) -> Finding:
    """Whether one listener refuses a stranger, by the rules, and by its own words where it can be asked."""
    table = gate.table
    said = _by_rules(config, gate)
    if said is None:
        do = f"relay365 explain --as {STRANGER} --listener {table.address}"
        why = "a rule lets in an address that belongs to nobody"
        return bad(f"{table.address} would take mail from {STRANGER}", why, do)
    if gate.is_behind_proxy and table.tls != "implicit":
        return await _by_words(gate, said)
    return good(f"{table.address} refuses {STRANGER} by its rules", str(said))


def _by_rules(config: Config, gate: Gate) -> Reply | None:
    """The refusal that a stranger would hear at MAIL or RCPT, None where it would hear none."""
    table = gate.table
    policy = Policy(rules_of(config), Door(table.address, table.tls, require_auth=table.require_auth))
    tls = "TLSv1.3" if table.tls in ("required", "implicit") else ""
    facts = SubmitterFacts(table.address, STRANGER, helo="stranger.example", tls=tls)
    return policy.mail(facts, _Mail(SENDER)) or policy.rcpt(facts, ForwardPath(RECIPIENT))


async def _by_words(gate: Gate, expected: Reply) -> Finding:
    host, port = gate.place
    envelope = Envelope(SENDER, (ForwardPath(RECIPIENT),))
    visit = Visit(gate, f"PROXY TCP4 {STRANGER} {host} 40000 {port}\r\n".encode())
    try:
        await visit.begin()
        talk = visit.talk
        reply = await talk.ask(Step.MAIL, lambda machine: machine.mail(envelope, 1000), PATIENCE_S)
        if reply.is_positive:
            reply = await talk.ask(Step.RCPT, lambda m: m.rcpt(envelope.forward_paths[0]), PATIENCE_S)
            await talk.ask(Step.RSET, ClientSession.rset, PATIENCE_S)
    except (TransportError, RemoteProtocolError) as error:
        return good(f"{gate.table.address} refuses {STRANGER} by its rules, and sent it away", str(error))
    finally:
        await visit.talk.close()
    if reply.is_positive:
        why = f"by its rules it should say {expected}: the service runs with another file"
        do = "start the relay anew with this file: systemctl restart relay365"
        return bad(f"{gate.table.address} takes mail from {STRANGER}", why, do, str(reply))
    return good(f"{gate.table.address} refuses {STRANGER}, asked with a PROXY header", str(reply))
