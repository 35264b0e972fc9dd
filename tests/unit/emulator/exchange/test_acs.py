"""Azure Communication Services: user names, senders and rates."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.signing import Signer
from relay365.emulator.exchange.acs import AzureMail
from relay365.emulator.exchange.judge import Envelope, Guest, Letter
from relay365.emulator.folder import Identity
from relay365.emulator.moods import Moods
from relay365.emulator.scenario import Acs

SENDER, OUTSIDE = "erp@contoso.com", "lena@fabrikam.example"
CLIENT, TENANT = "22222222-0000-4000-8000-000000000000", "11111111-0000-4000-8000-000000000000"


@pytest.fixture
def judge_of(
    directory_of: Callable[..., Directory], identity: Identity, clock: FakeClock
) -> Callable[..., AzureMail]:
    def make(**acs: object) -> AzureMail:
        directory = directory_of()
        directory.acs = Acs(**acs)  # type: ignore[arg-type] # keys of the table
        return AzureMail(directory, Signer(identity, clock), Moods(clock), clock)

    return make


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"contoso-acs|{CLIENT}|{TENANT}", "signed-in"),
        (f"contoso-acs.{CLIENT}.{TENANT}", "signed-in"),
        (f"Contoso-ACS|{CLIENT.upper()}|{TENANT}", "signed-in"),
        ("printers", "signed-in"),
        (f"contoso-acs|{CLIENT}.{TENANT}", "auth-failed"),
        (f"other|{CLIENT}|{TENANT}", "auth-failed"),
        (f"contoso-acs|{TENANT}|{CLIENT}", "auth-failed"),
        ("nobody", "auth-failed"),
    ],
)
def test_user_names(judge_of: Callable[..., AzureMail], name: str, text: str) -> None:
    """Resource, application and tenant joined by bars or by dots, or an SMTP Username; nothing else."""
    judge = judge_of(usernames=("Printers",))

    assert text == judge.login("LOGIN", name, "the right secret")[0].text
    assert "auth-failed" == judge.login("LOGIN", name, "another secret")[0].text


def test_tokens(judge_of: Callable[..., AzureMail], identity: Identity, clock: FakeClock) -> None:
    """A token must be for Azure's communication services."""
    judge, signer = judge_of(usernames=("printers",)), Signer(identity, clock)
    tokens = [
        signer.access_token({"aud": audience}, 3600)
        for audience in ("https://communication.azure.com", "https://outlook.office.com")
    ]

    assert ["signed-in", "auth-failed"] == [
        judge.login("XOAUTH2", "printers", token)[0].text for token in tokens
    ]


def test_mail_rcpt_and_dot(judge_of: Callable[..., AzureMail]) -> None:
    """Senders are of an accepted domain or those that are named; 50 recipients and 10 MB."""
    judge, guest = judge_of(), Guest(account="printers")
    named = judge_of(senders=("noreply@contoso.com",))

    assert ["not-authenticated", "acs-sender", "too-big", "sender-ok", "acs-sender", "sender-ok"] == [
        judge.mail(Guest(), SENDER, 0).text, judge.mail(guest, "x@elsewhere.example", 0).text,
        judge.mail(guest, SENDER, 10_485_761).text, judge.mail(guest, SENDER, 10_485_760).text,
        named.mail(guest, SENDER, 0).text, named.mail(guest, "NoReply@contoso.com", 0).text,
    ]  # fmt: skip
    assert ["recipient-ok", "too-many-recipients"] == [
        judge.rcpt(guest, Envelope(SENDER, [OUTSIDE] * n), OUTSIDE).text for n in (49, 50)
    ]
    assert "too-big" == judge.dot(guest, Letter(SENDER, (OUTSIDE,), "", 10_485_761)).text


def test_the_two_rates(judge_of: Callable[..., AzureMail], clock: FakeClock) -> None:
    """So many in a minute and so many in an hour are taken; refused ones use nothing."""
    judge, guest, letter = (
        judge_of(per_minute=2, per_hour=3),
        Guest(account="printers"),
        Letter(SENDER, (OUTSIDE,), "", 1),
    )

    def send() -> str:
        verdict = judge.dot(guest, letter)
        judge.taken(guest, is_good=verdict.is_good)
        return verdict.text

    first = [send() for _ in range(3)]
    clock.pass_s(60.0)
    second = [send() for _ in range(2)]
    clock.pass_s(3_540.0)

    assert ["accepted", "accepted", "acs-throttled"] == first
    assert ["accepted", "acs-throttled"] == second
    assert "accepted" == send()
