"""Broken set-ups, one for each layer and more, and the finding that names each: the table in docs/doctor.md.

Emulator, name server, listener and relay are real and on loopback; the doctor is asked as people ask it. Every case is
a healthy set-up with one thing broken, and the finding must name that thing, and no other fault may be found above it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from e2e.house import Relay
from e2e.microsoft import Microsoft, microsoft
from fakes.dnsserver import DnsServer, healthy, txt
from fakes.mailserver import Authority, MailServer
from relay365.cli.main import main
from relay365.emulator.certificates import new_leaf, pem_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOMAIN, ADDRESS = "contoso.com", "192.88.99.7"  # public to every library, and nobody's since RFC 7526
ALL = ("local", "upstream", "dns", "connector")

HEAD = """\
[server]
name = "relay.contoso.com"
data = "data"
[[listener]]
address = "127.0.0.1:{listener}"
[[allow]]
network = "127.0.0.0/8"
"""
SUBMISSION = """\
[[route]]
kind = "submission"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "client.secret" }}
mailbox = "scan@contoso.com"
endpoint = "{submission}"
authority = "{authority}"
ca_file = "{ca_file}"
"""
CONNECTOR = """\
[[route]]
kind = "connector"
host = "localhost:{mx_port}"
ca_file = "{ca_file}"
certificate = {{ file = "connector.pem" }}
key = {{ file = "connector.key" }}
[sender]
domains = ["contoso.com"]
"""
HVE = """\
[[route]]
kind = "hve"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "client.secret" }}
mailbox = "hve@contoso.com"
domains = ["contoso.com"]
endpoint = "{hve}"
authority = "{authority}"
ca_file = "{ca_file}"
"""
GRAPH = """\
[[route]]
kind = "graph"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "client.secret" }}
mailbox = "scan@contoso.com"
graph_endpoint = "{graph}"
authority = "{authority}"
scope = "https://graph.microsoft.com/.default"
ca_file = "{ca_file}"
"""
SMARTHOST = """\
[[route]]
kind = "smarthost"
host = "{host}"
tls = "required"
ca_file = "{ca_file}"
"""


@dataclass
class Ward:
    """One patient and all that it needs: files, a cloud, a name server. options: further arguments of the command."""

    directory: Path
    cloud: Microsoft
    dns: DnsServer
    authority: Authority
    road: str = SUBMISSION
    facts: dict[str, str] = field(default_factory=dict)
    edits: list[tuple[str, str]] = field(default_factory=list)
    more: str = ""
    areas: tuple[str, ...] = ALL
    options: list[str] = field(default_factory=list)
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def file(self) -> Path:
        return self.directory / "relay365.toml"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def write(self) -> None:
        """The configuration, with what was broken."""
        port = str(self.cloud.facts["mx"]).rpartition(":")[2]
        facts = {**self.cloud.facts, "mx_port": port, "listener": "0", **self.facts}
        text = (HEAD + self.road).format(**facts) + self.more
        for old, new in self.edits:
            assert old in text, f"nothing to break: {old}"
            text = text.replace(old, new.format(**facts))
        self.file.write_text(text, "utf-8")

    def examine(self) -> dict[str, Any]:
        """What the doctor finds."""
        self.write()
        with self.dns.running() as resolver:
            arguments = [
                *self.areas,
                "--config",
                str(self.file),
                "--resolver",
                resolver,
                "--json",
                *self.options,
            ]
            done = CliRunner().invoke(main, ["doctor", *arguments], prog_name="relay365")
        assert done.exit_code in (0, 1, 3), done.output
        found: dict[str, Any] = json.loads(done.stdout)
        assert {"good": 0, "warn": 0, "bad": 1, "unknown": 3}[found["verdict"]] == done.exit_code
        return found


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    """One emulator for all cases; each makes it well again."""
    with microsoft(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), time.time())


@pytest.fixture
def ward(
    tmp_path: Path, cloud: Microsoft, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ward]:
    """A healthy set-up."""
    monkeypatch.chdir(tmp_path)
    for name, key in (
        ("client.secret", "secret_file"), ("connector.pem", "connector_certificate_file"),
        ("connector.key", "connector_key_file"),
    ):  # fmt: skip
        shutil.copy(str(cloud.facts[key]), tmp_path / name)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "data").mkdir(mode=0o700)
    one = Ward(tmp_path, cloud, DnsServer(healthy(DOMAIN, ADDRESS)), authority)
    with one.stack:
        yield one
        heal(one)


def heal(one: Ward) -> None:
    """The emulator as it was."""
    link = HTTPConnection(str(one.cloud.facts["control"]).removeprefix("http://"), timeout=10)
    link.request("DELETE", "/moods")
    assert link.getresponse().status == 204
    link.close()
    one.cloud.control.change("/tenant", smtp_auth=True, send_as_reply="5.2.252", reject_direct_send=False)
    one.cloud.control.change(
        "/application", enabled=True, secret_expired=False, roles=["SMTP.SendAsApp", "Mail.Send"]
    )
    one.cloud.control.change("/mailboxes/scan@contoso.com", smtp_auth=None)


# -- how each is broken ------------------------------------------------------------------------------------------


def edit(old: str, new: str) -> Callable[[Ward], None]:
    return lambda one: one.edits.append((old, new))


def mood(**what: Any) -> Callable[[Ward], None]:
    return lambda one: one.cloud.control.set_mood(**what)


def application(**values: Any) -> Callable[[Ward], None]:
    return lambda one: one.cloud.control.change("/application", **values)


def records(changes: dict[tuple[str, str], list[str]]) -> Callable[[Ward], None]:
    return lambda one: one.dns.records.update(changes)


def without(*names: tuple[str, str]) -> Callable[[Ward], None]:
    def break_it(one: Ward) -> None:
        for name in names:
            del one.dns.records[name]

    return break_it


def mode(name: str, bits: int) -> Callable[[Ward], None]:
    return lambda one: (one.directory / name).chmod(bits)


def connector(*breaks: Callable[[Ward], None]) -> Callable[[Ward], None]:
    """The same on a relay whose road is a connector by certificate, seen from a public address."""

    def break_it(one: Ward) -> None:
        one.road, one.options = CONNECTOR, ["--address", ADDRESS]
        for each in breaks:
            each(one)

    return break_it


BY_ADDRESS = [
    ('certificate = {{ file = "connector.pem" }}\n'.replace("{{", "{").replace("}}", "}"), ""),
    ('key = { file = "connector.key" }\n', ""),
]


def by_address(one: Ward) -> None:
    one.edits += BY_ADDRESS


def road(text: str, *breaks: Callable[[Ward], None]) -> Callable[[Ward], None]:
    def break_it(one: Ward) -> None:
        one.road = text
        for each in breaks:
            each(one)

    return break_it


def leaf_alone(one: Ward) -> None:
    shutil.copy(str(one.cloud.facts["connector_leaf_file"]), one.directory / "connector.pem")


def chain_ended(one: Ward) -> None:
    leaf = new_leaf(one.authority.pair, ["relay.contoso.com"], time.time(), days=-1)
    (one.directory / "connector.pem").write_bytes(leaf.pem()[0] + one.authority.pair.pem()[0])
    (one.directory / "connector.key").write_bytes(pem_of(leaf.key))


def other_name(one: Ward) -> None:
    leaf = new_leaf(one.authority.pair, ["relay.elsewhere.example"], time.time())
    (one.directory / "connector.pem").write_bytes(leaf.pem()[0] + one.authority.pair.pem()[0])
    (one.directory / "connector.key").write_bytes(pem_of(leaf.key))


def server(**options: Any) -> Callable[[Ward], None]:
    """A smart host that is a fake of our own."""

    def break_it(one: Ward) -> None:
        given = dict(options)
        if given.pop("has_tls", False):
            given["tls"] = one.authority.context(given.pop("names", None))
        one.road, one.areas = SMARTHOST, ("upstream",)
        where = one.stack.enter_context(MailServer(**given).running())
        one.facts = {"host": where, "ca_file": str(one.authority.ca_file)}

    return break_it


def relay_runs(**listener: str) -> Callable[[Ward], None]:
    """A relay of this configuration runs; listener: further keys of it."""

    def start(one: Ward) -> None:
        one.areas = ("lan",)
        one.facts = {"listener": str(free_port())}
        keys = "".join(f"{key} = {value}\n" for key, value in listener.items())
        one.edits.append(("[[allow]]", f"{keys}[[allow]]".replace("{", "{{").replace("}", "}}")))
        one.write()
        running = Relay(one.directory, one.file.read_text())
        one.stack.enter_context(running)

    return start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def moved(one: Ward) -> None:
    """The file was changed after the start."""
    relay_runs()(one)
    one.facts = {"listener": str(free_port())}


def old_certificate(one: Ward, *, days: int = -1) -> None:
    leaf = new_leaf(one.authority.pair, ["127.0.0.1"], time.time(), days=days)
    (one.directory / "lan.pem").write_bytes(leaf.pem()[0] + one.authority.pair.pem()[0])
    (one.directory / "lan.key").write_bytes(pem_of(leaf.key))
    (one.directory / "lan.key").chmod(0o600)
    relay_runs(certificate='{ file = "lan.pem" }', key='{ file = "lan.key" }')(one)


def never_run(one: Ward) -> None:
    one.areas = ("lan",)


def everybody(one: Ward) -> None:
    one.edits.append(("127.0.0.0/8", "0.0.0.0/0"))
    relay_runs()(one)


def one_gateway(one: Ward) -> None:
    from relay365.engine.blackbox.archive import Archive

    relay_runs()(one)
    for name in ("copier", "nas", "ups"):
        client = {"address": "172.17.0.1", "names": [name], "sessions": []}
        Archive(one.data).write(f"device-{name}", client)


def not_ours(one: Ward) -> None:
    one.cloud.control.change("/tenant", send_as_reply="5.7.60")
    one.more = '[sender]\nrewrite_to = "boss@contoso.com"\n'


def held(one: Ward) -> None:
    import asyncio

    from relay365.clock import SystemClock
    from relay365.spool.api import LaneNote
    from relay365.spool.sqlite import SqliteSpool

    async def note() -> None:
        spool = await SqliteSpool.open(one.data, clock=SystemClock())
        text = "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox"
        await spool.note_lane(
            LaneNote("submission/scan@contoso.com", text, "configuration", "smtp-auth-off-mailbox")
        )
        await spool.close()

    asyncio.run(note())


@dataclass(frozen=True)
class Case:
    """One broken set-up. state and check: of the finding; text, do: words that must stand in it."""

    layer: str
    what: str
    break_it: Callable[[Ward], None]
    check: str
    state: str
    text: str
    do: str


POOL = {
    ("7.99.88.192.in-addr.arpa", "PTR"): ["dyn-7.pool.isp.example."],
    ("dyn-7.pool.isp.example", "A"): [ADDRESS],
}
LISTED = {
    ("7.99.88.192.zen.spamhaus.org", "A"): ["127.0.0.2"],
    ("7.99.88.192.zen.spamhaus.org", "TXT"): txt("https://check.example/q/192.88.99.7"),
}
ELEVEN = {
    (DOMAIN, "TXT"): txt(
        f"v=spf1 {' '.join(f'include:s{n}.contoso.com' for n in range(11))} include:spf.protection.outlook.com -all"
    ),
    **{(f"s{n}.contoso.com", "TXT"): txt("v=spf1 -all") for n in range(11)},
}
SUBMITS, CONNECTS = "upstream.submission", "upstream.connector"
CASES = [
    Case(
        "local", "the data directory can be read by everybody", mode("data", 0o755), "local.data", "warn",
        "read by other users", "chmod 700",
    ),
    Case(
        "local", "the client secret can be read by everybody", mode("client.secret", 0o644),
        "local.submission/secret.rights", "warn", "mode 0644", "chmod 600",
    ),
    Case(
        "local", "the client secret's file is not there", lambda one: (one.directory / "client.secret").unlink(),
        "local.submission/secret.rights", "bad", "there is no", "put it there",
    ),
    Case(
        "local", "the client secret has ended, as the file says",
        edit('mailbox = "scan@', 'secret_expires = 2026-01-31\nmailbox = "scan@'),
        "local.submission.ending", "bad", "ended", "new one",
    ),
    Case(
        "local", "the disk has less room than disk_floor",
        lambda one: setattr(one, "more", '[queue]\ndisk_floor = "1000000G"\n'), "local.disk", "bad", "free of",
        "make room",
    ),
    Case(
        "local", "a route is held since an old refusal", held, "local.queue", "bad", "is held",
        "relay365 explain smtp-auth-off-mailbox",
    ),
    Case(
        "lan", "the relay is not running", never_run, "lan.service", "bad", "not running",
        "systemctl start relay365",
    ),
    Case(
        "lan", "the file names another port than the running relay has", moved, "lan.ADDRESS.answers", "bad",
        "does not answer", "systemctl restart relay365",
    ),
    Case(
        "lan", "the listener's certificate has ended", old_certificate, "lan.ADDRESS.certificate", "bad", "ended",
        "new one",
    ),
    Case(
        "lan", "the listener's certificate ends next week", lambda one: old_certificate(one, days=7),
        "lan.ADDRESS.certificate", "warn", "ends in", "new one",
    ),
    Case(
        "lan", "an [[allow]] lets every address in", everybody, "lan.ADDRESS.strangers", "bad",
        "would take mail from 192.0.2.1", "relay365 explain --as 192.0.2.1",
    ),
    Case(
        "lan", "every device comes by one gateway's address", one_gateway, "lan.gateway", "warn",
        "one address, 172.17.0.1", "proxy_from",
    ),
    Case(
        "lan", "a listener for old machines should have been reviewed",
        relay_runs(ciphers='"legacy"', hosts='["127.0.0.0/8"]', review_by="2026-01-31"), "lan.ADDRESS.legacy",
        "warn", "reviewed by 2026-01-31", "review_by",
    ),
    Case(
        "DNS of the remote", "the endpoint's name does not exist",
        edit('endpoint = "', 'endpoint = "nobody.invalid:587"\n#'), f"{SUBMITS}.host", "bad", "has no address",
        "nslookup",
    ),
    Case(
        "port", "nobody listens at the endpoint", edit('endpoint = "', 'endpoint = "127.0.0.1:9"\n#'),
        f"{SUBMITS}.port", "bad", "cannot be reached", "check host and port",
    ),
    Case(
        "port", "another protocol answers there", server(greeting="SSH-2.0-OpenSSH_9.2"),
        "upstream.smarthost.greeting", "bad", "is no mail server", "check host and port",
    ),
    Case(
        "SMTP", "the remote is busy and greets with 421", mood(name="outage", how="greeting"), f"{SUBMITS}.greeting",
        "unknown", "greets with a refusal", "nothing",
    ),
    Case(
        "SMTP", "the remote greets with 554", server(greeting="554 5.7.1 no service for you"),
        "upstream.smarthost.greeting", "bad", "greets with a refusal", "ask who runs it",
    ),
    Case(
        "STARTTLS", "a firewall takes STARTTLS away", mood(name="no-starttls"), f"{SUBMITS}.tls", "bad",
        "offers no STARTTLS", "inspection of SMTP",
    ),
    Case(
        "TLS", "something between speaks TLS 1.0 only", mood(name="old-tls"), f"{SUBMITS}.tls", "bad", "TLSv1 only",
        "proxy or firewall",
    ),
    Case(
        "TLS", "the certificate is for another name", mood(name="wrong-certificate", how="name"), f"{SUBMITS}.tls",
        "bad", "is for another-host.example", "own name",
    ),
    Case(
        "TLS", "the certificate's issuer is unknown (TLS inspection)",
        mood(name="wrong-certificate", how="authority"), f"{SUBMITS}.tls", "bad", "is not trusted", "TLS inspection",
    ),
    Case(
        "TLS", "the certificate vouches for itself", mood(name="wrong-certificate", how="self-signed"),
        f"{SUBMITS}.tls", "bad", "is not trusted", "ca_file",
    ),
    Case(
        "TLS", "the certificate has ended", mood(name="wrong-certificate", how="expired"), f"{SUBMITS}.tls", "bad",
        "out of date", "doctor local",
    ),
    Case(
        "TLS", "the connection is cut at STARTTLS", mood(name="hang-up", at="starttls"), f"{SUBMITS}.tls", "bad",
        "no TLS comes about", "relay365 probe",
    ),
    Case(
        "HTTPS", "port 443 to the token service is closed",
        edit('authority = "', 'authority = "https://127.0.0.1:9"\n#'), f"{SUBMITS}.authority", "bad",
        "cannot be reached", "port 443",
    ),
    Case(
        "HTTPS", "the token service's certificate is not trusted",
        lambda one: one.edits.append(('ca_file = "', f'ca_file = "{one.authority.ca_file}"\n#')),
        f"{SUBMITS}.authority", "bad", "is not trusted", "TLS inspection",
    ),
    Case(
        "HTTPS", "a proxy is configured that is not there",
        edit('mailbox = "scan@', 'proxy = "http://127.0.0.1:9"\nmailbox = "scan@'), f"{SUBMITS}.authority", "bad",
        "cannot be reached", "proxy",
    ),
    Case(
        "token", "the tenant does not exist", edit('tenant = "contoso.com"', 'tenant = "fabrikam.example"'),
        f"{SUBMITS}.authority", "bad", "does not know the tenant", "tenant",
    ),
    Case(
        "token", "the client id is another's",
        edit('client = "', 'client = "7a1e0c52-0000-4000-8000-000000000000"\n#'), f"{SUBMITS}.token", "bad",
        "there is no token", "client",
    ),
    Case(
        "token", "the client secret is wrong", lambda one: (one.directory / "client.secret").write_text("wrong"),
        f"{SUBMITS}.token", "bad", "there is no token", "secret",
    ),
    Case(
        "token", "the client secret has ended", application(secret_expired=True), f"{SUBMITS}.token", "bad",
        "there is no token", "secret",
    ),
    Case(
        "token", "the application is switched off", application(enabled=False), f"{SUBMITS}.token", "bad",
        "there is no token", "application",
    ),
    Case(
        "token", "the token is for another resource",
        edit('mailbox = "scan@', 'scope = "https://graph.microsoft.com/.default"\nmailbox = "scan@'),
        f"{SUBMITS}.token", "bad", "is for graph.microsoft.com", "scope",
    ),
    Case(
        "roles", "the application lacks SMTP.SendAsApp", application(roles=[]), f"{SUBMITS}.auth", "bad",
        "is refused", "SMTP.SendAsApp",
    ),
    Case(
        "AUTH", "SMTP AUTH is off for the mailbox",
        lambda one: one.cloud.control.change("/mailboxes/scan@contoso.com", smtp_auth=False), f"{SUBMITS}.auth", "bad",
        "is refused", "Set-CASMailbox",
    ),
    Case(
        "AUTH", "SMTP AUTH is off for the tenant", lambda one: one.cloud.control.change("/tenant", smtp_auth=False),
        f"{SUBMITS}.auth", "bad", "is refused", "SmtpClientAuthenticationDisabled",
    ),
    Case(
        "AUTH", "Conditional Access refuses the sign-in", mood(name="auth", text="auth-criteria"), f"{SUBMITS}.auth",
        "bad", "is refused", "sign-in log",
    ),
    Case(
        "AUTH", "the remote offers no XOAUTH2", mood(name="no-extension", which="AUTH"), f"{SUBMITS}.auth", "bad",
        "takes no such login", "check endpoint",
    ),
    Case(
        "mailbox", "the mailbox does not exist", edit("scan@contoso.com", "nobody@contoso.com"), f"{SUBMITS}.auth",
        "bad", "as nobody@contoso.com is refused", "Get-MailboxPermission nobody@contoso.com",
    ),
    Case(
        "Send As", "[sender] rewrite_to is an address that the mailbox may not use",
        not_ours,
        f"{SUBMITS}/boss@contoso.com.sender", "bad", "MAIL FROM:<boss@contoso.com> is refused", "SendAs",
    ),
    Case(
        "High Volume Email", "the application lacks Mail.Send", road(HVE, application(roles=["SMTP.SendAsApp"])),
        "upstream.hve.auth", "bad", "is refused", "Mail.Send",
    ),
    Case(
        "Graph", "port 443 to Graph is closed",
        road(GRAPH, edit('graph_endpoint = "', 'graph_endpoint = "https://127.0.0.1:9"\n#')), "upstream.graph.graph",
        "bad", "cannot be reached", "port 443",
    ),
    Case(
        "connector", "no connector knows us", connector(by_address), f"{CONNECTS}.sender", "bad",
        "RCPT TO:<postmaster@example.com> is refused", "connector",
    ),
    Case(
        "connector", "Microsoft is busy for our address",
        connector(mood(name="reply", at="rcpt", text="server-busy")), f"{CONNECTS}.sender", "unknown", "is refused",
        "connector",
    ),
    Case(
        "connector certificate", "the leaf alone is shown, without its issuers", connector(leaf_alone),
        "connector.connector.certificate", "bad", "alone, without that of its issuer", "issuers behind your own",
    ),
    Case(
        "connector certificate", "the certificate has ended", connector(chain_ended),
        "connector.connector.certificate", "bad", "ended", "renew",
    ),
    Case(
        "connector certificate", "its name is in no accepted domain", connector(other_name),
        "connector.connector.certificate", "warn", "relay.elsewhere.example", "contoso.com",
    ),
    Case(
        "connector address", "Microsoft sees a private address", connector(lambda one: one.options.clear()),
        "connector.connector.address", "unknown", "127.0.0.1, which is not public", "--address",
    ),
    Case(
        "connector address", "the address is an IPv6 one",
        connector(lambda one: setattr(one, "options", ["--address", "2606:4700::1111"])),
        "connector.connector.address", "bad", "an IPv6 address", "IPv4",
    ),
    Case(
        "connector address", "the address has no PTR record",
        connector(without(("7.99.88.192.in-addr.arpa", "PTR"))), "connector.connector.ptr", "warn", "has no PTR",
        "provider",
    ),
    Case(
        "connector address", "the PTR's name leads elsewhere",
        connector(records({("relay.contoso.com", "A"): ["192.88.99.8"]})), "connector.connector.ptr", "warn",
        "does not lead back", "192.88.99.7",
    ),
    Case(
        "connector address", "the PTR's name is one of a dial-up pool",
        connector(records(POOL)),
        "connector.connector.ptr", "warn", "looks like a dynamic", "static",
    ),
    Case(
        "connector address", "a block list has the address",
        connector(records(LISTED)),
        "connector.connector.zen-spamhaus-org.blocklist", "bad", "zen.spamhaus.org lists", "take it off",
    ),
    Case(
        "connector address", "a block list refuses our open resolver",
        connector(records({("2.0.0.127.zen.spamhaus.org", "A"): ["127.255.255.254"]})),
        "connector.connector.zen-spamhaus-org.blocklist", "unknown", "does not answer us", "--resolver",
    ),
    Case(
        "connector address", "SPF lacks the address of a connector by address",
        connector(by_address, records({(DOMAIN, "TXT"): txt("v=spf1 include:spf.protection.outlook.com -all")})),
        "connector.connector.contoso.com.spf", "warn", "lacks our address 192.88.99.7", "ip4:192.88.99.7",
    ),
    Case(
        "MX", "the domain's MX is a filter, not Microsoft",
        connector(edit('host = "', 'domain = "contoso.com"\n#'), records({(DOMAIN, "MX"): ["10 mx.filter.example."]})),
        "dns.contoso.com.mx", "bad", "mx.filter.example, which is not Microsoft's", "host =",
    ),
    Case(
        "MX", "the domain has no MX record",
        connector(edit('host = "', 'domain = "contoso.com"\n#'), without((DOMAIN, "MX"))), "dns.contoso.com.mx",
        "bad", "has no MX record", "host =",
    ),
    Case(
        "SPF", "there is no SPF record", records({(DOMAIN, "TXT"): txt("MS=ms1")}), "dns.contoso.com.spf", "bad",
        "has no SPF record", "include:spf.protection.outlook.com",
    ),
    Case(
        "SPF", "there are two",
        records({(DOMAIN, "TXT"): txt("v=spf1 include:spf.protection.outlook.com -all", "v=spf1 -all")}),
        "dns.contoso.com.spf", "bad", "has 2 SPF records", "mend",
    ),
    Case(
        "SPF", "Microsoft is not in it", records({(DOMAIN, "TXT"): txt("v=spf1 mx -all")}), "dns.contoso.com.spf",
        "bad", "lacks include:spf.protection.outlook.com", "change TXT",
    ),
    Case(
        "SPF", "it needs more than ten questions",
        records(ELEVEN),
        "dns.contoso.com.spf", "bad", "receivers stop at 10", "mend",
    ),
    Case(
        "SPF", "it lets everybody send",
        records({(DOMAIN, "TXT"): txt("v=spf1 include:spf.protection.outlook.com +all")}), "dns.contoso.com.spf",
        "warn", "ends in +all", "-all",
    ),
    Case(
        "DKIM", "a selector is missing", without(("selector2._domainkey.contoso.com", "CNAME")),
        "dns.contoso.com.dkim", "warn", "no selector2._domainkey.contoso.com", "CNAME",
    ),
    Case(
        "DMARC", "there is no record", without(("_dmarc.contoso.com", "TXT")), "dns.contoso.com.dmarc", "warn",
        "has no DMARC", "_dmarc.contoso.com",
    ),
    Case(
        "DMARC", "the record has no policy",
        records({("_dmarc.contoso.com", "TXT"): txt("v=DMARC1; rua=mailto:a@b.example")}), "dns.contoso.com.dmarc",
        "bad", "no policy", "p=none",
    ),
    Case(
        "DNS", "the name server fails for the domain: no answer is not no record",
        lambda one: one.dns.codes.update({DOMAIN: "SERVFAIL"}), "dns.contoso.com.spf", "unknown",
        "DNS does not answer", "name server",
    ),
    Case(
        "DNS", "the name server knows our own network only", lambda one: setattr(one.dns, "knows_the_world", False),
        "dns.resolver", "unknown", "does not know the internet", "--resolver",
    ),
]  # fmt: skip


def ids(case: Case) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{case.layer} {case.what}".lower())[:60]


@pytest.mark.parametrize(
    "break_it",
    [lambda one: None, connector(), road(HVE), road(GRAPH)],
    ids=["submission", "connector", "hve", "graph"],
)
def test_a_healthy_set_up_has_no_fault(break_it: Callable[[Ward], None], ward: Ward) -> None:
    """Every question is answered well: a doctor that cries wolf is not asked again."""
    break_it(ward)
    found = ward.examine()
    others = [one for one in found["findings"] if one["state"] != "good"]

    assert [] == others
    assert "good" == found["verdict"]


def test_a_healthy_relay_has_no_fault(ward: Ward) -> None:
    """Its listeners greet, encrypt for printers too, and refuse strangers."""
    relay_runs()(ward)
    found = ward.examine()

    assert [] == [one for one in found["findings"] if one["state"] != "good"]
    assert {"answers", "certificate", "printers", "strangers"} <= {
        one["check"].rpartition(".")[2] for one in found["findings"]
    }


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_what_is_broken_is_named(case: Case, ward: Ward) -> None:
    """The finding has its state, its words and its cure; nothing above it is called broken."""
    case.break_it(ward)
    found = ward.examine()
    check = case.check.replace("ADDRESS", f"127.0.0.1:{ward.facts.get('listener', '0')}")
    by_name = {one["check"]: one for one in found["findings"]}
    one = by_name[check]

    assert (case.state, None) == (one["state"], one["behind"]), one
    assert case.text in one["text"], one
    assert one["why"] and case.do.lower() in one["do"].lower(), one
    area = check.partition(".")[0]
    above = [other for other in found["findings"] if other["area"] == area]
    above = above[: above.index(one)]
    assert [] == [other for other in above if other["state"] in ("bad", "unknown") and not other["behind"]]


def test_nothing_is_sent(ward: Ward) -> None:
    """An examination leaves no message anywhere."""
    before = len(ward.cloud.control.messages())
    ward.road = SUBMISSION + CONNECTOR
    ward.examine()

    assert before == len(ward.cloud.control.messages())


def test_one_fault_is_one_finding(ward: Ward) -> None:
    """What stands behind a closed port is not asked, and says behind what it stands."""
    edit('endpoint = "', 'endpoint = "127.0.0.1:9"\n#')(ward)
    found = ward.examine()
    behind = {one["check"]: one["behind"] for one in found["findings"] if one["behind"]}

    assert 1 == found["counts"]["bad"]
    assert {f"{SUBMITS}.{one}": f"{SUBMITS}.port" for one in ("greeting", "tls", "auth", "sender")} == behind


def test_fix_puts_rights_right(ward: Ward) -> None:
    """--fix changes what is ours, says what it did, and the next examination is clean."""
    mode("client.secret", 0o644)(ward)
    mode("data", 0o755)(ward)
    ward.areas, ward.options = ("local",), ["--fix"]
    fixed = ward.examine()
    ward.options = []

    assert 2 == sum("fixed: mode of" in one["text"] for one in fixed["findings"])
    assert (0o600, 0o700) == (
        (ward.directory / "client.secret").stat().st_mode & 0o777,
        ward.data.stat().st_mode & 0o777,
    )
    assert "good" == ward.examine()["verdict"]


def test_the_report_is_a_page_of_its_own(ward: Ward) -> None:
    """One file, nothing outside it, every finding in it, and what it shows is escaped."""
    without(("_dmarc.contoso.com", "TXT"))(ward)
    report = ward.directory / "doctor.html"
    ward.options = ["--report", str(report)]
    found = ward.examine()
    page = report.read_text("utf-8")

    assert all(one["check"] in page for one in found["findings"])
    assert "<!doctype html>" in page and "http://" not in page and "<script" not in page
    assert "&quot;v=DMARC1; p=none&quot;" in page
    assert str((ward.directory / "client.secret").read_text().strip()) not in page


def test_an_unbuildable_road_does_not_hide_the_others(ward: Ward) -> None:
    """One road lacks its secret; the other is examined all the same."""
    ward.road = SUBMISSION + CONNECTOR
    (ward.directory / "client.secret").unlink()
    ward.areas = ("upstream",)
    states = {one["check"]: one["state"] for one in ward.examine()["findings"]}

    assert "bad" == states[f"{SUBMITS}.settings"]
    assert "good" == states[f"{CONNECTS}.sender"]


def test_a_pool_is_examined_mailbox_by_mailbox(ward: Ward) -> None:
    """The second mailbox of a pool has a conversation of its own, and its own fault."""
    edit('mailbox = "scan@contoso.com"', 'mailboxes = ["scan@contoso.com", "nobody@contoso.com"]')(ward)
    ward.areas = ("upstream",)
    states = {one["check"]: one["state"] for one in ward.examine()["findings"]}

    assert ("good", "bad") == (states[f"{SUBMITS}.auth"], states[f"{SUBMITS}/nobody@contoso.com.auth"])


def test_the_table_in_the_documents_is_this_one() -> None:
    """docs/doctor.md has a row for each case, in this order, and no other."""
    page = (DOCS / "doctor.md").read_text("utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `(.+?)` \| (.+?) \|$", page, re.MULTILINE)
    expected = [(one.layer, one.what, one.check, one.state) for one in CASES]

    assert len(CASES) >= 25
    assert expected == [tuple(row) for row in rows]


def test_no_case_is_twice() -> None:
    """Each has its own name, and every layer that mail passes has one."""
    layers = {one.layer for one in CASES}

    assert len(CASES) == len({ids(one) for one in CASES})
    assert {"local", "lan", "port", "TLS", "token", "AUTH", "Send As", "SPF", "DKIM", "DMARC", "MX"} <= layers
