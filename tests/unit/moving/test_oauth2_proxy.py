"""emailproxy.config: listeners, accounts, and what stays where it is."""

from __future__ import annotations

import pytest

from fakes.moving import SAMPLES, about, config_of, tables_of
from relay365.moving.finding import SourceError, State
from relay365.moving.oauth2_proxy import read

SAMPLE = (SAMPLES / "oauth2proxy" / "emailproxy.config").read_text("utf-8")
SERVER = "[SMTP-1587]\nserver_address = smtp.office365.com\n"
ACCOUNT = (
    "[a@contoso.com]\ntoken_url = https://login.microsoftonline.com/{}/oauth2/v2.0/token\nclient_id = 7a1e\n"
)


def test_ports_are_listeners() -> None:
    """The SMTP ports that lead to Microsoft, with their TLS; a login is asked for as before."""
    draft, _ = read(SAMPLE, "f")

    assert [
        {"address": "192.168.10.5:1587", "tls": "none", "require_auth": True},
        {
            "address": "[::]:1465",
            "tls": "implicit",
            "certificate": {"file": "/etc/proxy/fullchain.pem"},
            "key": {"file": "/etc/proxy/privkey.pem"},
            "require_auth": True,
        },
    ] == tables_of(draft, "listener")


@pytest.mark.parametrize(
    ("address", "allowed", "anywhere"),
    [("localhost", ["127.0.0.0/8"], False), ("::1", ["::1/128"], False), ("192.168.10.5", [], True)],
)
def test_a_password_without_tls_goes_on(address: str, allowed: list[str], *, anywhere: bool) -> None:
    """On loopback by a network that has to log in; elsewhere by a tolerance that a person is asked to narrow."""
    draft, findings = read(f"{SERVER}local_address = {address}\n" + ACCOUNT.format("x"), "f")
    config = config_of(draft)

    assert [(one, "required") for one in allowed] == [(str(one.network), one.login) for one in config.allow]
    assert anywhere == config.tolerate.auth_in_clear  # type: ignore[attr-defined]
    assert anywhere == bool(about(findings, "without TLS"))


def test_accounts_are_routes_by_their_login() -> None:
    """Each signs in as it did, and each login sends by its own mailbox."""
    config = config_of(read(SAMPLE, "f")[0])
    scan, billing, erp = config.route

    assert ("mailbox", "11111111-2222-4333-8444-555555555555") == (scan.login, scan.tenant)  # type: ignore[union-attr]
    assert ("/etc/relay365/billing.secret", "contoso.com") == (billing.secret.file, billing.tenant)  # type: ignore[union-attr]
    assert "/etc/proxy/app.key" == erp.key.file  # type: ignore[union-attr]
    assert [("scan", "scan@contoso.com"), ("billing", "billing@contoso.com"), ("erp", "erp@contoso.com")] == [
        (one.name, one.match.login) for one in config.device
    ]
    assert [(("scan",), ("scan",)), (("billing",), ("billing",)), (("erp",), ("erp",))] == [
        (one.device, one.routes) for one in config.rule
    ]


def test_no_secret_is_copied() -> None:
    """Neither secrets nor tokens, neither into tables nor into findings; the commands that make new ones are said."""
    draft, findings = read(SAMPLE, "f")

    assert "anarienvogel" not in repr(draft) + repr(findings.all)
    assert "relay365 token login scan" in about(findings, "[scan@contoso.com]")[0].why
    assert "relay365 user add scan@contoso.com" in about(findings, "[scan@contoso.com]")[0].why


def test_every_section_and_key_is_accounted_for() -> None:
    """What stands in a section that was taken has a finding at its line; what was not taken has one for the section."""
    _, findings = read(SAMPLE, "f")
    said = {int(one.where.rpartition(":")[2]) for one in findings}
    rows = SAMPLE.splitlines()
    sections = [n for n, row in enumerate(rows, 1) if row.startswith("[") and row != "[emailproxy]"]
    taken = range(rows.index("[scan@contoso.com]") + 1, rows.index("[billing@contoso.com]"))

    assert [] == [rows[n - 1] for n in sections if n not in said]
    assert set(taken) <= said
    assert [State.UNKNOWN] * 5 == [
        one.state
        for word in (
            "[IMAP-1993]",
            "[SMTP-2465]",
            "[your.email@gmail.com]",
            "[@contoso.com]",
            "allow_catch_all",
        )
        for one in about(findings, word)
    ]
    assert "never filled in" in about(findings, "[your.office365")[0].why


@pytest.mark.parametrize(
    ("tenant", "expected"),
    [("common", "contoso.com"), ("organizations", "contoso.com"), ("x.onmicrosoft.com", "x.onmicrosoft.com")],
)
def test_a_shared_endpoint_is_the_mailbox_domain(tenant: str, expected: str) -> None:
    """An application of one tenant is not asked at `common`; one account needs no rule."""
    draft, _ = read(SERVER + ACCOUNT.format(tenant), "f")

    assert (expected, []) == (tables_of(draft, "route")[0]["tenant"], draft.entries("rule"))


def test_national_clouds_are_known() -> None:
    """By the address that tokens come from."""
    us = ACCOUNT.format("c.us").replace("microsoftonline.com", "microsoftonline.us")
    cn = ACCOUNT.format("c.cn").replace("microsoftonline.com", "partner.microsoftonline.cn")

    assert ["gcc-high", "china"] == [
        tables_of(read(SERVER + one, "f")[0], "route")[0]["cloud"] for one in (us, cn)
    ]


def test_an_unknown_key_is_told() -> None:
    """The password flow is not used, and that is said."""
    _, findings = read(SERVER + "wonder = 1\n" + ACCOUNT.format("x") + "oauth2_flow = password\n", "f")

    assert State.UNKNOWN is about(findings, "wonder = 1")[0].state
    assert "password flow is not used" in about(findings, "[a@contoso.com]")[0].why


@pytest.mark.parametrize("text", ["", "[x]\na = b\n", "no section = 1\n", "[a@b]\nnonsense\n"])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    """With what to give instead."""
    with pytest.raises(SourceError) as error:
        read(text, "f")

    assert "emailproxy.config" in error.value.do or "email-oauth2-proxy" in error.value.do
