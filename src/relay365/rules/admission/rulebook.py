"""The rulebook: every rule about who may send, in the order in which they are asked, each with its mark.

[[device]] in the order of the file, then whoever has logged in, then [[allow]] in the order of the file: R1, R2, R3.
A mark is a place in this list; it stands in refusals, in the log, in `config check`, and `explain` knows it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from relay365.config import Config, Grant
from relay365.rules.admission.pattern import NOBODY
from relay365.rules.client import Client
from relay365.rules.oversize import Sizes, Wish

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NO_RULE = "R0"  # in a refusal: nothing in the list fits
OWN_DOMAINS = "own-domains"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. networks, login and helo are what must fit, all that are given; client is what then holds.

    listener: the only one that may be used, "" for any.
    """

    kind: Literal["device", "login", "allow"]
    client: Client
    networks: tuple[Network, ...] = ()
    login: str = ""
    helo: str = ""
    listener: str = ""

    @property
    def is_hint(self) -> bool:
        """Whether it goes by a name that anybody can say: then it lets nobody in, and only narrows."""
        return self.kind == "device" and not (self.networks or self.login)

    def holds(self, address: Address | None) -> bool:
        """Whether an address lies in its networks."""
        return address is not None and any(address in network for network in self.networks)

    def fits(self, address: Address | None, helo: str, login: str) -> bool:
        """Whether all that it asks for fits."""
        return (
            (not self.networks or self.holds(address))
            and (not self.login or self.login in (login, login.partition("@")[0]))
            and (not self.helo or self.helo.lower() == helo.lower())
        )


def rules_of(config: Config) -> tuple[Rule, ...]:
    """The whole list, in order."""
    house = _House.of(config)
    rules: list[Rule] = []
    for n, device in enumerate(config.device, 1):
        client = house.client(f"R{n}", f"device {device.name}", device)
        match = device.match
        kept_octets = config.server.max_message if device.accept_then_report else 0
        named = replace(client, device=device.name, kept_octets=kept_octets)
        known_by = match.address if not match.login else ()
        rules.append(
            Rule("device", _opened(named, known_by), match.address, match.login, match.helo, device.listener)
        )
    known = house.client(f"R{len(rules) + 1}", "whoever has logged in", Grant())
    rules.append(Rule("login", _opened(known)))
    for n, allow in enumerate(config.allow, len(rules) + 1):
        client = house.client(f"R{n}", f"network {allow.network}", allow)
        networks = (allow.network,)
        rules.append(Rule("allow", _opened(client, networks), networks, listener=allow.listener))
    return tuple(rules)


def _opened(client: Client, networks: tuple[Network, ...] = ()) -> Client:
    """any_password holds where the address alone lets in and no login is needed, with AUTH after HELO and in clear.

    networks: those by which the client is known, () where it is known by something else.
    """
    if "any_password" not in client.tolerances:
        return client
    if networks and client.login == "optional":
        return replace(client, tolerances=client.tolerances | {"auth_after_helo"}, auth_in_clear=True)
    return replace(client, tolerances=client.tolerances - {"any_password"})


@lru_cache(maxsize=4096)
def address_of(text: str) -> Address | None:
    """A peer's address without its zone, mapped ones as what they map; None where the text is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(frozen=True, slots=True)
class _House:
    """What all rules share: what is forgiven to everybody, our own domains as patterns, and what [sender] refuses."""

    tolerances: frozenset[str]
    own: frozenset[str]
    senders: frozenset[str] = frozenset()
    takes_null: bool = True
    sizes: Sizes = field(default_factory=Sizes)
    routes: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config) -> _House:
        sender = config.sender
        own = frozenset(f"@{domain.lower()}" for domain in sender.domains)
        senders: frozenset[str] = frozenset()
        if sender.foreign == "reject":
            senders = own | ({sender.rewrite_to.lower()} if sender.rewrite_to else set()) or frozenset(
                {NOBODY}
            )
        tolerances = frozenset(name for name, is_on in config.tolerate if is_on)
        return cls(tolerances, own, senders, sender.null != "reject", Sizes.of(config), config.route_names())

    def client(self, mark: str, name: str, grant: Grant) -> Client:
        """What a rule grants, exceptions from [tolerate] included."""
        exceptions = grant.tolerate.model_dump(exclude_none=True)
        on = frozenset(word for word, is_on in exceptions.items() if is_on)
        tolerances = (self.tolerances | on) - (frozenset(exceptions) - on)
        if not grant.sender:  # without a sender of its own, what is no address could go out under no other
            tolerances -= {"not_an_address"}
        client = Client(
            mark, name, login=grant.login, tolerances=tolerances, starttls=grant.starttls,
            auth_in_clear="auth_in_clear" in tolerances,
            per_minute=grant.per_minute or 0, sessions=grant.sessions or 0, sender=grant.sender,
            senders=self._patterns(grant.senders), recipients=self._patterns(grant.recipients),
            charset=grant.charset, house=self.senders, takes_null=self.takes_null, priority=grant.priority,
        )  # fmt: skip
        return self._sized(client, grant)

    def _sized(self, client: Client, grant: Grant) -> Client:
        """With what it may send at most, as far as that is known before it sends."""
        wish = Wish.of(grant.oversize, client.name)
        above = self.sizes.refused_above(wish, self.routes)
        own = grant.max_message or 0
        most = min(own, above) if own and above else own or above
        is_own = most == own or wish.is_any
        return replace(
            client, max_octets=most, size_mark=client.mark if most and is_own else "", oversize=wish
        )

    def _patterns(self, words: tuple[str, ...]) -> frozenset[str]:
        plain = frozenset(word.lower() for word in words if word != OWN_DOMAINS)
        return plain | self.own if OWN_DOMAINS in words else plain
