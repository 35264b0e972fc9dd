"""Networks, restrictions and logins."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.moving import HOP, about, config_of, postfix
from relay365.moving.finding import State


def test_networks_are_allowed_in_their_order(tmp_path: Path) -> None:
    """Excluded ones come first, because the first that fits decides; wide and public ones are looked at."""
    text = (
        HOP
        + "mynetworks = 127.0.0.0/8, 10.1.0.0/24 !10.1.0.9 [::ffff:10.1.0.0]/120 10.0.0.0/8\n"
        + "  20.40.60.0/28 10.2.0.5/24 x\n"
    )
    draft, findings = postfix(tmp_path, text)
    allowed = [(str(one.network), one.login) for one in config_of(draft).allow]

    assert ("10.1.0.9/32", "required") == allowed[0]
    assert ["127.0.0.0/8", "10.1.0.0/24", "10.0.0.0/8", "20.40.60.0/28", "10.2.0.0/24"] == [
        one for one, _ in allowed[1:]
    ]
    assert [State.OK] * 4 + [State.WARN] * 3 + [State.UNKNOWN] == [
        one.state for one in about(findings, "mynetworks ")
    ]


def test_networks_come_from_files_and_tables(tmp_path: Path) -> None:
    """A file of networks, a cidr table, a hash table with three octets; a name in it is nobody here."""
    text = (
        HOP + "mynetworks = /etc/postfix/n, cidr:/etc/postfix/c, !/etc/postfix/no, hash:/etc/postfix/none\n"
    )
    draft, findings = postfix(
        tmp_path,
        text,
        n="# x\n10.1.0.0/24, 10.2.0.0/24\n",
        c="10.3.0.0/24 OK\nhost.x.org OK\n",
        no="10.1.0.7\n",
    )

    assert ["10.1.0.7/32", "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"] == [
        str(one.network) for one in config_of(draft).allow
    ]
    assert [State.UNKNOWN] == [one.state for one in about(findings, "host.x.org")]
    assert State.UNKNOWN is about(findings, "hash:/etc/postfix/none")[0].state


def test_networks_that_might_not_relay_are_not_allowed(tmp_path: Path) -> None:
    """Lists without permit_mynetworks: nobody was let in by address, so nobody is."""
    lists = "smtpd_relay_restrictions = permit_sasl_authenticated, reject\n"
    lists += "smtpd_recipient_restrictions = reject_unauth_destination\n"
    draft, findings = postfix(tmp_path, HOP + "mynetworks = 10.1.0.0/24\n" + lists)

    assert [] == draft.entries("allow")
    assert State.WARN is about(findings, "mynetworks = ")[0].state


def test_an_unset_mynetworks_is_the_style(tmp_path: Path) -> None:
    """host is this machine; subnet and class cannot be known from a folder, and say so."""
    host, good = postfix(tmp_path / "a", HOP)
    subnet, bad = postfix(tmp_path / "b", HOP + "mynetworks_style = subnet\n")

    assert ["127.0.0.0/8"] == [str(one.network) for one in config_of(host).allow]
    assert (0, 1) == (good.count(State.UNKNOWN), bad.count(State.UNKNOWN))
    assert len(subnet.entries("allow")) == 1


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("smtpd_relay_restrictions", "10.7.7 OK", [("10.7.7.0/24", "optional")]),
        ("smtpd_recipient_restrictions", "10.7.7.7 1", [("10.7.7.7/32", "optional")]),
        ("smtpd_relay_restrictions", "10.1.0.7 550 no", [("10.1.0.7/32", "required")]),
        ("smtpd_client_restrictions", "10.1.0.7 REJECT", [("10.1.0.7/32", "required")]),
        ("smtpd_client_restrictions", "10.7.7.7 OK", []),
        ("smtpd_relay_restrictions", "10.7.7.7 DUNNO", []),
        ("smtpd_relay_restrictions", "10.7.7.7 FILTER x", []),
    ],
)
def test_an_access_table_lets_in_only_where_it_let_relay(
    tmp_path: Path, name: str, row: str, expected: list[tuple[str, str]]
) -> None:
    """OK in a client list passed a guard and let nobody relay; 550 refuses, another number permits."""
    lists = f"mynetworks = 10.1.0.0/24\n{name} = permit_mynetworks,\n"
    lists += "  check_client_access hash:/etc/postfix/c, reject_unauth_destination\n"
    draft, findings = postfix(tmp_path, HOP + lists, c=row + "\n")
    allowed = [
        (str(one.network), one.login) for one in config_of(draft).allow if str(one.network) != "10.1.0.0/24"
    ]

    assert expected == allowed
    assert len([one for one in findings if one.where == "c:1"]) == 1


def test_restrictions_are_told_word_by_word(tmp_path: Path) -> None:
    """Guards need nothing, services and names that clients say let nobody in, permit was an open relay."""
    rules = "permit_sasl_authenticated reject_rbl_client zen.x check_sender_access hash:/x "
    rules += "check_policy_service inet:a permit_tls_clientcerts permit wonder"
    _, findings = postfix(tmp_path, HOP + f"smtpd_recipient_restrictions = permit_mynetworks {rules}\n")
    states = [one.state for one in about(findings, "smtpd_recipient_restrictions ")]

    assert [State.OK] * 3 + [State.UNKNOWN] * 3 + [State.WARN, State.UNKNOWN] == states


def test_logins_keep_their_senders(tmp_path: Path) -> None:
    """Each login is a device with its senders; its password has to be made anew, and that is said."""
    text = HOP + "smtpd_sasl_auth_enable = yes\nsmtpd_sender_login_maps = hash:/etc/postfix/s\n"
    draft, findings = postfix(
        tmp_path, text, s="erp@x.org erp\ninvoice@x.org erp,shop\n@y.org shop\nnobody erp\n"
    )
    devices = {one.name: (one.match.login, one.senders) for one in config_of(draft).device}

    assert {
        "erp": ("erp", ("erp@x.org", "invoice@x.org")),
        "shop": ("shop", ("invoice@x.org", "@y.org")),
    } == devices
    assert "relay365 user add" in about(findings, "smtpd_sasl_auth_enable")[0].why
    assert State.UNKNOWN is about(findings, "nobody erp")[0].state
