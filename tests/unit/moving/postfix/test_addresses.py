"""Rewritten addresses and header checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.moving import about, config_of, postfix, tables_of
from relay365.moving.finding import State

OFFICE = (
    "relayhost = [smtp.office365.com]:587\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = "
    "inline:{ {[smtp.office365.com]:587 = scan@contoso.com:x} }\nmynetworks = 10.1.0.0/24\n"
)


def test_one_sender_for_everybody(tmp_path: Path) -> None:
    """The recipe of most guides: every envelope and every foreign From becomes the mailbox."""
    draft, findings = postfix(
        tmp_path, OFFICE + "sender_canonical_maps = regexp:/etc/postfix/s\n", s="/.+/ scan@contoso.com\n"
    )
    config = config_of(draft)

    assert ("rewrite", "scan@contoso.com", ("contoso.com",)) == (
        config.sender.foreign, config.sender.rewrite_to, config.sender.domains,
    )  # fmt: skip
    assert "scan@contoso.com" == config.allow[0].sender
    assert State.OK is about(findings, "/.+/")[0].state


def test_foreign_addresses_become_one(tmp_path: Path) -> None:
    """Addresses of other domains are covered; own ones, other targets and expressions are not, each with the reason."""
    rows = "root@relay.local scan@contoso.com\n@relay.local scan@contoso.com\nroot scan@contoso.com\n"
    rows += "ups@contoso.com scan@contoso.com\nerp@x.local erp@contoso.com\nlist@x.local relative\n"
    draft, findings = postfix(tmp_path, OFFICE + "smtp_generic_maps = hash:/etc/postfix/g\n", g=rows)
    states = [one.state for one in findings if one.where.startswith("g:")]

    assert [State.OK] * 3 + [State.UNKNOWN] * 3 == states
    assert "scan@contoso.com" == tables_of(draft, "sender")[0]["rewrite_to"]
    assert "erp@contoso.com" in about(findings, "erp@x.local")[0].why


def test_nothing_is_rewritten_that_was_not(tmp_path: Path) -> None:
    """Without a map the domains are named and foreign senders pass as before."""
    draft, _ = postfix(tmp_path, OFFICE)

    assert {"domains": ["contoso.com"]} == tables_of(draft, "sender")[0]
    assert "pass" == config_of(draft).sender.foreign


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ("/^Subject:/ WARN", State.OK), ("/^X-A:/ IGNORE", State.UNKNOWN), ("/^Received:.*/ IGNORE", State.WARN),
        ("/^From:.*/ REPLACE From: Scan <scan@contoso.com>", State.WARN), ("/^To:/ REJECT no", State.UNKNOWN),
        ("if /^X/", State.UNKNOWN), ("nonsense", State.UNKNOWN), ("/^From:.*/ REPLACE From: $1", State.UNKNOWN),
    ],
)  # fmt: skip
def test_header_checks(tmp_path: Path, row: str, state: State) -> None:
    """What only logs needs nothing; Received and a fixed From have a counterpart; the rest is named."""
    _, findings = postfix(tmp_path, OFFICE + "header_checks = regexp:/etc/postfix/h\n", h=f"{row}\n")

    assert [state] == [one.state for one in findings if one.where == "h:1"]


def test_received_is_left_out(tmp_path: Path) -> None:
    """IGNORE of Received is [repair] received = "none"."""
    draft, _ = postfix(tmp_path, OFFICE + "header_checks = /etc/postfix/h\n", h="/^Received:/ IGNORE\n")

    assert "none" == config_of(draft).repair.received


def test_recipients_are_never_rewritten(tmp_path: Path) -> None:
    """Each alias is told with its line; so is a domain that stands in the line itself."""
    main = (
        OFFICE + "virtual_alias_maps = hash:/etc/postfix/v\nvirtual_alias_domains = old.org\n"
        "masquerade_domains = contoso.com\n"
    )
    _, findings = postfix(tmp_path, main, v="a@contoso.com b@contoso.com, c@contoso.com\n")

    assert [State.UNKNOWN] == [one.state for one in findings if one.where == "v:1"]
    assert State.UNKNOWN is about(findings, "virtual_alias_domains old.org")[0].state
    assert State.WARN is about(findings, "masquerade_domains")[0].state
