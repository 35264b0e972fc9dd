"""Ports, their TLS and certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.moving import HOP, about, config_of, postfix, tables_of
from relay365.moving.finding import State


@pytest.mark.parametrize(
    ("main", "master", "expected"),
    [
        ("", "smtp inet n - y - - smtpd", {"address": "0.0.0.0:25", "tls": "none"}),
        (
            "inet_interfaces = loopback-only\n",
            "smtp inet n - y - - smtpd",
            {"address": "127.0.0.1:25", "tls": "none"},
        ),
        ("smtpd_tls_security_level = may\n", "2525 inet n - y - - smtpd", {"address": "0.0.0.0:2525"}),
        ("smtpd_use_tls = yes\n", "smtp inet n - y - - smtpd", {"address": "0.0.0.0:25"}),
        (
            "smtpd_enforce_tls = yes\n",
            "smtp inet n - y - - smtpd",
            {"address": "0.0.0.0:25", "tls": "required"},
        ),
        ("inet_interfaces = ::1\n", "smtp inet n - y - - smtpd", {"address": "[::1]:25", "tls": "none"}),
        (
            "",
            "127.0.0.1:26 inet n - y - - smtpd -o smtpd_tls_security_level=encrypt",
            {"address": "127.0.0.1:26", "tls": "required"},
        ),
        (
            "smtpd_sasl_auth_enable = yes\n",
            (
                "smtps inet n - y - - smtpd -o smtpd_tls_wrappermode=yes\n"
                "  -o smtpd_client_restrictions=permit_sasl_authenticated,reject"
            ),
            {"address": "0.0.0.0:465", "tls": "implicit", "require_auth": True},
        ),
        (
            "smtpd_sasl_auth_enable = yes\n",
            "smtp inet n - y - - smtpd -o smtpd_relay_restrictions=permit_mynetworks,permit_sasl_authenticated,reject",
            {"address": "0.0.0.0:25", "tls": "none"},
        ),
    ],
)
def test_a_port_is_a_listener(tmp_path: Path, main: str, master: str, expected: dict[str, Any]) -> None:
    """Address, port, TLS and whether a login is asked for are those of the old port."""
    draft, _ = postfix(tmp_path, HOP + main, master + "\n")

    assert [expected] == tables_of(draft, "listener")
    assert expected["address"] == config_of(draft).listener[0].address


def test_every_interface_has_its_listener_once(tmp_path: Path) -> None:
    """Two interfaces and two ports are four; a name that is no address is told, a filter's port is left out."""
    master = "smtp inet n - y - - smtpd\n25 inet n - y - - smtpd\n587 inet n - y - - smtpd\n"
    master += "127.0.0.1:10025 inet n - n - - smtpd -o content_filter=\n"
    draft, findings = postfix(
        tmp_path, HOP + "inet_interfaces = 10.1.0.5, 127.0.0.1, eth0.contoso.com\n", master
    )

    assert ["10.1.0.5:25", "127.0.0.1:25", "10.1.0.5:587", "127.0.0.1:587"] == [
        one["address"] for one in tables_of(draft, "listener")
    ]
    assert State.UNKNOWN in {one.state for one in about(findings, "inet_interfaces")}
    assert State.WARN is about(findings, "10025")[0].state


def test_lists_of_one_port_are_looked_at(tmp_path: Path) -> None:
    """They hold for every listener here; what is the same as for all, empty, or asks for a login needs no look."""
    own = "-o mynetworks=10.9.0.0/24 -o smtpd_client_restrictions= -o smtpd_relay_restrictions=permit_mynetworks,reject"
    same = "-o smtpd_client_restrictions=permit_mynetworks"
    text = HOP + "smtpd_client_restrictions = permit_mynetworks\n"
    _, findings = postfix(
        tmp_path, text, f"smtp inet n - y - - smtpd {own}\n2525 inet n - y - - smtpd {same}\n"
    )

    assert ["-o mynetworks=10.9.0.0/24", "-o smtpd_relay_restrictions=permit_mynetworks,reject"] == sorted(
        one.old for one in findings if one.state is State.WARN
    )


def test_a_certificate_comes_along_if_it_is_here(tmp_path: Path) -> None:
    """Else it stands as a comment, because a configuration that names a missing file would not start."""
    main = (
        HOP
        + "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = $smtpd_tls_cert_file\n"
    )
    pem = tmp_path / "own.pem"
    pem.write_text("x")
    here, _ = postfix(tmp_path / "a", main.format(pem))
    away, findings = postfix(tmp_path / "b", main.format("/etc/ssl/away.pem"))

    assert (
        {"file": str(pem)}
        == tables_of(here, "listener")[0]["certificate"]
        == tables_of(here, "listener")[0]["key"]
    )
    assert ({"address": "0.0.0.0:25"}, {"file": "/etc/ssl/away.pem"}) == (
        away.entries("listener")[0].keys,
        away.entries("listener")[0].later["key"],
    )
    assert State.WARN is about(findings, "smtpd_tls_cert_file")[0].state


@pytest.mark.parametrize(
    ("value", "warns"),
    [("!SSLv2, !SSLv3", True), ("!SSLv2,!SSLv3,!TLSv1,!TLSv1.1", False), (">=TLSv1.2", False)],
)
def test_old_tls_is_looked_at(tmp_path: Path, value: str, warns: bool) -> None:
    """Who let TLS 1.0 in may have a machine that needs it."""
    _, findings = postfix(tmp_path, HOP + f"smtpd_tls_protocols = {value}\n")

    assert warns == any("TLS 1.0" in one.why for one in findings)
