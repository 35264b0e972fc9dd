"""Tokens as findings, and what they rule out of a refused login."""

from __future__ import annotations

import asyncio

import pytest

from fakes.clock import FakeClock
from relay365.config import SubmissionRoute
from relay365.doctor.finding import State, bad
from relay365.doctor.patient import Road
from relay365.doctor.upstream.bearer import blamed, judged, token
from relay365.routes.identity.claims import Claims
from relay365.routes.identity.source import TokenSource

TABLE = SubmissionRoute.model_validate(
    {
        "kind": "submission", "tenant": "contoso.com", "client": "c", "secret": {"env": "X"},
        "mailbox": "scan@contoso.com",
    }
)  # fmt: skip
AUDIENCE = "outlook.office365.com"


@pytest.mark.parametrize(
    ("claims", "state", "words"),
    [
        (Claims(AUDIENCE, ("SMTP.SendAsApp",)), State.GOOD, "roles SMTP.SendAsApp"),
        (Claims("outlook.office.com", ("SMTP.Send",), "ann@contoso.com"), State.GOOD, "of ann@contoso.com"),
        (Claims(AUDIENCE, ()), State.GOOD, "RBAC for Applications"),
        (Claims(AUDIENCE, ("SMTP.SendAsApp", "full_access_as_app")), State.WARN, "full_access_as_app"),
        (Claims("graph.microsoft.com", ("Mail.Send",)), State.BAD, "is for graph.microsoft.com"),
        (Claims(), State.GOOD, "cannot be read"),
    ],
)
def test_a_token_is_read(claims: Claims, state: State, words: str) -> None:
    """Audience, roles, too many of them; a token that is no JWT is Microsoft's right."""
    finding = judged("submission", TABLE, claims)

    assert state is finding.state
    assert words in finding.text


def test_another_cloud_has_another_audience() -> None:
    """Tokens of one are worth nothing in another."""
    table = TABLE.model_copy(update={"cloud": "gcc-high"})

    assert State.BAD is judged("submission", table, Claims(AUDIENCE, ("SMTP.SendAsApp",))).state
    assert (
        State.GOOD is judged("submission", table, Claims("outlook.office365.us", ("SMTP.SendAsApp",))).state
    )


class Refusing:
    """A directory that gives nothing."""

    def ask(self) -> dict[str, object]:
        return {
            "error": "invalid_client",
            "error_description": "AADSTS7000215: wrong",
            "error_codes": [7000215],
        }

    def version(self) -> tuple[()]:
        return ()


def test_no_token() -> None:
    """A refusal is a finding with its row; a road without tokens is well."""
    road = Road("out", TABLE, source=TokenSource(Refusing(), FakeClock()))

    assert State.BAD is asyncio.run(token(road)).state
    assert State.GOOD is asyncio.run(token(Road("out", TABLE))).state


def refused(said: str):
    return bad("the login is refused", "many causes", "many cures", said)


def test_what_a_right_token_rules_out() -> None:
    """535 5.7.3 says nothing; with the role it is the mailbox, without it is the role."""
    said = "535 5.7.3 Authentication unsuccessful"
    with_role = blamed(refused(said), "submission", Claims(AUDIENCE, ("SMTP.SendAsApp",)), "scan@contoso.com")
    without = blamed(refused(said), "submission", Claims(AUDIENCE), "scan@contoso.com")

    assert "Get-MailboxPermission scan@contoso.com" in with_role.do
    assert "no role SMTP.SendAsApp" in without.why


def test_a_reply_that_says_itself_what_is_wrong_stands() -> None:
    """5.7.139 is told by Microsoft; an unreadable token rules nothing out."""
    disabled = refused("535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox")
    silent = refused("535 5.7.3 Authentication unsuccessful")

    assert disabled == blamed(disabled, "submission", Claims(AUDIENCE), "m")
    assert silent == blamed(silent, "submission", Claims(), "m")
    assert silent == blamed(silent, "acs", Claims("x"), "m")
