"""The virtual servers of an IIS SMTP service as a draft of our configuration. Pure.

What a server does not say it has from the service above it. Microsoft gives each property a page in "Metabase Property
Reference (IIS 6.0)"; the encrypted RoutePassword is never looked at.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from relay365.moving.draft import REST, Draft, Entry
from relay365.moving.finding import Findings, SourceError, State
from relay365.moving.iis.address_list import AddressList, AddressListError, address_list
from relay365.moving.iis.limits import Limits
from relay365.moving.iis.metabase import Metabase, Server, metabase_of
from relay365.moving.network import Networks
from relay365.moving.remote import Hop, Way, Wish, direct, way_of

_ANONYMOUS, _BASIC, _NTLM = 1, 2, 4  # AuthFlags
_ALWAYS = ("2", "SmartHostTypeAlways", "SmtpSmartHostTypeAlways")
_PRIVATE = frozenset(("RoutePassword", "AdminACL", "SSLCertHash"))


def read(octets: bytes, file: str, wish: Wish) -> tuple[Draft, Findings]:
    """The draft of all virtual servers; raises SourceError where there is none. file: its name for people."""
    metabase = metabase_of(octets, file)
    servers = [node for node in metabase.nodes if node.kind == "IIsSmtpServer"]
    if not servers:
        why = "it has no IIsSmtpServer: the SMTP service was not installed there"
        raise SourceError(
            f"{file} has no SMTP server", why, "give the MetaBase.xml of the server that relays"
        )
    draft, findings = Draft(file), Findings()
    networks = Networks(draft, findings)
    service = next((node for node in metabase.nodes if node.kind == "IIsSmtpService"), None)
    for node in servers:
        _Virtual(Server(node, service, file), draft, findings, networks, wish).read()
    _domains(metabase, file, (draft, findings), wish)
    _tell_rest(metabase, file, findings)
    findings.all.sort(key=lambda one: _line(one.where))
    return draft, findings


@dataclass
class _Virtual:
    """One virtual server, as listeners, networks and a route."""

    server: Server
    draft: Draft
    findings: Findings
    networks: Networks
    wish: Wish

    def read(self) -> None:
        """Make listeners, networks, the route and the limits."""
        self._listeners()
        self._relay_list()
        self._smart_host()
        Limits(self.server, self.draft, self.findings).read()

    # -- the way in

    def _listeners(self) -> None:
        tls = "required" if _is_on(self.server.value("AccessSSLFlags"), ("AccessSSL",), 8) else "optional"
        auth = self.server.value("AuthFlags")
        is_closed = bool(auth) and not _is_on(auth, ("AuthAnonymous",), _ANONYMOUS)
        keys: dict[str, Any] = {"tls": tls} if tls != "optional" else {}
        hosts = self._hosts()
        if hosts:
            keys["hosts"] = hosts
        if is_closed:
            keys["require_auth"] = True
        for name, more in (("ServerBindings", keys), ("SecureBindings", {**keys, "tls": "implicit"})):
            for binding in self.server.value(name).split():
                self._listener(name, binding, more)
        if auth:
            self._tell_auth(auth, is_closed=is_closed)
        if self.server.has("AccessSSLFlags"):
            said = f"AccessSSLFlags = {self.server.value('AccessSSLFlags')}"
            self.findings.ok(self.server.where("AccessSSLFlags"), said, f'[[listener]] tls = "{tls}"')

    def _listener(self, name: str, binding: str, more: dict[str, Any]) -> None:
        where, said = self.server.where(name), f"{name} = {binding}"
        found = re.fullmatch(r"(\[[^\]]*\]|[^:]*):(\d+):(.*)", binding)
        if found is None or not 0 < int(found[2]) < 65536:
            self.findings.unknown(where, said, "no address:port:name")
            return
        address = f"{found[1] or '0.0.0.0'}:{found[2]}"  # noqa: S104  # what an empty address meant
        if any(one.keys["address"] == address for one in self.draft.entries("listener")):
            self.findings.ok(where, said, "", f"{address} stands before")
            return
        asides = {
            "require_auth": "logins are made by: relay365 user add NAME",
            "hosts": "nobody else may connect",
        }
        self.draft.add("listener", Entry({"address": address, **more}, asides=asides))
        self.findings.ok(where, said, f'[[listener]] address = "{address}"')

    def _tell_auth(self, auth: str, *, is_closed: bool) -> None:
        where, said = self.server.where("AuthFlags"), f"AuthFlags = {auth}"
        if _is_on(auth, ("AuthNTLM",), _NTLM):
            why = "relay365 has no Windows sign-in (NTLM): devices log in with relay365 user add NAME"
            self.findings.warn(where, said, "require_auth = true" if is_closed else "logins", why)
        elif _is_on(auth, ("AuthBasic",), _BASIC):
            why = "Windows passwords cannot be read: relay365 user add NAME makes each login anew"
            self.findings.warn(where, said, "require_auth = true" if is_closed else "logins", why)
        else:
            self.findings.ok(where, said, "", "no logins")

    def _hosts(self) -> list[str]:
        """Who might connect at all; [] for everybody."""
        if not self.server.value("IPSecurity"):
            return []
        found = self._list("IPSecurity")
        if found is None:
            return []
        where, said = self.server.where("IPSecurity"), "IPSecurity"
        for network in found.denied:
            self.networks.exclude(str(network), where, f"{said} denies {network}")
        if found.granted:
            shown = ", ".join(map(str, found.granted))
            self.findings.ok(where, f"{said} grants {shown}", "[[listener]] hosts")
        if not found.granted and not found.denied:
            self.findings.ok(where, said, "", "an empty list: everybody may connect")
        return [str(one) for one in found.granted]

    def _relay_list(self) -> None:
        where, said = self.server.where("RelayIpList"), "RelayIpList"
        if _is_on(self.server.value("RelayForAuth"), ("True", "TRUE", "-1"), 1):
            self.findings.ok(
                self.server.where("RelayForAuth"),
                "RelayForAuth",
                "",
                "whoever has logged in may send: relay365 user add NAME",
            )
        if not self.server.value("RelayIpList"):
            if self.server.has("RelayIpList"):
                why = "an empty list: everybody or nobody, by the version; add an [[allow]] for each network"
                self.findings.unknown(where, said, why)
            else:
                self.findings.ok(
                    self.server.node.where(self.server.file, "Location"),
                    "no RelayIpList",
                    "",
                    "nobody may relay by address",
                )
            return
        found = self._list("RelayIpList")
        if found is None:
            return
        for network in found.granted:
            self.networks.allow(str(network), where, f"{said} grants {network}")
        if found.denied:
            shown = ", ".join(map(str, found.denied))
            why = "everybody but these might relay: an open relay, which this is not; add an [[allow]] for each network"
            self.findings.unknown(where, f"{said} denies {shown}", why)
        elif not found.granted and not found.n_names:
            self.findings.ok(where, said, "", "an empty list: nobody may relay by address")

    def _list(self, name: str) -> AddressList | None:
        where = self.server.where(name)
        try:
            found = address_list(bytes.fromhex(self.server.value(name)))
        except (ValueError, AddressListError) as error:
            self.findings.unknown(
                where, name, f"no list of addresses: {error}; read it off in the console of IIS 6.0"
            )
            return None
        if found.n_names:
            why = "host names stand in it: relay365 asks no DNS about clients; allow their addresses"
            self.findings.unknown(where, f"{name}: {found.n_names} names", why)
        return found

    # -- the way out

    def _smart_host(self) -> None:
        if any("name" not in one.keys for one in self.draft.entries("route")):
            self._second_way()
            return
        given, kind = self.server.value("SmartHost"), self.server.value("SmartHostType")
        where, said = self.server.where("SmartHost"), f"SmartHost = {given or '(none)'}"
        user = self.server.value("RouteUserName")
        if user:
            self.findings.ok(self.server.where("RouteUserName"), f"RouteUserName = {user}", f"login {user}")
        if self.server.has("RoutePassword"):
            self.findings.ok(self.server.where("RoutePassword"), "RoutePassword = ...", "", "not copied")
        if given and kind and kind not in _ALWAYS:
            why = "IIS tried the recipients' own servers first; here all mail goes by the route"
            self.findings.warn(self.server.where("SmartHostType"), f"SmartHostType = {kind}", "", why)
        elif kind:
            self.findings.ok(
                self.server.where("SmartHostType"),
                f"SmartHostType = {kind}",
                "",
                "all mail goes by the route",
            )
        if not given:
            self._add(direct(self._domain(), self.wish), where, said)
            return
        host = re.split(r"[;,\s]+", given)[0].strip("[]")
        port = self.server.value("RemoteSmtpPort")
        tls = "required" if _is_on(self.server.value("AlwaysUseSsl"), ("True", "TRUE"), 1) else "none"
        hop = Hop(host, int(port) if port.isdigit() and 0 < int(port) < 65536 else 25, tls, user)
        self._add(way_of(hop, self.wish), where, said)
        for name in ("RemoteSmtpPort", "AlwaysUseSsl"):
            if self.server.value(name):
                self.findings.ok(
                    self.server.where(name),
                    f"{name} = {self.server.value(name)}",
                    "host and tls of the route",
                )
        if re.search(r"[;,]", given):
            self.findings.warn(where, said, "", f"only {host} was taken; add the others as further [[route]]")

    def _second_way(self) -> None:
        """A further virtual server: its listeners are taken, but mail does not choose its way by the listener."""
        given, where = self.server.value("SmartHost"), self.server.where("SmartHost")
        if self.server.has("RoutePassword"):
            self.findings.ok(self.server.where("RoutePassword"), "RoutePassword = ...", "", "not copied")
        if given and f"SmartHost = {given}" not in {one.old for one in self.findings}:
            why = "a second server with another way out: write a [[route]] and a [[rule]] for its devices by hand"
            self.findings.unknown(where, f"SmartHost = {given}", why)

    def _add(self, way: Way, where: str, said: str) -> None:
        if way.entry is None:
            self.findings.unknown(where, said, way.missing)
            return
        self.draft.add("route", way.entry)
        mailbox = str(way.entry.keys.get("mailbox", ""))
        domain = mailbox.rpartition("@")[2] or self._domain()
        if domain:
            self.draft.table("sender").set(
                "domains", [domain], "everything else is foreign; see docs/senders.md"
            )
        tell = self.findings.warn if way.look else self.findings.ok
        tell(where, said, f"[[route]] {way.new}", way.look)

    def _domain(self) -> str:
        """The mail domain that the names of the server let guess: what stands behind the host's name."""
        name = self.server.value("DefaultDomain") or self.server.value("FullyQualifiedDomainName")
        parts = name.lower().split(".")
        if len(parts) < 2 or parts[-1] in ("local", "lan", "internal", "localdomain"):
            return ""
        return ".".join(parts[1:] if len(parts) > 2 else parts)


def _domains(metabase: Metabase, file: str, into: tuple[Draft, Findings], wish: Wish) -> None:
    """Remote domains with a smart host of their own; the others were delivered into a folder."""
    draft, findings = into
    for node in (one for one in metabase.nodes if one.kind == "IIsSmtpDomain"):
        domain = node.location.rpartition("/")[2].lower()
        target = node.attributes.get("RouteActionString", "").strip("[] ")
        where, said = node.where(file, "Location"), f"domain {domain}"
        if not target:
            why = "delivered into the drop folder there; relay365 sends everything on"
            findings.ok(where, said, "", why if domain != "domain" else "the container of the domains")
            continue
        if not re.fullmatch(r"[^\s@*]+\.[^\s@*]+", domain):
            findings.unknown(
                where, f"{said} by {target}", "no whole domain: write a [[route]] and a [[rule]] by hand"
            )
            continue
        name = re.sub(r"[^a-z0-9.-]", "-", domain)[:35]
        way = way_of(Hop(target, 25, "none", name=name), wish)
        if way.entry is None:
            findings.unknown(where, f"{said} by {target}", way.missing)
            continue
        draft.add("route", way.entry)
        draft.add(
            "rule", Entry({"name": name, "recipients": [f"@{domain}"], "routes": [name]}, is_first=True)
        )
        findings.ok(where, f"{said} by {target}", f"[[route]] {way.new}, and a [[rule]]")
    main = [one.keys["kind"] for one in draft.entries("route") if "name" not in one.keys]
    if draft.entries("rule") and main:
        draft.add("rule", Entry({"name": REST, "routes": main[:1]}, "everything else"))


def _tell_rest(metabase: Metabase, file: str, findings: Findings) -> None:
    """Every property that has no finding yet, and how many elements of other services were passed over."""
    told = {(one.where, one.old.split(" ")[0].rstrip(":")) for one in findings}
    servers = [node for node in metabase.nodes if node.kind == "IIsSmtpServer"]
    for node in metabase.nodes:
        for name, value in node.attributes.items():
            where = node.where(file, name)
            if (where, name) in told or (
                node.kind == "IIsSmtpDomain" and name in ("Location", "RouteActionString")
            ):
                continue
            state, why = _said_of(name)
            if node.kind == "IIsSmtpService" and all(name in one.attributes for one in servers):
                state, why = State.OK, "each virtual server says it itself"
            shown = f"{name} = {'...' if name in _PRIVATE or len(value) > 200 else value}"
            if state is State.OK or not value:
                findings.ok(where, shown, "", why if state is State.OK else "it is empty")
            elif state is State.WARN:
                findings.warn(where, shown, "", why)
            else:
                findings.unknown(where, shown, why)
    n = sum(metabase.others.values())
    if n:
        findings.ok(
            f"{file}:1",
            f"{n} elements of other services",
            "",
            "websites and the like: relay365 reads only the SMTP service",
        )


@cache
def _groups() -> tuple[tuple[tuple[str, ...], State, str], ...]:
    text = files("relay365.moving.iis").joinpath("properties.toml").read_text("utf-8")
    return tuple(
        (tuple(one["names"]), State(one["state"]), one["why"]) for one in tomllib.loads(text)["group"]
    )


def _said_of(name: str) -> tuple[State, str]:
    for names, state, why in _groups():
        if any(fnmatchcase(name, pattern) for pattern in names):
            return state, why
    return State.UNKNOWN, "a property that is not known here; look whether mail depends on it"


def _is_on(value: str, words: tuple[str, ...], bit: int) -> bool:
    """A flag of a metabase value, written as words with | or as a number."""
    parts = [one.strip() for one in value.split("|")]
    return any(one in words or (one.isdigit() and int(one) & bit) for one in parts)


def _line(where: str) -> int:
    return int(where.rpartition(":")[2])
