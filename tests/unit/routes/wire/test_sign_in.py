"""Sign-in uses what the remote offers of what the route has, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from relay365.mail.outcome import Class, Kind, Scope
from relay365.routes.wire.remote import CannotOpen, SignIn
from relay365.routes.wire.sign_in import PasswordSignIn, TokenSignIn
from relay365.smtp.client import ClientSession


def said_to(sign_in: SignIn, *offers: str) -> bytes:
    """What is said to a remote with these lines in its EHLO reply."""
    machine = ClientSession()
    machine.ehlo("relay.test")
    machine.receive(
        b"220 x\r\n" + b"".join(f"250-{line}\r\n".encode() for line in ("x", *offers)) + b"250 DSN\r\n"
    )
    machine.next_event(), machine.next_event(), machine.octets_to_send()
    asyncio.run(sign_in.begin(machine))
    return machine.octets_to_send()


async def token() -> str:
    return "abc"


def token_of(asked: list[str]) -> SignIn:
    async def fetch() -> str:
        asked.append("asked")
        return "abc"

    return TokenSignIn("scan@contoso.com", fetch, lambda: None)


@pytest.mark.parametrize(
    ("sign_in", "offers", "said"),
    [
        (TokenSignIn("scan@contoso.com", token, lambda: None), "AUTH LOGIN XOAUTH2", b"AUTH XOAUTH2 dXNlcj1"),
        (PasswordSignIn("u", "p"), "AUTH LOGIN XOAUTH2", b"AUTH LOGIN\r\n"),
        (PasswordSignIn("u", "p"), "AUTH PLAIN LOGIN", b"AUTH LOGIN\r\n"),
        (PasswordSignIn("u", "p"), "AUTH=PLAIN", b"AUTH PLAIN AHUAcA==\r\n"),
    ],
)
def test_the_mechanism_is_ours_and_offered(sign_in: SignIn, offers: str, said: bytes) -> None:
    """A token goes by XOAUTH2, a password by LOGIN, by PLAIN where LOGIN is not offered."""
    assert said_to(sign_in, offers).startswith(said)


@pytest.mark.parametrize("sign_in", ["token", "password"])
@pytest.mark.parametrize(
    ("offers", "row"),
    [
        (("SIZE 100",), "no-auth-offered"),
        (("AUTH GSSAPI NTLM",), "no-such-mechanism"),
        (("AUTH",), "no-such-mechanism"),
    ],
)
def test_without_it_the_route_is_held_and_nothing_is_said(
    sign_in: str, offers: tuple[str, ...], row: str
) -> None:
    """A person must heal it; no token is fetched for a remote that would not take it."""
    asked: list[str] = []
    one = token_of(asked) if sign_in == "token" else PasswordSignIn("u", "hunter22")
    with pytest.raises(CannotOpen) as refused:
        said_to(one, *offers)
    outcome = refused.value.outcome

    assert (Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION, row, False) == (
        outcome.kind, outcome.scope, outcome.klass, outcome.row, outcome.offered,
    )  # fmt: skip
    assert [] == asked
    assert "hunter22" not in outcome.reply_text


def test_no_secret_is_in_a_repr() -> None:
    """What is logged by accident shows who, and not with what."""
    assert "<PasswordSignIn u>" == repr(PasswordSignIn("u", "hunter22"))
    assert "<TokenSignIn scan@contoso.com>" == repr(TokenSignIn("scan@contoso.com", token, lambda: None))
