"""TLS contexts: the right one, and those that a mood asks for, made when they are first needed."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509

from relay365.clock import Clock
from relay365.emulator import certificates
from relay365.emulator.folder import LEAF_NAMES, Identity
from relay365.emulator.house import chain

DAY_S = 86_400.0


class Contexts:
    """The contexts of one emulator."""

    def __init__(self, identity: Identity, folder: Path, clock: Clock) -> None:
        self._identity, self._folder, self._clock = identity, folder, clock
        self._made: dict[str, ssl.SSLContext] = {}
        self._roots: list[x509.Certificate] = [identity.public_root.certificate]

    def plain(self, how: str) -> tuple[ssl.SSLContext, list[bytes]]:
        """A context that asks for no certificate: for "", "name", "authority", "self-signed", "expired", "future" or
        "old".
        """
        if how not in self._made:
            self._made[how] = self._make(how)
        return self._made[how], []

    def asking(self, how: str) -> tuple[ssl.SSLContext, list[bytes]]:
        """As plain(), for one handshake, and with a list that the client's certificates will stand in."""
        context = self._make(how)
        return context, chain.ask_for_certificates(context)

    def trusted(self, sent: list[bytes]) -> tuple[str, ...]:
        """The names that a client's certificates stand for now."""
        return chain.names_of(sent, self._roots, self._clock.now())

    def _make(self, how: str) -> ssl.SSLContext:
        at, authority = self._clock.now(), self._identity.authority
        leaf = self._identity.leaf
        if how == "name":
            leaf = certificates.new_leaf(authority, ["another-host.example"], at)
        elif how == "authority":
            authority = certificates.new_authority("an authority that nobody knows", at)
            leaf = certificates.new_leaf(authority, LEAF_NAMES, at)
        elif how == "self-signed":
            leaf = authority = certificates.new_self_signed(LEAF_NAMES[0], at)
        elif how == "expired":
            leaf = certificates.new_leaf(authority, LEAF_NAMES, at, days=-1)
        elif how == "future":
            leaf = certificates.new_leaf(authority, LEAF_NAMES, at + 2 * DAY_S)
        context = certificates.context_of(leaf, authority, self._folder)
        if how == "old":
            certificates.make_old(context)
        return context
