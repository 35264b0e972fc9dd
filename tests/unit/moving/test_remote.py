"""Which route a next hop becomes."""

from __future__ import annotations

import pytest

from relay365.moving.remote import NO_CLIENT, Hop, Wish, direct, way_of

USER = "scan@contoso.com"


@pytest.mark.parametrize(
    ("host", "kind", "cloud"),
    [
        ("smtp.office365.com", "submission", None),
        ("SMTP.Office365.com.", "submission", None),
        ("smtp-legacy.office365.com", "submission", None),
        ("smtp.office365.us", "submission", "gcc-high"),
        ("smtp.partner.outlook.cn", "submission", "china"),
        ("contoso-com.mail.protection.outlook.com", "connector", None),
        ("contoso-com.m-v1.mx.microsoft", "connector", None),
        ("smtp-hve.office365.com", "hve", None),
        ("smtp.hve.mx.microsoft", "hve", None),
        ("smtp.azurecomm.net", "acs", None),
        ("mail.contoso.com", "smarthost", None),
        ("smtp.office365.com.evil.example", "smarthost", None),
        ("notsmtp.office365.com", "smarthost", None),
    ],
)
def test_a_host_is_known_by_its_name(host: str, kind: str, cloud: str | None) -> None:
    """Microsoft's hosts get the road that they are; what only looks like one is a smart host."""
    entry = way_of(Hop(host, 587, "required", USER), Wish()).entry

    assert entry is not None
    assert (kind, cloud) == (entry.keys["kind"], entry.keys.get("cloud"))


def test_an_unknown_client_is_a_blank_to_fill_in() -> None:
    """With the command that makes the application; a known one needs none."""
    blank = way_of(Hop("smtp.office365.com", 587, user=USER), Wish()).entry
    known = way_of(Hop("smtp.office365.com", 587, user=USER), Wish(client="7a1e")).entry

    assert blank is not None
    assert known is not None
    assert (NO_CLIENT, True) == (
        blank.keys["client"],
        "app script --mailbox scan@contoso.com" in blank.remark,
    )
    assert ("7a1e", "") == (known.keys["client"], known.remark)


@pytest.mark.parametrize("host", ["smtp.office365.com", "smtp.hve.mx.microsoft", "smtp.azurecomm.net"])
def test_without_a_login_there_is_no_route(host: str) -> None:
    """And the reason is said."""
    way = way_of(Hop(host, 587), Wish())

    assert (None, True) == (way.entry, bool(way.missing))


@pytest.mark.parametrize(
    ("tls", "expected"), [("none", "required"), ("opportunistic", "required"), ("implicit", "implicit")]
)
def test_a_password_never_goes_in_clear(tls: str, expected: str) -> None:
    """A login at a smart host needs TLS, whatever was before."""
    entry = way_of(Hop("mail.x.org", 587, tls, "shop"), Wish()).entry

    assert entry is not None
    assert (expected, {"file": "/etc/relay365/mail.x.org.password"}) == (
        entry.keys["tls"],
        entry.keys["password"],
    )


def test_direct_delivery_becomes_the_tenant() -> None:
    """The mailbox that is named, the domain's connector, or a question."""
    named, domain, nothing = direct("", Wish(mailbox=USER)), direct("contoso.com", Wish()), direct("", Wish())

    assert ["submission", "connector"] == [one.entry.keys["kind"] for one in (named, domain) if one.entry]
    assert (None, True) == (nothing.entry, "--mailbox" in nothing.missing)
