"""The MX host of the tenant, port 25: connector relay and direct send, without AUTH.

A recipient outside is relayed only for the tenant itself: the domain of the client certificate or of MAIL FROM is an
accepted domain, and the address of the client or its certificate matches an OnPremises connector. A recipient inside is
taken from anybody (direct send), unless the tenant has shut that. (Microsoft: "Updated requirements for SMTP relay
through Exchange Online", 2023-11-01; New-InboundConnector; Set-OrganizationConfig -RejectDirectSend;
"Fix NDR error 5.7.64", "Email non-delivery reports in Exchange Online", 4.5.3, 5.4.1, 5.7.51, 5.7.68)
"""

from __future__ import annotations

from collections import Counter
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from relay365.clock import Clock
from relay365.emulator import texts
from relay365.emulator.directory import Directory, domain_of
from relay365.emulator.exchange.judge import Bench, Envelope, Guest, Letter, Verdict
from relay365.emulator.moods import Moods
from relay365.emulator.scenario import Connector

PER_DOMAIN = 200  # envelope recipients of one domain in one transaction


class MxHost(Bench):
    """See Judge."""

    def __init__(self, directory: Directory, moods: Moods, clock: Clock) -> None:
        super().__init__("mx", moods)
        self._directory, self._clock = directory, clock
        self._n_accepted = 0

    def login(self, mechanism: str, identity: str, secret: str) -> tuple[Verdict, str]:
        """See Judge. AUTH is not offered here, so nobody comes so far."""
        return Verdict("auth-mechanism"), ""

    def mail(self, guest: Guest, reverse_path: str, size_octets: int) -> Verdict:
        """See Judge."""
        verdict = self._away() or self._moody("mail", "", guest.ip)
        too_big = size_octets > texts.ADVERTISED_OCTETS
        return verdict or Verdict("too-big" if too_big else "sender-ok")

    def rcpt(self, guest: Guest, envelope: Envelope, address: str) -> Verdict:
        """See Judge."""
        verdict = self._moody_rcpt(guest, envelope)
        if verdict is not None:
            return verdict
        per_domain = Counter(domain_of(one) for one in envelope.recipients)
        if per_domain[domain_of(address)] >= PER_DOMAIN:
            return Verdict("domain-recipients")
        refusal = self._refusal(guest, envelope.reverse_path, address)
        return Verdict(refusal or "recipient-ok")

    def dot(self, guest: Guest, letter: Letter) -> Verdict:
        """See Judge."""
        verdict = self._moody_dot(guest, letter)
        too_big = letter.size_octets > texts.ADVERTISED_OCTETS
        return verdict or Verdict("too-big" if too_big else "accepted")

    def accepted(self, message_id: str, size_octets: int) -> Verdict:
        """See Judge; the numbers are made up, as their readers must not care."""
        self._n_accepted += 1
        facts = {
            "message_id": message_id, "internal_id": str(29_072_633_627_620 + self._n_accepted),
            "host": texts.MAILBOX_HOST, "size": str(size_octets), "seconds": "0.195",
            "rate": f"{size_octets / 0.195 / 1024:.3f}",
        }  # fmt: skip
        return Verdict("queued", facts)

    # -- whose mail it is -------------------------------------------------------------------------------------------

    def _refusal(self, guest: Guest, sender: str, recipient: str) -> str:
        """The row that refuses a recipient, or "". Whose mail it is comes before whether the recipient exists."""
        directory = self._directory
        on_premises = self._matching(guest, "OnPremises")
        if not directory.is_internal(recipient):
            is_ours = directory.is_internal(sender) or self._has_our_certificate(guest)
            return "" if on_premises and is_ours else "relay-denied"
        if not directory.tenant.licences and not on_premises:
            return "no-subscription"
        if not on_premises and self._is_restricted(guest, sender):
            return "partner-only"
        is_attributed = on_premises or self._matching(guest, "Partner")
        if directory.tenant.reject_direct_send and directory.is_internal(sender) and not is_attributed:
            return "direct-send"
        return "" if directory.knows(recipient) else "edge-block"

    def _has_our_certificate(self, guest: Guest) -> bool:
        """Whether the certificate stands for an accepted domain, or a host in one."""
        return any(
            f".{name}".endswith(f".{domain}")
            for name in guest.names
            for domain in self._directory.accepted_domains()
        )

    def _matching(self, guest: Guest, kind: str) -> list[Connector]:
        return [
            one
            for one in self._directory.connectors
            if one.enabled and one.type == kind and (_by_certificate(one, guest) or _by_ip(one, guest))
        ]

    def _is_restricted(self, guest: Guest, sender: str) -> bool:
        """Whether a Partner connector takes this sender's mail from its gateway only, and this is not its gateway."""
        for one in self._directory.connectors:
            if one.type != "Partner" or not one.enabled or not _is_for(one, sender):
                continue
            if one.restrict == "ip" and not _by_ip(one, guest):
                return True
            if one.restrict == "certificate" and not _by_certificate(one, guest):
                return True
        return False


def _by_certificate(connector: Connector, guest: Guest) -> bool:
    """TlsSenderCertificateName: the name itself, or `*.domain` for one label before the domain."""
    wanted = connector.certificate.lower()
    if not wanted:
        return False
    wild = wanted.removeprefix("*.")
    return any(
        name == wanted or (wanted.startswith("*.") and name.partition(".")[2] == wild) for name in guest.names
    )


def _by_ip(connector: Connector, guest: Guest) -> bool:
    """Connectors know IPv4 only."""
    try:
        address = IPv4Address(guest.ip)
    except AddressValueError:
        return False
    return any(address in IPv4Network(one, strict=False) for one in connector.sender_ips)


def _is_for(connector: Connector, sender: str) -> bool:
    domain = domain_of(sender)
    return any(
        one == "*" or domain == one.lower() or (one.startswith("*.") and domain.endswith(one[1:].lower()))
        for one in connector.sender_domains
    )
