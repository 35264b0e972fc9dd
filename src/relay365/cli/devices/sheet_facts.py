"""What stands on a device's sheet: values of the configuration and of the listeners that run, and nothing else.

What is offered is asked of a rehearsed session (engine.doors.rehearsal), so that the sheet says what the device will
hear. Apart from the command, which prints it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relay365.cli.words.output import data_directory

if TYPE_CHECKING:
    from relay365.config import Config, Device, Listener
    from relay365.rules.client import Client

NONE, STARTTLS, MUST_STARTTLS, AT_ONCE = "none", "starttls", "starttls-required", "tls-at-once"
ANSWER_S = 2.0
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_MOST_HOSTS = 512  # of a network, to find one that is no device


class Who(NamedTuple):
    """Whom the sheet is for. address: one of its addresses, "" where it may come from anywhere. helo: what it says."""

    title: str
    place: str = ""
    kind: str = ""
    address: str = ""
    helo: str = "device"
    login: str = ""


class Way(NamedTuple):
    """One listener as this client meets it.

    server: the address to type; port: 0 where it is another at each start. security: see the constants. in_clear:
    whether a login may be given without TLS. answers: whether it does now; None: it was not asked.
    """

    listener: str
    server: str
    port: int
    security: str
    in_clear: bool
    size_octets: int
    answers: bool | None


class Certificate(NamedTuple):
    """What the listeners show. file: our authority to import, or the administrator's own chain; "" of a missing one."""

    is_ours: bool
    file: str
    fingerprint: str
    until: str


class Sender(NamedTuple):
    """What to type as sender. address: "" where any will do; allowed: which others are, empty for any.

    is_put_in: whatever is typed, this goes out instead; is_mended: it does so for what is not allowed.
    """

    address: str = ""
    allowed: tuple[str, ...] = ()
    is_put_in: bool = False
    is_mended: bool = False


class Facts(NamedTuple):
    """All of it. login: never, optional or required. is_running: whether a service works on the data directory."""

    who: Who
    relay: str
    mark: str
    client: Client
    ways: tuple[Way, ...]
    login: str
    sender: Sender
    certificate: Certificate | None
    is_running: bool


def find(config: Config, name: str) -> Who | None:
    """A device by its name, an address, or a network of [[allow]]; without a name the first network."""
    device = next((one for one in config.device if one.name == name), None)
    if device is not None:
        return _of_device(config, device)
    with contextlib.suppress(ValueError):
        return Who(name, address=str(ipaddress.ip_address(name)))
    for allow in config.allow:
        if name in ("", str(allow.network)):
            return Who(f"network {allow.network}", address=_nobody_in(config, allow.network))
    return None


def facts_of(config: Config, file: Path, who: Who) -> Facts:
    """Everything; asks each listener whether it answers."""
    from relay365.app.doors import host_name
    from relay365.spool.lock import DirectoryLock

    data = data_directory(config, file)
    is_running = DirectoryLock(data).holder() is not None
    met = [_meet(config, one, who) for one in config.listener]
    open_ = [one for one in met if one.said and _is_open(one.listener, who)]
    client = (open_ or met)[0].client
    tables = [one.listener for one in open_ if one.listener.tls != "none"]
    certificate = _certificate(tables[0], file, data) if tables else None
    ways = tuple(_way(config, one, who, is_running=is_running) for one in open_)
    return Facts(
        who, host_name(config), client.mark, client, ways, client.login, _sender(config, client), certificate,
        is_running,
    )  # fmt: skip


def size_for(config: Config, who: Who) -> int:
    """The largest message of this client that goes out, in octets, at the first listener that lets it send; else 0."""
    met = (_meet(config, one, who) for one in config.listener if _is_open(one, who))
    return next((_most(config, one) for one in met if one.said), 0)


def _of_device(config: Config, device: Device) -> Who:
    match = device.match
    network = next(iter(match.address), None)
    address = str(next(iter(network.hosts()), network.network_address)) if network is not None else ""
    if (
        not (address or match.login) and config.allow
    ):  # its HELO alone lets nobody in: it comes from a network
        address = str(next(iter(config.allow[0].network.hosts())))
    helo = match.helo or "device"
    return Who(device.name, device.place, device.kind, address, helo, match.login)


def _nobody_in(config: Config, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    """An address of a network that no device has."""
    taken = [one for device in config.device for one in device.match.address]
    hosts = list(itertools.islice(network.hosts(), _MOST_HOSTS)) or [network.network_address]
    return str(next((host for host in hosts if not any(host in one for one in taken)), hosts[0]))


def _is_open(listener: Listener, who: Who) -> bool:
    """Whether its hosts let it in; which listener a rule wants, the policy knows."""
    return not (listener.hosts and who.address) or any(
        ipaddress.ip_address(who.address) in network for network in listener.hosts
    )


class _Met(NamedTuple):
    """Who a client is at a listener, and the keywords that it hears there; none where it may not send."""

    listener: Listener
    client: Client
    said: tuple[str, ...]


def _meet(config: Config, listener: Listener, who: Who) -> _Met:
    from relay365.app.doors import host_name, limits_of, offers_of
    from relay365.engine.doors.rehearsal import Envelope, rehearse
    from relay365.mail.envelope import SubmitterFacts
    from relay365.rules.admission.rulebook import rules_of
    from relay365.rules.policy import Door, Policy

    policy = Policy(
        rules_of(config), Door(listener.address, listener.tls, require_auth=listener.require_auth)
    )
    tls = "TLSv1.3" if listener.tls in ("required", "implicit") else ""
    facts = SubmitterFacts(
        listener.address, who.address, helo=who.helo, protocol="ESMTP", tls=tls, login=who.login
    )
    verdict = policy.judge(facts)
    if verdict.reply is not None and verdict.reply.code == 550:
        return _Met(listener, verdict.client, ())
    offers = offers_of(config, listener, host_name(config))
    hello = rehearse(policy, offers, limits_of(config), facts, Envelope("", ()))[0]
    return _Met(listener, verdict.client, tuple(line[4:] for line in hello.reply.splitlines()[1:]))


def _way(config: Config, met: _Met, who: Who, *, is_running: bool) -> Way:
    from relay365.config import split_host_port

    host, port = split_host_port(met.listener.address)
    kinds = {"required": MUST_STARTTLS, "implicit": AT_ONCE}
    security = kinds.get(met.listener.tls) or (STARTTLS if "STARTTLS" in met.said else NONE)
    in_clear = security in (NONE, STARTTLS) and any(word.startswith("AUTH ") for word in met.said)
    server = _nearest(who.address) if host in _EVERYWHERE else host
    answers = _answers(host, port) if is_running and port else None
    return Way(met.listener.address, server, port, security, in_clear, _most(config, met), answers)


def _most(config: Config, met: _Met) -> int:
    """The smaller of what we take and of what may go out; 0 where neither has a limit."""
    from relay365.rules.oversize import Sizes

    goes_out = Sizes.of(config).decide(met.client.oversize, config.route_names()).limit_octets
    return min(filter(None, (_size(met.said), goes_out)), default=0)


def _size(said: tuple[str, ...]) -> int:
    return next((int(word.split()[1]) for word in said if word.startswith("SIZE ")), 0)


def _nearest(address: str) -> str:
    """Of this machine's addresses the one that has most in common with the client's; "" where there is none."""
    from relay365.net.tls import local_addresses

    here = [ipaddress.ip_address(one) for one in local_addresses()]
    if not here or not address:
        return str(here[0]) if here else ""
    there = ipaddress.ip_address(address)
    alike = [one for one in here if one.version == there.version] or here
    return str(min(alike, key=lambda one: int(one) ^ int(there)))


def _answers(host: str, port: int) -> bool:
    """Whether somebody takes a connection there."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    try:
        with socket.create_connection((here, port), ANSWER_S):
            return True
    except OSError:
        return False


def _sender(config: Config, client: Client) -> Sender:
    """What the rules say, or else the mailbox that is sent from."""
    if client.sender:
        return Sender(client.sender, is_put_in=True)
    allowed = tuple(sorted(client.senders or client.house))
    named = next((one for one in allowed if not one.startswith("@")), "")
    if config.sender.foreign == "rewrite" and not client.senders and config.sender.rewrite_to:
        domains = tuple(f"@{one}" for one in config.sender.domains)
        return Sender(config.sender.rewrite_to, domains, is_mended=True)
    return Sender(named or next(_mailboxes(config), ""), allowed)


def _mailboxes(config: Config) -> Iterator[str]:
    for route in config.route:
        yield from filter(None, (getattr(route, "mailbox", ""), *getattr(route, "mailboxes", ())))


def _certificate(listener: Listener, file: Path, data: Path) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    is_ours = listener.certificate is None
    own = listener.certificate.file if listener.certificate is not None else None
    path = data / "tls" / "ca.pem" if is_ours else file.resolve().parent / str(own)
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return Certificate(is_ours, "", "", "")
    print_ = found.fingerprint(SHA256()).hex(":").upper()
    return Certificate(is_ours, str(path), print_, found.not_valid_after_utc.date().isoformat())
