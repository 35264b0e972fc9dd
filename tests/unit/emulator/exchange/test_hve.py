"""High Volume Email: its sign-in, senders and recipients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.signing import Signer
from relay365.emulator.exchange.hve import HighVolume
from relay365.emulator.exchange.judge import Envelope, Guest, Letter
from relay365.emulator.folder import Identity
from relay365.emulator.moods import Moods
from relay365.emulator.scenario import Hve, HveAccount

HVE, OUTLOOK, GRAPH = "hve@contoso.com", "https://outlook.office.com", "https://graph.microsoft.com"


class Court:
    """A judge, and tokens of its own signer."""

    def __init__(
        self, directory: Directory, identity: Identity, clock: FakeClock, account: dict[str, Any]
    ) -> None:
        self.directory, self.signer = directory, Signer(identity, clock)
        directory.set_hve_accounts((HveAccount(address=HVE, password="right", **account),))
        self.judge = HighVolume(directory, self.signer, Moods(clock), clock)
        self.guest = Guest(account=HVE)

    def token(self, life_s: float = 3600.0, audience: str = OUTLOOK, role: str = "Mail.Send") -> str:
        return self.signer.access_token({"aud": audience, "roles": [role]}, life_s)

    def login(self, token: str, name: str = HVE) -> str:
        return self.judge.login("XOAUTH2", name, token)[0].text


@pytest.fixture
def court_of(
    directory_of: Callable[..., Directory], identity: Identity, clock: FakeClock
) -> Callable[..., Court]:
    return lambda tenant=None, **account: Court(directory_of(tenant=tenant), identity, clock, account)


@pytest.mark.parametrize(
    ("token", "account", "text"),
    [
        ({}, {}, "signed-in"),
        ({"role": "SMTP.SendAsApp"}, {}, "hve-permissions"),
        ({"audience": GRAPH}, {}, "auth-failed"),
        ({"life_s": 0.0}, {}, "hve-expired"),
        ({"life_s": 599.0}, {}, "hve-stale"),
        ({"life_s": 600.0}, {}, "signed-in"),
        ({}, {"allowed_app": False}, "hve-app"),
    ],
)
def test_tokens(
    court_of: Callable[..., Court], token: dict[str, Any], account: dict[str, Any], text: str
) -> None:
    """A token must be Exchange's, with the permission, fresh enough, and of an application that is allowed."""
    court = court_of(**account)

    assert text == court.login(court.token(**token))


def test_the_preview_reply(court_of: Callable[..., Court]) -> None:
    """The reply of the preview can be chosen; an unknown name is refused like a wrong token."""
    court = court_of()
    court.directory.hve = Hve(stale_reply="5.5.127")

    assert "hve-stale-preview" == court.login(court.token(10.0))
    assert "auth-failed" == court.login(court.token(), "nobody@contoso.com")
    assert "hve-malformed" == court.judge.malformed().text


@pytest.mark.parametrize(
    ("password", "account", "text"),
    [
        ("right", {}, "signed-in"),
        ("wrong", {}, "auth-password"),
        ("right", {"basic_auth": False}, "auth-organization"),
    ],
)
def test_passwords(court_of: Callable[..., Court], password: str, account: dict[str, Any], text: str) -> None:
    """Passwords work although the tenant's SMTP AUTH is off, where the policy lets them."""
    court = court_of({"smtp_auth": False}, **account)

    assert text == court.judge.login("LOGIN", HVE, password)[0].text


def test_a_mailbox_signs_in_and_may_not_send(court_of: Callable[..., Court]) -> None:
    """Who is no account hears so at MAIL; a password does not even sign in."""
    court = court_of()
    guest = Guest(account="scan@contoso.com")

    assert "signed-in" == court.login(court.token(), "scan@contoso.com")
    assert "hve-account" == court.judge.mail(guest, "scan@contoso.com", 0).text
    assert "auth-failed" == court.judge.login("LOGIN", "scan@contoso.com", "right")[0].text


def test_mail_rcpt_and_dot(court_of: Callable[..., Court]) -> None:
    """Sender and From are the account, recipients are inside, at most 50, and the message has at most 10 MB."""
    court = court_of({"unknown_recipients": ("gone@contoso.com",)})
    judge, guest = court.judge, court.guest
    many = Envelope(HVE, ["x@contoso.com"] * 50)
    letter = {"reverse_path": HVE, "recipients": ("a@contoso.com",), "header_from": "HVE@contoso.com"}

    assert ["not-authenticated", "hve-sender", "hve-sender", "too-big", "sender-ok"] == [
        judge.mail(Guest(), HVE, 0).text, judge.mail(guest, "scan@contoso.com", 0).text, judge.mail(guest, "", 0).text,
        judge.mail(guest, HVE, 10_485_761).text, judge.mail(guest, HVE, 10_485_760).text,
    ]  # fmt: skip
    assert ["hve-external", "no-such-recipient", "recipient-ok", "too-many-recipients"] == [
        judge.rcpt(guest, Envelope(HVE), "a@fabrikam.example").text,
        judge.rcpt(guest, Envelope(HVE), "gone@contoso.com").text,
        judge.rcpt(guest, Envelope(HVE), "a@contoso.com").text, judge.rcpt(guest, many, "a@contoso.com").text,
    ]  # fmt: skip
    assert ["accepted", "too-big", "hve-from"] == [
        judge.dot(guest, Letter(**letter, size_octets=10_485_760)).text,
        judge.dot(guest, Letter(**letter, size_octets=10_485_761)).text,
        judge.dot(guest, Letter(HVE, ("a@contoso.com",), "scan@contoso.com", 1)).text,
    ]
