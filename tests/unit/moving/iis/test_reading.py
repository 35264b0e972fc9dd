"""Virtual servers as listeners, networks and routes."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.moving import SAMPLES, about, address_list, config_of, tables_of
from relay365.moving.draft import Draft
from relay365.moving.finding import Findings, SourceError, State
from relay365.moving.iis.reading import read
from relay365.moving.remote import Wish

OFFICE = (SAMPLES / "iis" / "office.xml").read_bytes()
GRANTED = address_list([["255.255.255.255", "10.1.0.1"]]).hex()


def _read(*servers: dict[str, str], more: str = "") -> tuple[Draft, Findings]:
    rows = [
        f'<IIsSmtpServer Location="/LM/SmtpSvc/{n}"\n'
        + "\n".join(f'{key}="{value}"' for key, value in {"ServerBindings": f":{24 + n}:", **one}.items())
        + "\n></IIsSmtpServer>"
        for n, one in enumerate(servers, 1)
    ]
    return read(f"<configuration>\n{''.join(rows)}\n{more}</configuration>".encode(), "m.xml", Wish())


def test_the_sample_is_a_configuration() -> None:
    """An office's server: bindings, relay list, Microsoft as smart host, a partner's domain; no password anywhere."""
    draft, findings = read(OFFICE, "office.xml", Wish())
    config = config_of(draft)

    assert ["0.0.0.0:25", "192.168.10.5:2525"] == [one.address for one in config.listener]
    assert ["127.0.0.1/32", "192.168.10.31/32", "192.168.20.0/24", "192.168.21.0/24"] == [
        str(one.network) for one in config.allow
    ]
    assert [("submission", "scan@contoso.com"), ("smarthost", None)] == [
        (one.kind, getattr(one, "mailbox", None)) for one in config.route
    ]
    assert [("@fabrikam.com",), ()] == [one.recipients for one in config.rule]
    assert ("it@contoso.com", 36_700_160) == (config.queue.reports_to, config.server.max_message)
    assert "49634462" not in repr(draft) + repr(findings.all)


def test_every_line_of_the_sample_is_accounted_for() -> None:
    """Each attribute of each SMTP element has a finding at its line."""
    _, findings = read(OFFICE, "office.xml", Wish())
    said = {int(one.where.rpartition(":")[2]) for one in findings}
    rows = OFFICE.decode().splitlines()
    first = next(n for n, row in enumerate(rows) if "<IIsSmtpService" in row)
    last = next(n for n, row in enumerate(rows) if "<IIsWebServer" in row)
    missing = [
        rows[n]
        for n in range(first, last)
        if '="' in rows[n] and n + 1 not in said and "IIsSmtpDomain" not in rows[n]
    ]

    assert ['\t\tRouteActionString="[10.1.1.25]"'] == [
        row for row in missing if "Name=" not in row and row[2:4] not in ("ID", "Va", "Ty", "Us", "At")
    ]
    assert (4, 3) == (findings.count(State.WARN), findings.count(State.UNKNOWN))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, {"address": "0.0.0.0:25"}),
        ({"AccessSSLFlags": "AccessSSL | AccessSSL128"}, {"address": "0.0.0.0:25", "tls": "required"}),
        ({"AccessSSLFlags": "8"}, {"address": "0.0.0.0:25", "tls": "required"}),
        ({"AuthFlags": "AuthBasic"}, {"address": "0.0.0.0:25", "require_auth": True}),
        ({"AuthFlags": "5"}, {"address": "0.0.0.0:25"}),
        ({"IPSecurity": GRANTED}, {"address": "0.0.0.0:25", "hosts": ["10.1.0.1/32"]}),
        (
            {"ServerBindings": "", "SecureBindings": "10.1.0.5:465:"},
            {"address": "10.1.0.5:465", "tls": "implicit"},
        ),
    ],
)
def test_a_binding_is_a_listener(attributes: dict[str, str], expected: dict[str, Any]) -> None:
    """With its TLS, who may connect, and whether a login is asked for."""
    draft, _ = _read({"SmartHost": "10.0.0.1", **attributes})

    assert [expected] == tables_of(draft, "listener")
    assert config_of(draft)


@pytest.mark.parametrize(
    ("attributes", "expected", "state"),
    [
        ({"SmartHost": "[10.0.0.9]"}, {"host": "10.0.0.9:25", "tls": "none"}, State.OK),
        (
            {"SmartHost": "mail.x.org", "RemoteSmtpPort": "587", "AlwaysUseSsl": "TRUE"},
            {"host": "mail.x.org:587", "tls": "required"},
            State.OK,
        ),
        ({"SmartHost": "a.x.org;b.x.org"}, {"host": "a.x.org:25", "tls": "none"}, State.OK),
    ],
)
def test_a_smart_host_is_a_route(attributes: dict[str, str], expected: dict[str, str], state: State) -> None:
    """Address, port and TLS as before."""
    draft, findings = _read(attributes)

    assert [{"kind": "smarthost", **expected}] == tables_of(draft, "route")
    assert state is about(findings, "SmartHost = ")[0].state


def test_a_login_needs_its_password_anew() -> None:
    """The name is taken, the password is not, TLS is."""
    draft, findings = _read({"SmartHost": "mail.x.org", "RouteUserName": "shop", "RoutePassword": "4963"})
    (route,) = tables_of(draft, "route")

    assert ("shop", "required") == (route["user"], route["tls"])
    assert "4963" not in repr(draft) + repr(findings.all)


@pytest.mark.parametrize(
    ("attributes", "word", "states"),
    [
        ({}, "no RelayIpList", [State.OK]),
        ({"RelayIpList": ""}, "RelayIpList", [State.UNKNOWN]),
        ({"RelayIpList": "zz"}, "RelayIpList", [State.UNKNOWN]),
        (
            {"RelayIpList": address_list([], [["255.255.255.255", "10.1.0.1"]]).hex()},
            "RelayIpList denies",
            [State.UNKNOWN],
        ),
        ({"RelayIpList": address_list([]).hex()}, "RelayIpList", [State.OK]),
        (
            {"RelayIpList": address_list([["255.0.0.0", "10.0.0.0"]]).hex()},
            "RelayIpList grants",
            [State.WARN],
        ),
    ],
)
def test_the_relay_list(attributes: dict[str, str], word: str, states: list[State]) -> None:
    """Granted addresses are allowed, "all except" is an open relay and is not, what cannot be read is told."""
    draft, findings = _read({"SmartHost": "10.0.0.1", **attributes})

    assert states == [one.state for one in about(findings, word)]
    assert len(draft.entries("allow")) == (1 if states == [State.WARN] else 0)


def test_without_a_smart_host_the_domain_counts() -> None:
    """What stands behind the host's name; a local one is none. Trying MX hosts first is no more."""
    draft, _ = _read({"FullyQualifiedDomainName": "srv.contoso.com"})
    local, findings = _read({"FullyQualifiedDomainName": "srv.contoso.local"})
    _, first = _read({"SmartHost": "a.x.org", "SmartHostType": "1"})

    assert [{"kind": "connector", "domain": "contoso.com"}] == tables_of(draft, "route")
    assert ([], State.UNKNOWN) == (local.entries("route"), about(findings, "SmartHost = (none)")[0].state)
    assert State.WARN is about(first, "SmartHostType = 1")[0].state


def test_a_second_server_adds_its_ports() -> None:
    """Its own way out is a question for a person; twins of ports are told."""
    draft, findings = _read(
        {"SmartHost": "a.x.org"},
        {"SmartHost": "b.x.org"},
        {"SmartHost": "a.x.org", "ServerBindings": ":25: bad"},
    )

    assert ["0.0.0.0:25", "0.0.0.0:26"] == [one["address"] for one in tables_of(draft, "listener")]
    assert [State.UNKNOWN] == [one.state for one in about(findings, "SmartHost = b.x.org")]
    assert State.UNKNOWN is about(findings, "ServerBindings = bad")[0].state


def test_remote_domains() -> None:
    """One with a smart host is a route and a rule; a local one needs nothing; a wildcard is for a person."""
    more = "".join(
        f'<IIsSmtpDomain Location="/LM/SmtpSvc/1/Domain/{name}"\nRouteActionString="{host}"></IIsSmtpDomain>\n'
        for name, host in (("x.org", "mail.x.org"), ("here.org", ""), ("*.y.org", "mail.y.org"))
    )
    draft, findings = _read({"SmartHost": "10.0.0.1"}, more=more)

    assert [["@x.org"], None] == [one.get("recipients") for one in tables_of(draft, "rule")]
    assert [State.OK, State.OK, State.UNKNOWN] == [one.state for one in about(findings, "domain ")]


def test_a_metabase_without_smtp_is_refused() -> None:
    """The error says what to give instead."""
    with pytest.raises(SourceError) as error:
        read(b"<configuration/>", "m.xml", Wish())

    assert "IIsSmtpServer" in error.value.why
