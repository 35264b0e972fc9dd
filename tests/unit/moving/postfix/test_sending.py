"""Next hops, logins, transports and senders as routes and rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.moving import about, config_of, postfix, tables_of
from relay365.moving.finding import State
from relay365.moving.remote import Wish

LOGIN = "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl\n"
OFFICE = "relayhost = [smtp.office365.com]:587\n" + LOGIN


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ("relayhost = [10.0.0.25]\n", {"host": "10.0.0.25:25", "tls": "none"}),
        (
            "relayhost = [mail.x.org]:submission\nsmtp_tls_security_level = may\n",
            {"host": "mail.x.org:587", "tls": "opportunistic"},
        ),
        (
            "relayhost = [mail.x.org]:587\nsmtp_tls_security_level = secure\n",
            {"host": "mail.x.org:587", "tls": "required"},
        ),
        (
            "relayhost = [mail.x.org]:465\nsmtp_tls_wrappermode = yes\nsmtp_tls_security_level = encrypt\n",
            {"host": "mail.x.org:465", "tls": "implicit"},
        ),
        ("relayhost = [mail.x.org]\nsmtp_use_tls = yes\n", {"host": "mail.x.org:25", "tls": "opportunistic"}),
        ("relayhost = [mail.x.org]\nsmtp_enforce_tls = yes\n", {"host": "mail.x.org:25", "tls": "required"}),
        ("relayhost = [::1]:2525\n", {"host": "[::1]:2525", "tls": "none"}),
        (
            (
                "relayhost = [mail.x.org]\nsmtp_tls_security_level = may\n"
                "smtp_tls_policy_maps = inline:{ {[mail.x.org] = none} }\n"
            ),
            {"host": "mail.x.org:25", "tls": "none"},
        ),
    ],
)
def test_a_relayhost_is_a_smart_host(tmp_path: Path, main: str, expected: dict[str, Any]) -> None:
    """Host, port and TLS are what Postfix used; the configuration is one that relay365 takes."""
    draft, _ = postfix(tmp_path, main)

    assert [{"kind": "smarthost", **expected}] == tables_of(draft, "route")
    assert expected["tls"] == config_of(draft).route[0].tls  # type: ignore[union-attr]


def test_office_365_becomes_oauth(tmp_path: Path) -> None:
    """The login is the mailbox, the password is nowhere, and the command that makes the application is said."""
    draft, findings = postfix(
        tmp_path, OFFICE, sasl="[smtp.office365.com]:587 scan@contoso.com:Kanarienvogel\n"
    )
    (route,) = tables_of(draft, "route")

    assert ("submission", "scan@contoso.com", "contoso.com") == (
        route["kind"],
        route["mailbox"],
        route["tenant"],
    )
    assert "relay365 app script --mailbox scan@contoso.com" in about(findings, "relayhost")[0].why
    assert "Kanarienvogel" not in repr(findings.all) + repr(draft)
    assert "scan@contoso.com" == config_of(draft).route[0].mailbox  # type: ignore[union-attr]


def test_what_is_asked_for_is_taken(tmp_path: Path) -> None:
    """--tenant, --client and --mailbox stand in the route; a known client needs no script."""
    wish = Wish("contoso.onmicrosoft.com", "7a1e0c52-0000-4000-8000-000000000000", "other@contoso.com")
    draft, findings = postfix(tmp_path, OFFICE, wish=wish, sasl="[smtp.office365.com]:587 scan:x\n")
    (route,) = tables_of(draft, "route")

    assert (wish.tenant, wish.client, wish.mailbox) == (route["tenant"], route["client"], route["mailbox"])
    assert "OAuth instead of a password" == about(findings, "relayhost")[0].why


def test_without_a_login_the_mailbox_is_asked_for(tmp_path: Path) -> None:
    """Nothing is guessed: the finding says which option is missing."""
    draft, findings = postfix(tmp_path, "relayhost = [smtp.office365.com]:587\n")

    assert [] == draft.entries("route")
    assert (State.UNKNOWN, True) == (
        about(findings, "relayhost")[0].state,
        "--mailbox" in about(findings, "relayhost")[0].why,
    )


def test_a_password_goes_by_tls_only(tmp_path: Path) -> None:
    """A smart host with a login gets tls = "required" and a file for the password, and both are said."""
    draft, findings = postfix(
        tmp_path, "relayhost = [mail.x.org]:587\n" + LOGIN, sasl="[mail.x.org]:587 shop:Kanarienvogel\n"
    )
    (route,) = tables_of(draft, "route")

    assert ("required", "shop", "/etc/relay365/mail.x.org.password") == (
        route["tls"],
        route["user"],
        route["password"]["file"],
    )
    assert "never sent in clear" in about(findings, "relayhost")[0].why


def test_no_relayhost_goes_to_microsoft(tmp_path: Path) -> None:
    """The tenant's MX host by the domain, or the mailbox that is named; a local domain is none."""
    direct, findings = postfix(tmp_path / "a", "")
    named, _ = postfix(tmp_path / "b", "", wish=Wish(mailbox="scan@contoso.com"))
    local, unknown = postfix(tmp_path / "c", "myhostname = srv.contoso.local\n")

    assert [{"kind": "connector", "domain": "contoso.com"}] == tables_of(direct, "route")
    assert "connector plan" in about(findings, "relayhost")[0].why
    assert "submission" == tables_of(named, "route")[0]["kind"]
    assert ([], State.UNKNOWN) == (local.entries("route"), about(unknown, "relayhost")[0].state)


def test_a_domain_without_brackets_is_looked_at(tmp_path: Path) -> None:
    """Postfix asked for its MX hosts; here it is the host."""
    _, findings = postfix(tmp_path, "relayhost = isp.example\n")

    assert [State.OK, State.WARN] == [one.state for one in about(findings, "relayhost")]


def test_transports_are_routes_with_rules(tmp_path: Path) -> None:
    """A domain gets its rule before the one for the rest; what has no counterpart is named with the reason."""
    rows = "Partner.com smtp:[mail.partner.com]:26\nuser@x.org relay:[10.9.9.9]\n.y.org smtp:[a.b]\n"
    rows += "z.org lmtp:x\nw.org smtp:\n* :\n"
    draft, findings = postfix(
        tmp_path, "relayhost = [10.0.0.25]\ntransport_maps = hash:/etc/postfix/t\n", t=rows
    )
    config = config_of(draft)
    states = [one.state for one in findings if one.where.startswith("t:")]

    assert [("@partner.com",), ("user@x.org",), ()] == [rule.recipients for rule in config.rule]
    assert [("mail.partner.com",), ("10.9.9.9",), ("smarthost",)] == [rule.routes for rule in config.rule]
    assert [State.OK, State.OK, State.UNKNOWN, State.UNKNOWN, State.UNKNOWN, State.OK] == states


def test_senders_have_their_own_way(tmp_path: Path) -> None:
    """A relay host and a login of a sender's own make a route and a rule for exactly that sender."""
    main = (
        OFFICE
        + "smtp_sender_dependent_authentication = yes\nsender_dependent_relayhost_maps = hash:/etc/postfix/r\n"
    )
    sasl = "[smtp.office365.com]:587 scan@contoso.com:x\nbilling@contoso.com billing@contoso.com:x\n"
    draft, findings = postfix(
        tmp_path, main, sasl=sasl, r="@shop.org [mail.shop.org]:587\nceo@contoso.com DUNNO\n"
    )
    config = config_of(draft)

    assert [("@shop.org",), ("billing@contoso.com",), ()] == [rule.sender for rule in config.rule]
    assert [("mail.shop.org",), ("billing",), ("submission",)] == [rule.routes for rule in config.rule]
    assert "billing@contoso.com" == config.route[2].mailbox  # type: ignore[union-attr]
    assert [State.OK] == [one.state for one in about(findings, "DUNNO")]


def test_own_roots_come_along(tmp_path: Path) -> None:
    """A CA file that is not the system's is the route's; encryption that nobody verified is said."""
    main = "relayhost = [mail.x.org]\nsmtp_tls_security_level = encrypt\nsmtp_tls_CAfile = /etc/ssl/own.pem\n"
    draft, findings = postfix(tmp_path / "a", main)
    system, _ = postfix(tmp_path / "b", main.replace("own.pem", "certs/ca-certificates.crt"))

    assert "/etc/ssl/own.pem" == tables_of(draft, "route")[0]["ca_file"]
    assert "not looked at before" in about(findings, "relayhost")[0].why
    assert "ca_file" not in tables_of(system, "route")[0]


def test_what_is_no_host_is_told(tmp_path: Path) -> None:
    """A next hop that cannot be called, and a table that cannot be read, are not understood."""
    _, findings = postfix(tmp_path, "relayhost = [x]:wonder\ntransport_maps = ldap:/etc/postfix/l\n")

    assert State.UNKNOWN is about(findings, "relayhost")[0].state
    assert State.UNKNOWN is about(findings, "transport_maps")[0].state
