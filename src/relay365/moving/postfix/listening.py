"""Where Postfix listened, and with which TLS: [[listener]].

Apart from `receiving`, which says who may send. (master(5), TLS_README, postconf(5): inet_interfaces, smtpd_tls_*)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from relay365.moving.draft import Draft, Entry
from relay365.moving.finding import Findings
from relay365.moving.postfix.files.main_cf import MainCf, words
from relay365.moving.postfix.files.master_cf import Service
from relay365.moving.postfix.files.table import Files

UNDERSTOOD = frozenset((
    "smtpd_tls_security_level", "smtpd_tls_wrappermode", "smtpd_sasl_auth_enable", "smtpd_client_restrictions",
    "smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_tls_auth_only", "smtpd_enforce_tls",
    "smtpd_use_tls", "syslog_name", "mynetworks", "smtpd_tls_cert_file", "smtpd_tls_key_file", "smtpd_tls_chain_files",
))  # fmt: skip
"""What -o of a listener may set and is seen here."""

_LISTS = ("smtpd_client_restrictions", "smtpd_relay_restrictions", "smtpd_recipient_restrictions")
_SNAKEOIL = "/etc/ssl/certs/ssl-cert-snakeoil.pem"


@dataclass
class Listening:
    """The ports of a Postfix."""

    cf: MainCf
    files: Files
    draft: Draft
    findings: Findings
    services: list[Service]
    _hosts: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Make the listeners."""
        self._hosts = list(self._interfaces())
        for service in self.services:
            if service.is_listener:
                self._listen(service)
        self._tell_old_tls()

    def _interfaces(self) -> Iterator[str]:
        where, said = (
            self.cf.where("inet_interfaces"),
            f"inet_interfaces = {self.cf.value('inet_interfaces')}",
        )
        is_given = "inet_interfaces" in self.cf.settings
        for word in words(self.cf.value("inet_interfaces")):
            known = {"all": "0.0.0.0", "loopback-only": "127.0.0.1", "localhost": "127.0.0.1"}.get(word)  # noqa: S104
            host = known or _address(word)
            if host is None:
                why = f"{word} is a name; write the address of this machine into [[listener]] address"
                self.findings.unknown(where, said, why)
                continue
            if is_given and word == "all":
                why = 'for IPv6, too, add one with address = "[::]:25"'
                self.findings.ok(where, said, "[[listener]] on 0.0.0.0", why)
            elif is_given:
                self.findings.ok(where, said, f"[[listener]] on {host}")
            yield host

    def _listen(self, service: Service) -> None:
        if service.port == 0:
            why = f"{service.name} is no port that is known here; write a [[listener]] by hand"
            self.findings.unknown(service.where, str(service), why)
            return
        if service.options.get("content_filter") == "" and service.host in ("127.0.0.1", "localhost", "::1"):
            why = "the port by which a content filter gives mail back; relay365 calls no filter"
            self.findings.warn(service.where, str(service), "", why)
            return
        asks_login = self._asks_login(service)
        self._tell_own_lists(service, asks_login=asks_login)
        hosts = self._hosts if not service.host else [_address(service.host) or "127.0.0.1"]
        for host in hosts:
            shown = f"[{host}]:{service.port}" if ":" in host else f"{host}:{service.port}"
            if any(one.keys["address"] == shown for one in self.draft.entries("listener")):
                self.findings.ok(service.where, str(service), "", f"{shown} stands before")
                continue
            entry = self.draft.add("listener", Entry({"address": shown}))
            tls = self._tls(service)
            if tls != "optional":
                entry.set("tls", tls)
            if tls != "none":
                self._certificate(service, entry)
            if asks_login:
                entry.set("require_auth", True, "logins are made by: relay365 user add NAME")
            said = ", ".join(
                f"{key} = {value}".lower()
                for key, value in entry.keys.items()
                if key in ("tls", "require_auth")
            )
            self.findings.ok(
                service.where, str(service), f'[[listener]] address = "{shown}"{said and ", " + said}'
            )

    def _tell_own_lists(self, service: Service, *, asks_login: bool) -> None:
        """What a port had for itself: here a rule holds for every listener."""
        for name in (*_LISTS, "mynetworks"):
            value = service.options.get(name, "")
            if value and not asks_login and words(self.cf.expanded(value)) != words(self.cf.value(name)):
                why = "a rule holds for every listener here: look who may come by this one (require_auth, [[device]])"
                self.findings.warn(service.where, f"-o {name}={value}", "", why)

    def _value(self, service: Service, name: str) -> str:
        """A parameter as it holds for a service."""
        raw = service.options.get(name)
        return self.cf.value(name) if raw is None else self.cf.expanded(raw)

    def _tls(self, service: Service) -> str:
        if self._value(service, "smtpd_tls_wrappermode") == "yes":
            return "implicit"
        level = self._value(service, "smtpd_tls_security_level")
        if level == "encrypt" or (not level and self._value(service, "smtpd_enforce_tls") == "yes"):
            return "required"
        if level == "may" or (not level and self._value(service, "smtpd_use_tls") == "yes"):
            return "optional"
        return "none"

    def _certificate(self, service: Service, entry: Entry) -> None:
        chains = words(self._value(service, "smtpd_tls_chain_files"))
        certificate = self._value(service, "smtpd_tls_cert_file") or [*chains, ""][0]
        key = (
            self._value(service, "smtpd_tls_key_file")
            or (chains[0] if len(chains) == 1 else "")
            or certificate
        )
        if key == "$smtpd_tls_cert_file":
            key = certificate
        where, said = self.cf.where("smtpd_tls_cert_file"), f"smtpd_tls_cert_file = {certificate}"
        if not certificate or certificate == "none":
            return
        if certificate == _SNAKEOIL:
            self._once(
                where, said, "Debian's test certificate; relay365 makes one of its own at its first start"
            )
            return
        pair = {"certificate": {"file": certificate}, "key": {"file": key}}
        if self.files.find(certificate).is_file() and self.files.find(key).is_file():
            for name, value in pair.items():
                entry.set(name, value)
            self._once(
                where,
                said,
                "its key must be readable by the relay's user",
                "certificate and key of [[listener]]",
            )
            return
        entry.later.update(pair)
        if not any(one.where == where for one in self.findings):
            why = "not on this machine: copy both files and take the # away; until then relay365 makes a certificate"
            self.findings.warn(where, said, "certificate and key of [[listener]], as comments", why)

    def _tell_old_tls(self) -> None:
        """A list of protocols that somebody wrote, and that lets TLS 1.0 in."""
        for name in ("smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"):
            given = self.cf.given(name)
            if given is None or re.search(r"!TLSv1\b(?!\.)|>=\s*TLSv1\.[123]", self.cf.value(name)):
                continue
            why = 'TLS 1.0 was allowed; machines that need it get a listener with ciphers = "legacy" (docs/tls.md)'
            self.findings.warn(given.where, str(given), "", why)

    def _once(self, where: str, said: str, why: str, new: str = "") -> None:
        if not any(one.where == where for one in self.findings):
            self.findings.ok(where, said, new, why)

    def _asks_login(self, service: Service) -> bool:
        """Whether only logins may send there: a list of its own permits them, not networks, and rejects the rest."""
        if self._value(service, "smtpd_sasl_auth_enable") != "yes":
            return False
        for name in _LISTS:
            rules = words(self._value(service, name)) if name in service.options else []
            if (
                "permit_sasl_authenticated" in rules
                and "permit_mynetworks" not in rules
                and "reject" in rules
            ):
                return True
        return False


def _address(text: str) -> str | None:
    bare = text.strip("[]")
    if bare == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None
