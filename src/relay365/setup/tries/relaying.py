"""Whether a connector knows us, and nobody else: the direction that Microsoft's own validator does not test.

Three envelopes to the tenant's MX host, each ended with RSET: ours to a recipient outside, which must be taken; and the
same without what the connector knows us by, which must be refused with 550 5.7.64.
(Microsoft: "Updated requirements for SMTP relay through Exchange Online"; "Fix NDR error 5.7.64 TenantAttribution")
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from pathlib import Path

from relay365.net.chain import check_chain
from relay365.net.tls import client_context
from relay365.setup.tries.answer import Answer, refused, unreachable
from relay365.setup.tries.conversation import Conversation, Refused

CHAIN, RELAYS, ALONE = "certificate and chain", "relays for us", "refuses others"
FOREIGN = "somebody@relay365-test.example"  # RFC 2606: nobody's
OUTSIDE = "postmaster@example.com"
DENIED = "5.7.64"


@dataclass(frozen=True, slots=True)
class Gate:
    """The MX host, our name, what we show: certificate and key ("" for none), roots ("" for the system's), and from
    where (source, "" for the system's choice).
    """

    host: str
    port: int
    helo: str
    certificate: Path | None = None
    key: Path | None = None
    ca_file: str = ""
    source: str = ""


def try_connector(gate: Gate, sender: str, recipient: str = OUTSIDE) -> list[Answer]:
    """The answers in order, up to the first that is not good. sender: ours; recipient: outside of the tenant."""
    answers = [_chain(gate)] if gate.certificate is not None else []
    for step in (_relays, _alone):
        if all(answer.good for answer in answers):
            answers.append(step(gate, sender, recipient))
    return answers


def _chain(gate: Gate) -> Answer:
    try:
        check_chain(gate.certificate.read_bytes() if gate.certificate is not None else b"")
        client_context(gate.ca_file, (gate.certificate or Path(), gate.key or Path()))
    except (OSError, ValueError) as error:
        do = "put the issuers' certificates behind your own into the file, as the authority gave them"
        why = "Exchange fetches no intermediates and knows no private authority: it would say 550 5.7.64"
        return Answer(CHAIN, False, str(error), why, do, "relay-denied")
    return Answer(CHAIN, True, f"{gate.certificate}: own certificate, and its issuers behind it")


def _relays(gate: Gate, sender: str, recipient: str) -> Answer:
    try:
        return Answer(RELAYS, True, f"{sender} to {recipient}: {_ask(gate, sender, recipient, shows=True)}")
    except Refused as error:
        return refused(RELAYS, error.text, "smtp")
    except (OSError, smtplib.SMTPException) as error:
        return _away(RELAYS, gate, error)


def _alone(gate: Gate, sender: str, recipient: str) -> Answer:
    """The same without certificate; or, where we are known by address, from a domain that is not ours."""
    by_certificate = gate.certificate is not None
    whose = sender if by_certificate else FOREIGN
    what = "without our certificate" if by_certificate else f"from {FOREIGN}"
    try:
        reply = _ask(gate, whose, recipient, shows=False)
    except Refused as error:
        if DENIED in error.text:
            return Answer(ALONE, True, f"{what}: {error.text}")
        return refused(ALONE, error.text, "smtp")
    except (OSError, smtplib.SMTPException) as error:
        return _away(ALONE, gate, error)
    why = (
        "another connector takes this address, or everybody's"
        if by_certificate
        else "the tenant relays for strangers"
    )
    do = "Get-InboundConnector | Format-List Name, SenderIPAddresses, TlsSenderCertificateName, ConnectorType"
    return Answer(ALONE, False, f"{what} it was taken, too: {reply}", why, do)


def _ask(gate: Gate, sender: str, recipient: str, *, shows: bool) -> str:
    own = (gate.certificate, gate.key or Path()) if shows and gate.certificate is not None else None
    context = client_context(gate.ca_file, own)
    with Conversation(gate.host, gate.port, gate.helo, context, gate.source) as talk:
        return talk.envelope(sender, recipient)


def _away(name: str, gate: Gate, error: Exception) -> Answer:
    do = "many providers block port 25: ask yours to open it, or take the road application (port 587)"
    return unreachable(name, f"{gate.host}:{gate.port}", error, do)
