"""Audience: who is told when a message could not go. Nobody outside, so that no forged sender makes us a nuisance.

Apart from the keeper, which sends: this is only the choice, from the configuration and a message's facts.
(RFC 3461 4.1, RFC 3464 2.1, RFC 5321 4.5.5 and 6.2: a report goes to the return path, never to a null one)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from relay365.config import Config
from relay365.config.words import Network
from relay365.mail.address import domain_of
from relay365.mail.envelope import SubmitterFacts
from relay365.rules.admission.rulebook import address_of


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may be told. domains: ours; empty where nothing says which they are: then every client's word is taken.

    owners: device name -> its bounces_to; networks: [[allow]] networks and theirs, "" for none, in the file's order.
    reports_to: the administrator, who is told what nobody else may be; "" for none.
    """

    domains: frozenset[str] = frozenset()
    owners: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[tuple[Network, str], ...] = ()
    reports_to: str = ""

    @classmethod
    def of(cls, config: Config) -> Audience:
        """From [sender] domains, or where none are named from the mailboxes of the routes; [[device]] and [[allow]]."""
        domains = frozenset(domain.lower() for domain in config.sender.domains)
        return cls(
            domains or frozenset(domain_of(address) for address in _mailboxes(config)),
            {device.name: device.bounces_to for device in config.device if device.bounces_to},
            tuple((allow.network, allow.bounces_to) for allow in config.allow),
            config.queue.reports_to,
        )

    def readers(self, reverse_path: str, submitter: SubmitterFacts) -> tuple[str, ...]:
        """To whom a report about a message goes, each once; nobody for the null path (a report about a report)."""
        if not reverse_path:
            return ()
        sender = reverse_path if not self.domains or domain_of(reverse_path) in self.domains else ""
        found = tuple(dict.fromkeys(one for one in (sender, self._owner(submitter)) if one))
        return found or ((self.reports_to,) if self.reports_to else ())

    def owner_or_administrator(self, submitter: SubmitterFacts) -> tuple[str, ...]:
        """To whom it goes what a device will never see: its owner, or else the administrator."""
        owner = self._owner(submitter) or self.reports_to
        return (owner,) if owner else ()

    def _owner(self, submitter: SubmitterFacts) -> str:
        if submitter.device:
            return self.owners.get(submitter.device, "")
        peer = address_of(submitter.peer_address)
        if peer is None or submitter.login:
            return ""
        return next((owner for network, owner in self.networks if peer in network), "")


def _mailboxes(config: Config) -> Iterator[str]:
    for route in config.route:
        value = getattr(route, "mailbox", None) or ()
        yield from (value,) if isinstance(value, str) else value
