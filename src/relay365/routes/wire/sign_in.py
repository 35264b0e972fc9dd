"""AUTH with a token or a password, and never with less than the route asks for.

A remote that offers no AUTH, or none of our kind, gets nothing: the mail waits and the operator is told why.
(RFC 4954; Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", read 2026-11)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from relay365.routes.wire.remote import held
from relay365.smtp.client import ClientSession

ONE_STEP_OCTETS = (
    12_000  # RFC 4954 4: a command line with AUTH may be 12,288 octets; longer goes in two steps
)


class TokenSignIn:
    """AUTH XOAUTH2 with a token that is fetched when it is needed.

    user: the mailbox that is signed in to, which may be a shared one with the token of a person.
    """

    def __init__(
        self,
        user: str,
        token: Callable[[], Awaitable[str]],
        forget: Callable[[], None],
        *,
        one_step: bool = True,
    ) -> None:
        self._user, self._token, self._forget, self._one_step = user, token, forget, one_step

    def __repr__(self) -> str:
        return f"<TokenSignIn {self._user}>"

    async def begin(self, machine: ClientSession) -> None:
        """See SignIn. No token is fetched for a remote that would not take it."""
        _choose(machine, "XOAUTH2")
        token = await self._token()
        one_step = self._one_step and len(token) * 4 // 3 < ONE_STEP_OCTETS
        machine.auth_xoauth2(self._user, token, one_step=one_step)

    def refused(self) -> None:
        """A refused token is not offered again."""
        self._forget()


class PasswordSignIn:
    """AUTH LOGIN, or PLAIN where only that is offered."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    def __repr__(self) -> str:
        return f"<PasswordSignIn {self._user}>"

    async def begin(self, machine: ClientSession) -> None:
        """See SignIn."""
        if _choose(machine, "LOGIN", "PLAIN") == "LOGIN":
            machine.auth_login(self._user, self._password)
        else:
            machine.auth_plain(self._user, self._password)

    def refused(self) -> None:
        """Nothing is cached."""


def _choose(machine: ClientSession, *mechanisms: str) -> str:
    """The first of the mechanisms that the remote offers; raises CannotOpen where it offers none of them."""
    if not machine.offers("AUTH"):
        raise held("no-auth-offered", "the remote offers no AUTH, and the route has a sign-in")
    for mechanism in mechanisms:
        if machine.offers_auth(mechanism):
            return mechanism
    offered = machine.features["AUTH"] or "nothing"
    raise held(
        "no-such-mechanism", f"the remote offers AUTH {offered}, the route has {' or '.join(mechanisms)}"
    )
