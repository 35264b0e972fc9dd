"""What the connector scripts do, and which connectors are refused before a script is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.administrator import FakeTenant
from fakes.powershell import Thrown
from relay365.setup.powershell.checking import faults_of
from relay365.setup.resume import read_connector
from relay365.setup.scripts.composing import Origin
from relay365.setup.scripts.connector import (
    ConnectorWish,
    check_address,
    check_name,
    make_script,
    undo_script,
)

ORIGIN = Origin("relay365 1.0", "srv-relay", "2026-11-30")
GOLDEN = Path(__file__).parents[3] / "golden" / "scripts"
WISHES = {
    "certificate": ConnectorWish("relay365", "contoso.com", "relay.contoso.com"),
    "address": ConnectorWish("relay365", "contoso.com", addresses=("8.8.4.7",)),
}


@pytest.mark.parametrize("kind", sorted(WISHES))
def test_made_once(kind: str) -> None:
    """It is of type OnPremises, which alone may relay; a second run changes nothing; the wizard reads its name."""
    tenant = FakeTenant()
    output = tenant.run(make_script(WISHES[kind], ORIGIN))
    tenant.run(make_script(WISHES[kind], ORIGIN))
    (one,) = tenant.connectors

    assert ("OnPremises", "*") == (one["ConnectorType"], one["SenderDomains"])
    assert ["New-InboundConnector"] == tenant.log
    assert "relay365" == read_connector("\n".join(output))


def test_a_new_certificate_or_address_is_put_right() -> None:
    """A connector of the same name with another certificate, or switched off, is set and not made twice."""
    tenant = FakeTenant()
    tenant.run(make_script(WISHES["certificate"], ORIGIN))
    tenant.connectors[0].update(Enabled=False)
    tenant.run(make_script(ConnectorWish("relay365", "contoso.com", "mail.contoso.com"), ORIGIN))
    by_address = FakeTenant()
    by_address.run(make_script(WISHES["address"], ORIGIN))
    by_address.run(make_script(ConnectorWish("relay365", "contoso.com", addresses=("8.8.4.9",)), ORIGIN))

    assert [("mail.contoso.com", True)] == [
        (c["TlsSenderCertificateName"], c["Enabled"]) for c in tenant.connectors
    ]
    assert [["8.8.4.9"]] == [c["SenderIPAddresses"] for c in by_address.connectors]


@pytest.mark.parametrize("kind", sorted(WISHES))
def test_a_domain_that_is_not_accepted(kind: str) -> None:
    """Such a connector would relay nothing: the script stops and says so."""
    with pytest.raises(Thrown, match="no accepted domain"):
        FakeTenant(domain="fabrikam.com").run(make_script(WISHES[kind], ORIGIN))


@pytest.mark.parametrize("kind", sorted(WISHES))
def test_what_if_and_undo(kind: str) -> None:
    """With -WhatIf nothing happens; the undo removes the connector, once."""
    tenant = FakeTenant()
    tenant.run(make_script(WISHES[kind], ORIGIN), yes=False)
    assert [] == tenant.log
    tenant.run(make_script(WISHES[kind], ORIGIN))
    tenant.run(undo_script(WISHES[kind], ORIGIN))
    tenant.run(undo_script(WISHES[kind], ORIGIN))

    assert ([], ["New-InboundConnector", "Remove-InboundConnector"]) == (tenant.connectors, tenant.log)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.168.10.5", "private"), ("100.64.3.4", "shared by a provider"), ("2001:db8::1", "IPv4"),
        ("8.8.0.0/16", "/24 to /32"), ("127.0.0.1", "private"), ("relay", "IPv4"), ("", "IPv4"),
    ],
)  # fmt: skip
def test_addresses_that_no_connector_takes(address: str, reason: str) -> None:
    """Private, shared, IPv6 and wide ones are refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        check_address(address)


def test_addresses_that_it_takes() -> None:
    """A single address stays one, a network is written with its first address."""
    assert ("8.8.4.7", "8.8.4.0/25") == (check_address("8.8.4.7"), check_address("8.8.4.7/25"))


@pytest.mark.parametrize(
    "name", ["relay.fabrikam.com", "relay.*.contoso.com", "evilcontoso.com", "contoso.com.evil"]
)
def test_names_that_no_connector_takes(name: str) -> None:
    """A certificate of another domain, or with a wildcard inside, is refused."""
    with pytest.raises(ValueError, match="a name"):
        check_name(name, "contoso.com")


def test_names_that_it_takes() -> None:
    """The domain itself, a host in it, and a wildcard in front."""
    for name in ("contoso.com", "relay.contoso.com", "*.contoso.com", "RELAY.Contoso.com"):
        check_name(name, "contoso.com")
        assert [] == faults_of(make_script(ConnectorWish("r", "contoso.com", name), ORIGIN))


def test_neither_certificate_nor_address() -> None:
    """A connector that is known by nothing is none."""
    with pytest.raises(ValueError, match="a certificate's name, or an address"):
        make_script(ConnectorWish("r", "contoso.com"), ORIGIN)


@pytest.mark.parametrize("kind", sorted(WISHES))
def test_the_golden_text(kind: str) -> None:
    """The scripts are exactly the golden ones."""
    assert (GOLDEN / f"connector-{kind}.ps1").read_text("utf-8") == make_script(WISHES[kind], ORIGIN)
    assert (GOLDEN / "connector-undo.ps1").read_text("utf-8") == undo_script(WISHES[kind], ORIGIN)
